"""What waits for somebody who is signed in: editions to finish or approve, copies nobody knows of, leaves that are
held, complaints near their date, promises past theirs, drafts of their own. A handful of queries, however much there
is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.content import responses, saved_drafts
from newsletter.content.dates import in_words, london_date, moment_in_words, with_weekday
from newsletter.delivery import counting
from newsletter.editions.archive import NOT_LISTED
from newsletter.editions.models import Cadence, Edition, EditionState
from newsletter.feedback import complaints
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web.staff import setting_up
from subscribers import bursts
from subscribers.models import MailingList

#: Editions that the page tells of at most; more are on the page of editions.
MOST = 20
#: Drafts of one's own, likewise; all are on the page of updates.
MOST_DRAFTS = 3

_AUTHOR, _APPROVER, _ADMIN, _DPO = StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.ADMIN, StaffRole.DPO


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: its words and page, one sentence more, and a word for how it stands."""

    title: str
    href: str
    hint: str
    tag: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class ListNext:
    """A mailing list and when its next edition falls due, in words."""

    name: str
    due: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the start page tells."""

    tasks: list[Task]
    lists: list[ListNext]


#: What is to be done with an edition in each state, who does it, and where.
_EDITIONS: dict[EditionState, tuple[str, str, str, tuple[StaffRole, ...]]] = {
    EditionState.DRAFT: ("Finish", "Draft", "", (_AUTHOR, _ADMIN)),
    EditionState.REVIEW: ("Approve", "Waiting for approval", "/approval", (_APPROVER,)),
    EditionState.APPROVED: ("Choose when to send", "Approved", "/approval", (_APPROVER, _ADMIN)),
    EditionState.PAUSED: ("Look after", "Paused", "/sending", (_APPROVER, _ADMIN)),
}


def waiting(session: Session, officer: Officer, *, now: datetime) -> Waiting:
    """What waits for this officer, the urgent first; and when the editions of their lists fall due."""
    lists = _lists(session)
    tasks = [
        *_editions(session, officer, {list_id: name for list_id, (name, _) in lists.items()}),
        *_leaves(session, officer, {list_id: name for list_id, (name, _) in lists.items()}),
        *_complaints(session, officer, now),
        *_promises(session, officer, now),
        *_drafts(session, officer),
        *_set_up(session, officer),
    ]
    theirs = [
        ListNext(name, with_weekday(london_date(due)) if due is not None else "")
        for list_id, (name, due) in lists.items()
        if officer.has(*StaffRole, mailing_list_id=list_id)
    ]
    return Waiting(sorted(tasks, key=lambda task: not task.is_urgent), theirs)


def _lists(session: Session) -> dict[int, tuple[str, datetime | None]]:
    rows = session.exec(
        select(MailingList.id, MailingList.name, Cadence.next_due)
        .outerjoin(Cadence, col(Cadence.mailing_list_id) == col(MailingList.id))
        .order_by(col(MailingList.position), col(MailingList.id))
    )
    return {list_id: (name, due) for list_id, name, due in rows if list_id is not None}


def _editions(session: Session, officer: Officer, names: dict[int, str]) -> list[Task]:
    unknown = counting.unknown_by_edition(session)
    found = session.exec(
        select(Edition)
        .where(col(Edition.state).in_(_EDITIONS) | col(Edition.id).in_(unknown))
        .order_by(col(Edition.id).desc())
        .limit(MOST)
        .options(*(defer(column) for column in NOT_LISTED))
    )
    tasks = []
    for edition in found:
        called = f"edition {edition.number} of {names.get(edition.mailing_list_id, 'a list')}"
        where = f"/staff/editions/{edition.id}"
        verb, tag, end, roles = _EDITIONS.get(edition.state, ("", "", "", ()))
        is_own = edition.state is EditionState.REVIEW and edition.author_id == officer.id
        if roles and not is_own and officer.has(*roles, mailing_list_id=edition.mailing_list_id):
            hint = edition.paused_because if edition.state is EditionState.PAUSED else edition.subject
            tasks.append(Task(f"{verb} {called}", where + end, hint or "", tag, edition.state is EditionState.PAUSED))
        number = unknown.get(edition.id or 0, 0)
        if number and officer.has(_APPROVER, _ADMIN, mailing_list_id=edition.mailing_list_id):
            copies = "1 copy" if number == 1 else f"{number:,} copies"
            hint = f"Nobody can know whether {copies} arrived. Send again, or leave it?"
            tasks.append(Task(f"Decide about {called}", f"{where}/sending", hint, "Unknown", is_urgent=True))
    return tasks


def _leaves(session: Session, officer: Officer, names: dict[int, str]) -> list[Task]:
    return [
        Task(
            f"Decide about people who left {names.get(list_id, 'a list')}",
            "/staff/people",
            f"{number} left within minutes from one place. A mail filter may have done it.",
            "Held",
            is_urgent=True,
        )
        for list_id, number in bursts.held_by_list(session).items()
        if officer.has(_ADMIN, _DPO, mailing_list_id=list_id)
    ]


def _complaints(session: Session, officer: Officer, now: datetime) -> list[Task]:
    if not officer.has(_DPO):
        return []
    return [
        Task(
            f"Acknowledge complaint {row.reference}",
            "/staff/people",
            f"The law asks for it by {in_words(row.acknowledge_by)}.",
            complaints.clock(row, london_date(now)).capitalize(),
            is_urgent=True,
        )
        for row in complaints.urgent(session, london_date(now))
    ]


def _promises(session: Session, officer: Officer, now: datetime) -> list[Task]:
    if not officer.has(_AUTHOR, _ADMIN):
        return []
    return [
        Task(
            f"Say what became of “{response.theme}”",
            f"/staff/answers/{response.id}",
            f"It was promised for {in_words(response.doing_by)}." if response.doing_by else "",
            "Late",
            is_urgent=True,
        )
        for response in responses.overdue(session, on=london_date(now))[:MOST]
    ]


def _drafts(session: Session, officer: Officer) -> list[Task]:
    if not officer.has(_AUTHOR, _ADMIN):
        return []
    return [
        Task(
            f"Finish the update “{saved_drafts.title(draft)}”",
            f"/staff/updates/{draft.update_id}" if draft.update_id else f"/staff/updates/new?draft={draft.id}",
            f"You typed it on {moment_in_words(draft.updated_at)}. It is not saved as an update yet.",
            "Draft",
        )
        for draft in saved_drafts.of_officer(session, officer.id, limit=MOST_DRAFTS)
    ]


def _set_up(session: Session, officer: Officer) -> list[Task]:
    if not officer.has(_ADMIN):
        return []
    return [Task(words, page, why, "To set up") for words, page, why in setting_up.steps(session)]
