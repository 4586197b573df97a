"""Approval of an edition: ask for it, talk about it, see what changed, send it back, approve it byte for byte, and say
when it goes out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Generic, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date, weekday_and_time
from newsletter.core.errors import InvalidInput, NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.delivery import letterheads, preview
from newsletter.editions import (
    composing,
    differences,
    election_rule,
    elections,
    freezing,
    gate,
    going_out,
    history,
    partner_texts,
    publishing,
)
from newsletter.editions.composing import page_from_json, page_json
from newsletter.editions.differences import Difference
from newsletter.editions.gate import Gate
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.editions.partner_texts import PartnerText
from newsletter.rendering import markup
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site, typed_moments
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, F, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import edition_states, one_edition
from newsletter.web.staff.guard import TheApprover, TheAuthor, may
from newsletter.web.staff.one_edition import READERS, SENDERS, TheReader, TheSender
from subscribers import recipients
from subscribers.models import MailingList

router = APIRouter(prefix="/staff/editions/{edition_id:int}/approval")

ThePartnerApprover = Annotated[Officer, may(StaffRole.PARTNER_APPROVER)]

#: What was just done, by the word in the address.
SAID = {
    "submitted": "You have asked for approval.",
    "comment": "Your comment was added.",
    "sent-back": "The edition is a draft again, with your reason in its history.",
    "approved": "You approved the edition. What you saw is what will be sent.",
    "partner": "You approved these texts.",
    "answered": "Your reason was written down.",
    "scheduled": "The time was set. You can stop it until then.",
    "stopped": "It was stopped. It does not go out.",
}

_MOVES = {
    "assemble": "Put together",
    "edit": "Changed",
    "submit": "Sent for approval",
    "send back": "Sent back",
    "approve": "Approved",
    "schedule": "Time set",
    "hold back": "Held back",
    "send": "Sending began",
    "pause": "Paused",
    "resume": "Resumed",
    "finish": "Sending ended",
    "cancel": "Cancelled",
    "comment": "Comment",
    "partner": "Partner’s approval",
    "election": "Reason for a pre-election period",
    "decide": "Decision",
    "correct": "Corrected",
    "variant": "Other form",
}


_HASH = re.compile(r",? SHA-256 [0-9a-f]{64}")
_SLOT = re.compile(r"\[\[\w+\]\]")


class SendBackForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"because": "Say what has to change"}

    because: OneLine


class CommentForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"comment": "Write a comment"}

    comment: OneLine


class ReasonForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"election_reason": "Write why this edition may go out then, and who agreed"}

    election_reason: OneLine


class ApproveForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"seen": "Look at the edition on this page first, and then approve it"}

    seen: str
    revision: int
    election_reason: OneLine = ""


class SeenForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"seen": "Look at the text on this page first, and then approve it"}

    seen: str


class ScheduleForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "when": "Choose when it goes out",
        "list_name": "Type the name of the newsletter, to show that it is the right one",
    }

    when: Literal["soon", "at"]
    day: str = ""
    month: str = ""
    year: str = ""
    time: str = ""
    list_name: str

    @property
    def send_at(self) -> datetime | None:
        """None: as soon as may be. Raises `ValueError`."""
        return None if self.when == "soon" else typed_moments.read(self.day, self.month, self.year, self.time)

    @classmethod
    def across(cls, typed: Mapping[str, str]) -> dict[str, str]:
        if typed.get("when") != "at":
            return {}
        try:
            typed_moments.read(*(typed.get(name, "") for name in ("day", "month", "year", "time")))
        except ValueError as error:
            return {"time" if "time" in str(error) else "day": str(error)}
        return {}


@dataclass
class Matter:
    """What the page shows of an edition that can still be changed."""

    gate: Gate
    sha256: str
    partners: Sequence[PartnerText]
    differences: Sequence[Difference] | None  # None: it was never approved
    why_not: str | None  # why this officer cannot approve it

    @property
    def is_ready(self) -> bool:
        return self.gate.is_open and all(text.approval is not None for text in self.partners)


@dataclass
class Forms:
    """The forms of the page, each as it was sent or empty."""

    comment: Bound[CommentForm] = field(default_factory=Bound)
    send_back: Bound[SendBackForm] = field(default_factory=Bound)
    approve: Bound[ApproveForm] = field(default_factory=Bound)
    reason: Bound[ReasonForm] = field(default_factory=Bound)
    schedule: Bound[ScheduleForm] = field(default_factory=Bound)

    @property
    def errors(self) -> dict[str, str]:
        return {name: text for bound in vars(self).values() for name, text in bound.errors.items()}

    @property
    def summary(self) -> list[dict[str, str]]:
        return [{"text": text, "href": f"#{name}"} for name, text in self.errors.items()]


@dataclass(frozen=True, slots=True)
class Attempt(Generic[F]):
    """Something that a form of the page asks for."""

    roles: Sequence[StaffRole]  # who may, for the edition's list
    bound: Bound[F]
    forms: Forms  # the page's, with this one among them
    act: Callable[[Session, F], str]  # does it; what to add in the log
    log: str  # what the log calls it
    said: str  # what the address says when it is done


@router.get("")
def approval_page(
    edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        return _page(request, pages, runtime, session, officer, edition_id, said=SAID.get(said))


@router.post("/submit")
def submit(edition_id: int, officer: TheAuthor, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
        if edition.state is EditionState.DRAFT:
            _require_open(session, runtime, edition)
        publishing.submit(session, edition_id, now=runtime.clock.now(), staff_id=officer.id)
        one_edition.note(session, runtime, officer, "submit edition", edition_id, now=runtime.clock.now())
    return _back(edition_id, "submitted")


@router.post("/comment")
def comment(
    edition_id: int, request: Request, form: TheForm, officer: TheReader, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(CommentForm, form)

    def keep(session: Session, value: CommentForm) -> str:
        history.comment(session, edition_id, value.comment, now=runtime.clock.now(), staff_id=officer.id)
        return ""

    attempt = Attempt(READERS, bound, Forms(comment=bound), keep, "comment on edition", "comment")
    return _carry_out(attempt, request, pages, runtime, officer, edition_id)


@router.post("/send-back")
def send_back(
    edition_id: int, request: Request, form: TheForm, officer: TheSender, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(SendBackForm, form)

    def give(session: Session, value: SendBackForm) -> str:
        publishing.send_back(session, edition_id, because=value.because, now=runtime.clock.now(), staff_id=officer.id)
        return value.because

    attempt = Attempt(SENDERS, bound, Forms(send_back=bound), give, "send edition back", "sent-back")
    return _carry_out(attempt, request, pages, runtime, officer, edition_id)


@router.post("/approve")
def approve(
    edition_id: int, request: Request, form: TheForm, officer: TheApprover, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(ApproveForm, form)

    def freeze(session: Session, value: ApproveForm) -> str:
        edition, mailing_list = one_edition.find(session, officer, edition_id, StaffRole.APPROVER)
        approved = publishing.approve(
            session,
            edition_id,
            approver_id=officer.id,
            roles=one_edition.roles_for(officer, edition),
            letterhead=letterheads.letterhead(session, mailing_list, runtime.settings.base_url),
            now=runtime.clock.now(),
            revision=value.revision,
            seen_sha256=value.seen,
            election_reason=value.election_reason,
        )
        detail = f"SHA-256 {approved.frozen_sha256}"
        if approved.election_reason:
            detail += f"; in a pre-election period because: {approved.election_reason}"
        return detail

    attempt = Attempt((StaffRole.APPROVER,), bound, Forms(approve=bound), freeze, "approve edition", "approved")
    return _carry_out(attempt, request, pages, runtime, officer, edition_id)


@router.post("/partner/{partner_id:int}")
def approve_for_partner(
    edition_id: int, partner_id: int, form: TheForm, officer: ThePartnerApprover, runtime: TheRuntime
) -> Response:
    with runtime.db.transaction() as session:
        edition, mailing_list = one_edition.find(session, officer, edition_id, StaffRole.PARTNER_APPROVER)
        head = letterheads.letterhead(session, mailing_list, runtime.settings.base_url)
        given = partner_texts.approve(
            session,
            edition_id,
            partner_id,
            mail=composing.compose(session, edition, head),
            seen_sha256=form.get("seen", ""),
            staff_id=officer.id,
            partner_ids=_partner_ids(officer, edition),
            now=runtime.clock.now(),
        )
        detail = f"partner {partner_id}, SHA-256 {given.sha256}"
        one_edition.note(session, runtime, officer, "approve partner text", edition_id, detail, now=runtime.clock.now())
    return _back(edition_id, "partner")


@router.post("/reason")
def answer_for(
    edition_id: int, request: Request, form: TheForm, officer: TheApprover, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(ReasonForm, form)

    def keep(session: Session, value: ReasonForm) -> str:
        edition, _ = one_edition.find(session, officer, edition_id, StaffRole.APPROVER)
        going_out.answer_for(
            session,
            edition_id,
            reason=value.election_reason,
            approver_id=officer.id,
            roles=one_edition.roles_for(officer, edition),
            now=runtime.clock.now(),
        )
        return value.election_reason

    attempt = Attempt((StaffRole.APPROVER,), bound, Forms(reason=bound), keep, "allow edition in election", "answered")
    return _carry_out(attempt, request, pages, runtime, officer, edition_id)


@router.post("/schedule")
def schedule(
    edition_id: int, request: Request, form: TheForm, officer: TheSender, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(ScheduleForm, form)

    def set_time(session: Session, value: ScheduleForm) -> str:
        _, mailing_list = one_edition.find(session, officer, edition_id, *SENDERS)
        if _squeezed(value.list_name) != _squeezed(mailing_list.name):
            raise InvalidInput(f"This edition goes to “{mailing_list.name}”: type this name", field="list_name")
        try:
            edition = going_out.ask(
                session, edition_id, send_at=value.send_at, now=runtime.clock.now(), staff_id=officer.id
            )
        except election_rule.HeldByElection as error:
            raise InvalidInput(str(error), field="when") from None
        except InvalidInput as error:
            raise InvalidInput(str(error), field="day") from None
        assert edition.send_at is not None
        return weekday_and_time(edition.send_at)

    attempt = Attempt(SENDERS, bound, Forms(schedule=bound), set_time, "schedule edition", "scheduled")
    return _carry_out(attempt, request, pages, runtime, officer, edition_id)


@router.post("/stop")
def stop(edition_id: int, officer: TheSender, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        one_edition.find(session, officer, edition_id, *SENDERS)
        if going_out.stop(session, edition_id, now=runtime.clock.now(), staff_id=officer.id):
            one_edition.note(session, runtime, officer, "stop edition", edition_id, now=runtime.clock.now())
    return _back(edition_id, "stopped")


def _carry_out(
    attempt: Attempt[F], request: Request, pages: Pages, runtime: Runtime, officer: Officer, edition_id: int
) -> Response:
    """Do it and note it in one transaction; the page again when something has to be mended first."""
    bound = attempt.bound
    with runtime.db.reading() as session:
        one_edition.find(session, officer, edition_id, *attempt.roles)
    if bound.value is not None:
        try:
            with runtime.db.transaction() as session:
                detail = attempt.act(session, bound.value)
                now = runtime.clock.now()
                one_edition.note(session, runtime, officer, attempt.log, edition_id, detail, now=now)
            return _back(edition_id, attempt.said)
        except (InvalidInput, NotAllowed) as error:
            field_name = error.field if isinstance(error, InvalidInput) and error.field else None
            bound.errors = {field_name or next(iter(bound.typed)): str(error)}
    with runtime.db.reading() as session:
        return _page(request, pages, runtime, session, officer, edition_id, forms=attempt.forms, status=422)


def _page(
    request: Request,
    pages: Pages,
    runtime: Runtime,
    session: Session,
    officer: Officer,
    edition_id: int,
    *,
    forms: Forms | None = None,
    said: str | None = None,
    status: int = 200,
) -> Response:
    edition, mailing_list = one_edition.find(session, officer, edition_id, *READERS)
    now, roles = runtime.clock.now(), one_edition.roles_for(officer, edition)
    matter = _matter(session, runtime, officer, edition, mailing_list) if edition.state in partner_texts.OPEN else None
    events = history.newest(session, edition_id)
    special = recipients.Special(edition.topic_id) if edition.is_special else None
    return pages.show(
        request,
        "staff/approval.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=forms or Forms(),
        edition=edition,
        list=mailing_list,
        standing=edition_states.standing(edition),
        matter=matter,
        text=_readable(matter.gate.rendered.text if matter else edition.frozen_text or ""),
        subject=matter.gate.rendered.subject if matter else edition.frozen_subject or edition.subject,
        readers=recipients.count_confirmed(session, edition.mailing_list_id, special),
        may_write=bool(roles & {StaffRole.AUTHOR, StaffRole.ADMIN}),
        may_approve=StaffRole.APPROVER in roles,
        may_send=bool(roles & set(SENDERS)),
        partner_ids=_partner_ids(officer, edition),
        period=elections.at(session, london_date(now)),
        first_words=_beginning(edition.introduction),
        events=[(*_told(event), event, weekday_and_time(event.at)) for event in events],
        names=accounts.names_of(session, [event.staff_id for event in events]),
    )


def _matter(
    session: Session, runtime: Runtime, officer: Officer, edition: Edition, mailing_list: MailingList
) -> Matter:
    assert edition.id is not None
    now = runtime.clock.now()
    head = letterheads.letterhead(session, mailing_list, runtime.settings.base_url)
    found = gate.look(session, edition, head, on=london_date(now), now=now)
    page = page_json(found.mail)
    last = history.last_approval(session, edition.id)
    why_not = None
    try:
        publishing.refuse_own_work(session, edition, officer.id)
    except NotAllowed as error:
        why_not = str(error)
    return Matter(
        gate=found,
        sha256=freezing.freeze(edition, found.rendered, page)["frozen_sha256"],
        partners=partner_texts.of(session, edition, found.mail),
        differences=differences.between(page_from_json(last.page), page_from_json(page)) if last else None,
        why_not=why_not,
    )


def _require_open(session: Session, runtime: Runtime, edition: Edition) -> None:
    """Whoever works here mends what the check finds, or says why it may stay, before anybody approves it (REQ-52)."""
    now = runtime.clock.now()
    head = preview.letterhead(session, runtime, edition)
    gate.require_open(session, edition, head, on=london_date(now), now=now)


def _partner_ids(officer: Officer, edition: Edition) -> set[int]:
    """The partners whose texts in this edition somebody may approve."""
    return {
        held.partner_id
        for held in officer.roles
        if held.role is StaffRole.PARTNER_APPROVER
        and held.partner_id is not None
        and held.mailing_list_id in (None, edition.mailing_list_id)
    }


def _back(edition_id: int, said: str) -> Response:
    return RedirectResponse(f"/staff/editions/{edition_id}/approval?said={said}", status_code=303)


def _beginning(introduction: str) -> str:
    """The first words of the edition's own text."""
    words = " ".join(markup.to_text(introduction).split())
    return words if len(words) <= 160 else words[:160].rpartition(" ")[0] + " …"


def _told(event: EditionEvent) -> tuple[str, str]:
    """What happened, and what was said about it; hashes are for the log."""
    verb = _MOVES.get(event.move, event.move.capitalize())
    note = _HASH.sub("", event.note)
    return verb, "" if note in (verb, "Submitted for approval") else note


def _readable(text: str) -> str:
    """The text of the mail, with words in place of what differs from reader to reader."""
    return _SLOT.sub("(each reader’s own link)", text)


def _squeezed(name: str) -> str:
    return " ".join(name.split()).casefold()
