"""Make an edition out of the updates that are due, and say of each update why it is in or out.

An update goes into an edition of a mailing list once. What was answered to readers and the dates that are coming go
with it (`response_choices`, `event_choices`); alone they make no edition. The result is a draft that people change,
submit and approve; when nothing is new there is no edition, and the answer says so. Assemblies of one list take turns,
so that two at the same moment make one edition: the second finds what the first has made.
"""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import partners, updates
from newsletter.content.dates import in_words, london_date
from newsletter.content.models import PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.core.errors import WrongState
from newsletter.editions import event_choices, headlines, numbering, response_choices
from newsletter.editions.models import Edition, EditionChoice, EditionEvent, EditionState

#: States of an edition that has still to be worked on: there is at most one such edition of a list.
OPEN = (EditionState.DRAFT, EditionState.REVIEW, EditionState.APPROVED)


@dataclass(frozen=True, slots=True)
class Considered:
    """One update, and one sentence that says why it is in or out."""

    update_id: int
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Special:
    """An edition beside the regular ones; with a topic, for those who chose it."""

    topic_id: int | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came of it. `edition` is None when nothing is new; `because` is one sentence for a person."""

    edition: Edition | None
    chosen: list[Considered]
    left_out: list[Considered]
    because: str


def assemble(
    session: Session,
    *,
    mailing_list_id: int,
    audience: Audience,
    list_name: str,
    now: datetime,
    occurrence: datetime | None = None,
    author_id: int | None = None,
    special: Special | None = None,
) -> Assembled:
    """Make the next edition of a mailing list from what is due today: a regular one, or a `special` one beside them.

    A regular edition goes to everybody, so that it carries what special ones brought to some of them as well. Regular
    and special editions do not wait for each other. Repeatable: the same `occurrence` of the cadence gives the edition
    that was made for it before.
    Raises `WrongState` when an earlier edition of the same kind has still to be approved or sent, `NotFound`.
    """
    numbering.hold(session, mailing_list_id)
    if occurrence is not None and (existing := _made_for(session, mailing_list_id, occurrence)):
        return _again(session, existing)
    return _assemble(session, mailing_list_id, audience, list_name, now, occurrence, author_id, special)


def _assemble(
    session: Session,
    mailing_list_id: int,
    audience: Audience,
    list_name: str,
    now: datetime,
    occurrence: datetime | None,
    author_id: int | None,
    special: Special | None,
) -> Assembled:
    _refuse_while_open(session, mailing_list_id, list_name, special)
    today = london_date(now)
    chosen, left_out = _consider(session, mailing_list_id, audience, today, special)
    noted_out = [Considered(_id(update), _title(update, audience), reason) for update, reason in left_out]
    if not chosen:
        return Assembled(None, [], noted_out, _nothing_new(list_name, noted_out))
    noted_in = [Considered(_id(update), _title(update, audience), reason) for update, reason in chosen]
    chosen_updates = [update for update, _ in chosen]
    subject = headlines.subject(chosen_updates, audience)
    number = numbering.next_number(session, mailing_list_id)
    edition = Edition(
        mailing_list_id=mailing_list_id,
        audience=audience,
        number=number,
        slug=numbering.free_slug(session, mailing_list_id, today),
        date=today,
        occurrence=occurrence,
        is_special=special is not None,
        topic_id=special.topic_id if special else None,
        subject=subject,
        preheader=headlines.preheader(chosen_updates, audience, subject),
        introduction=headlines.introduction(chosen_updates, audience, partners.partnership(session).area),
        author_id=author_id,
        created_at=now,
    )
    session.add(edition)
    session.flush()
    edition_id = edition.id
    assert edition_id is not None
    because = f"Edition {number} of {list_name} has {headlines.count(len(chosen), 'update')}."
    session.add(
        EditionEvent(
            edition_id=edition_id,
            at=now,
            move="assemble",
            to_state=EditionState.DRAFT,
            staff_id=author_id,
            note=because[:300],
        )
    )
    for position, considered in enumerate(noted_in, start=1):
        session.add(
            EditionChoice(
                edition_id=edition_id,
                update_id=considered.update_id,
                is_in=True,
                position=position,
                reason=considered.reason,
            )
        )
    for considered in noted_out:
        session.add(
            EditionChoice(edition_id=edition_id, update_id=considered.update_id, is_in=False, reason=considered.reason)
        )
    session.flush()
    response_choices.consider(session, edition)
    event_choices.consider(session, edition, now=now)
    return Assembled(edition, noted_in, noted_out, because)


def _consider(
    session: Session, mailing_list_id: int, audience: Audience, today: date, special: Special | None
) -> tuple[list[tuple[Update, str]], list[tuple[Update, str]]]:
    """Every update that could be asked about, in or out, with its reason, in the order of the edition."""
    used = _already_in(session, mailing_list_id, special)
    last = session.exec(
        select(Edition)
        .where(
            Edition.mailing_list_id == mailing_list_id,
            Edition.state != EditionState.CANCELLED,
            col(Edition.is_special).is_(False),
            col(Edition.corrects_id).is_(None),
        )
        .order_by(col(Edition.number).desc())
        .limit(1)
    ).first()
    new = f"New since edition {last.number} ({in_words(last.date)})" if last else "New: this is the first edition"
    due = {_id(update) for update in updates.due(session, audience=audience, on=today)}
    chosen: list[tuple[Update, str]] = []
    left_out: list[tuple[Update, str]] = []
    rows = session.exec(
        select(Update, PriorityArea.number)
        .join(PriorityArea, col(PriorityArea.id) == col(Update.priority_area_id))
        .where(col(Update.archived_at).is_(None))
        .order_by(col(PriorityArea.number), col(Update.from_date).desc(), col(Update.id))
    )
    for update, _number in rows:
        if earlier := used.get(_id(update)):
            if not _is_over(update, today):
                left_out.append((update, f"Already in edition {earlier.number} ({in_words(earlier.date)})"))
        elif not updates.wording(update, audience)[1]:
            if not _is_over(update, today):
                left_out.append((update, f"No wording for {audience}"))
        elif update.from_date > today:
            left_out.append((update, f"Not yet due: from {in_words(update.from_date)}"))
        elif _id(update) in due:
            chosen.append((update, new))
        elif update.until_date is not None and (last is None or update.until_date >= last.date):
            # What ended before the last edition was reported there; repeating it for ever would tell nobody anything.
            left_out.append((update, f"Ended on {in_words(update.until_date)}"))
    return chosen, left_out


def _already_in(session: Session, mailing_list_id: int, special: Special | None) -> dict[int, Edition]:
    """The first edition of the list that brought each update to these readers. A cancelled edition brought nothing; a
    special edition does not wait for a regular one that is not out yet."""
    if special is None:
        to_them: sa.ColumnElement[bool] = col(Edition.is_special).is_(False)
    else:
        to_them = sa.or_(
            col(Edition.topic_id) == special.topic_id if special.topic_id is not None else sa.false(),
            col(Edition.is_special) & col(Edition.topic_id).is_(None),
            col(Edition.is_special).is_(False) & col(Edition.released_at).is_not(None),
        )
    rows = session.exec(
        select(EditionChoice.update_id, Edition)
        .join(Edition, col(Edition.id) == col(EditionChoice.edition_id))
        .where(
            Edition.mailing_list_id == mailing_list_id,
            Edition.state != EditionState.CANCELLED,
            to_them,
            col(EditionChoice.is_in),
        )
        .order_by(col(Edition.number).desc())
    )
    return dict(rows.all())


def in_hand(session: Session, mailing_list_id: int, special: Special | None = None) -> Edition | None:
    """The edition that is still to be approved or sent: the regular one, or the special one for the same readers.

    A correction mail goes its own way beside them.
    """
    return session.exec(
        select(Edition).where(
            Edition.mailing_list_id == mailing_list_id,
            col(Edition.state).in_(OPEN),
            col(Edition.is_special).is_(special is not None),
            col(Edition.topic_id).is_not_distinct_from(special.topic_id if special else None),
            col(Edition.corrects_id).is_(None),
        )
    ).first()


def _refuse_while_open(session: Session, mailing_list_id: int, list_name: str, special: Special | None) -> None:
    standing = in_hand(session, mailing_list_id, special)
    if standing is not None:
        raise WrongState(
            f"Edition {standing.number} of {list_name} ({in_words(standing.date)}, {standing.state}) comes first: "
            "send it or cancel it, then assemble the next one."
        )


def _made_for(session: Session, mailing_list_id: int, occurrence: datetime) -> Edition | None:
    return session.exec(
        select(Edition).where(Edition.mailing_list_id == mailing_list_id, Edition.occurrence == occurrence)
    ).one_or_none()


def _again(session: Session, edition: Edition) -> Assembled:
    """The answer of an earlier assembly, from what it left in the database."""
    rows = session.exec(
        select(EditionChoice, Update)
        .join(Update, col(Update.id) == col(EditionChoice.update_id))
        .where(EditionChoice.edition_id == edition.id)
        .order_by(col(EditionChoice.position), col(EditionChoice.id))
    ).all()
    considered = [
        (choice.is_in, Considered(choice.update_id, _title(update, edition.audience), choice.reason))
        for choice, update in rows
    ]
    return Assembled(
        edition,
        [one for is_in, one in considered if is_in],
        [one for is_in, one in considered if not is_in],
        f"Edition {edition.number} ({in_words(edition.date)}) was already made for this date.",
    )


def _nothing_new(list_name: str, left_out: list[Considered]) -> str:
    seen = headlines.count(len(left_out), "update")
    looked = f" {seen} looked at, each with its reason below." if left_out else " There are no updates for it yet."
    return f"Nothing new for {list_name}, so there is no edition." + looked


def _is_over(update: Update, today: date) -> bool:
    return update.until_date is not None and update.until_date < today


def _title(update: Update, audience: Audience) -> str:
    """The title for the audience; the other one's when there is none, so that a person can tell which update it is."""
    return updates.wording(update, audience)[0] or update.parent_title or update.professional_title


def _id(update: Update) -> int:
    assert update.id is not None
    return update.id
