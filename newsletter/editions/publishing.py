"""From a draft to an edition that is being sent: edit, submit, approve (freeze), schedule, release, pause, cancel.

What may follow what is `MOVES`, one table; each move is won by one caller and leaves an event. Approval freezes the
rendered edition and its hash, by somebody who wrote none of it; a change of the edition or of anything in it undoes the
approval. Nothing here sends or knows who gets it: `newsletter.delivery` does, from the frozen columns.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col, select

from newsletter.content import pictures
from newsletter.content.dates import LONDON, in_words, london_date
from newsletter.content.lines import one_line
from newsletter.content.models import Event, Response, Update
from newsletter.core.errors import InvalidInput, NotAllowed, WrongState
from newsletter.editions import (
    composing,
    election_rule,
    freezing,
    gate,
    moves,
    partner_texts,
    pictures_used,
    search_text,
    variants,
)
from newsletter.editions.composing import EditionPage, Matter
from newsletter.editions.election_rule import HeldByElection
from newsletter.editions.freezing import verify_frozen
from newsletter.editions.models import (
    CheckReason,
    Edition,
    EditionApproval,
    EditionChoice,
    EditionEvent,
    EditionState,
    EventChoice,
    ResponseChoice,
)
from newsletter.editions.moves import MOVES, Move, Step
from newsletter.rendering import markup
from newsletter.rendering.mails import Letterhead

__all__ = [
    "MOVES", "Move", "Step", "approve", "cancel", "changed_since_approval", "edit", "finish", "hold", "pause",
    "refuse_own_work", "release", "reopen_editions_with", "reopen_editions_with_event",
    "reopen_editions_with_response", "resume", "schedule", "send_back", "submit", "take_due", "verify_frozen",
]  # fmt: skip

log = structlog.get_logger(__name__)

#: The role an approver must hold. Roles come in as words: editions know nothing of staff accounts.
APPROVER = "approver"


def edit(
    session: Session,
    edition_id: int,
    *,
    subject: str | None = None,
    preheader: str | None = None,
    introduction: str | None = None,
    now: datetime,
    staff_id: int | None = None,
) -> Edition:
    """Change the words of an edition, and make it a draft again; an approval is undone. None leaves a text as it is.

    Raises `NotFound`, `WrongState` (it has gone out or was cancelled), `InvalidInput`.
    """
    changes: dict[str, str] = {}
    if subject is not None:
        changes["subject"] = _line(subject, "subject", "Subject", 120)
        if not changes["subject"]:
            raise InvalidInput("Enter a subject", field="subject")
    if preheader is not None:
        changes["preheader"] = _line(preheader, "preheader", "Line after the subject", 200)
    if introduction is not None:
        changes["introduction"] = introduction.strip()
        try:
            markup.validate(changes["introduction"])
        except InvalidInput as error:
            raise InvalidInput(str(error), field="introduction") from None
    note = f"Changed {', '.join(changes)}" if changes else "Opened again"
    return moves.make(
        session, edition_id, Move.EDIT, now=now, staff_id=staff_id, note=note, **changes, **freezing.NOTHING
    )


def submit(session: Session, edition_id: int, *, now: datetime, staff_id: int | None = None) -> Edition:
    """Ask for approval: draft → review. Raises `NotFound`, `WrongState`."""
    return moves.make(session, edition_id, Move.SUBMIT, now=now, staff_id=staff_id, note="Submitted for approval")


def send_back(
    session: Session, edition_id: int, *, because: str, now: datetime, staff_id: int | None = None
) -> Edition:
    """Give it back to its author with a reason: review, approved or scheduled → draft. An approval is undone.

    Raises `NotFound`, `WrongState`, `InvalidInput`.
    """
    reason = _line(because, "because", "Reason", 300)
    if not reason:
        raise InvalidInput("Say what has to change", field="because")
    return moves.make(session, edition_id, Move.SEND_BACK, now=now, staff_id=staff_id, note=reason, **freezing.NOTHING)


def approve(
    session: Session,
    edition_id: int,
    *,
    approver_id: int,
    roles: Collection[str],
    letterhead: Letterhead,
    now: datetime,
    revision: int | None = None,
    seen_sha256: str | None = None,
    election_reason: str = "",
) -> Edition:
    """Freeze the edition exactly as it would be sent: review → approved.

    `revision` is the one the approver looked at, `seen_sha256` the hash of the text they saw (`freezing.freeze`); give
    them whenever a person has seen the edition. The second notices what no revision counts: another help text, a new
    word in the glossary, a template of a new version, a change in the database.
    Raises `NotAllowed` (no approver, or wrote part of it), `WrongState` (not in review, or changed meanwhile) and
    `InvalidInput` with a sentence for each error of `checks`, for each of its warnings without a reason (`gate`), for
    each partner that has not approved its texts, and for a pre-election period without an `election_reason`.
    """
    edition = moves.read(session, edition_id)
    moves.require(edition, Move.APPROVE)
    if revision is not None and revision != edition.revision:
        raise _changed_meanwhile(edition)
    if APPROVER not in roles:
        raise NotAllowed("Only an approver may approve an edition.")
    refuse_own_work(session, edition, approver_id)
    found = gate.look(session, edition, letterhead, on=london_date(now), now=now)
    mail, rendered = found.mail, found.rendered
    pictures.inside(session, rendered.html)
    reason = election_rule.reason_line(election_reason)
    refusal = election_rule.refusal(session, edition.number, reason, london_date(now))
    if wanted := [*found.wanted, *partner_texts.waiting_for(session, edition, mail)]:
        every = [*wanted, refusal] if refusal else wanted
        raise InvalidInput(f"Edition {edition.number} cannot be approved yet. {' '.join(every)}")
    if refusal:
        raise InvalidInput(refusal, field="election_reason")
    page = composing.page_json(mail)
    frozen = freezing.freeze(edition, rendered, page)
    if seen_sha256 is not None and seen_sha256 != frozen["frozen_sha256"]:
        raise _changed_meanwhile(edition)
    approved = moves.try_once(
        session,
        edition,
        Move.APPROVE,
        now=now,
        staff_id=approver_id,
        note=f"Approved, SHA-256 {frozen['frozen_sha256']}",
        approver_id=approver_id,
        approved_at=now,
        election_reason=reason or None,
        **frozen,
    )
    if not approved:
        raise _changed_meanwhile(edition)
    session.add(
        EditionApproval(edition_id=edition_id, at=now, staff_id=approver_id, sha256=frozen["frozen_sha256"], page=page)
    )
    session.flush()
    return edition


def schedule(
    session: Session, edition_id: int, *, send_at: datetime, now: datetime, staff_id: int | None = None
) -> Edition:
    """Set the moment it goes out: approved → scheduled, or another moment for a scheduled one.

    Raises `NotFound`, `WrongState` (also when an update in it was changed after approval, or a pre-election period
    holds it), `InvalidInput`.
    """
    if send_at <= now:
        raise InvalidInput("The time to send it has passed. Choose a later time, or send it now.", field="send_at")
    edition = moves.read(session, edition_id)
    moves.require(edition, Move.SCHEDULE)
    _refuse_changed(session, edition)
    election_rule.require(session, edition, london_date(send_at))
    local = send_at.astimezone(LONDON)
    note = f"To go out on {in_words(local.date())} at {local:%H:%M}"
    new = {"send_at": send_at, "paused_because": None}
    if not moves.try_once(session, edition, Move.SCHEDULE, now=now, staff_id=staff_id, note=note, **new):
        raise _changed_meanwhile(edition)
    return edition


def hold(session: Session, edition_id: int, *, because: str, now: datetime) -> bool:
    """Its time passed and it could not go: scheduled → approved, without a date, for a person to decide. False when
    that was done already."""
    reason = because.strip()[:300]
    return moves.make_or_stay(session, edition_id, Move.HOLD, now=now, note=reason, send_at=None, paused_because=reason)


def release(session: Session, edition_id: int, *, now: datetime, staff_id: int | None = None) -> bool:
    """Let it go out: approved or scheduled → sending. True for the one caller that won, False when it is already out.

    Raises `NotFound`, and `WrongState` when it is not approved, not what was approved, an update in it was changed
    after approval, or a pre-election period holds it.
    """
    while True:
        edition = moves.read(session, edition_id)
        if edition.released_at is not None and edition.state is not EditionState.CANCELLED:
            return False
        moves.require(edition, Move.RELEASE)
        freezing.verify_approved(session, edition)
        _refuse_changed(session, edition)
        election_rule.require(session, edition, london_date(now))
        new = {"released_at": now, "paused_because": None}
        if moves.try_once(session, edition, Move.RELEASE, now=now, staff_id=staff_id, note="Sending started", **new):
            search_text.keep(session, edition_id, composing.page_from_json(edition.frozen_page or ""))
            variants.publish(session, edition_id, now=now)
            return True


def take_due(session: Session, *, now: datetime) -> list[int]:
    """Release every scheduled edition whose moment has come, and say which this call released.

    Repeatable. One that is no longer what was approved becomes a draft again, with the reason in its history, so that
    it holds up no other. One that a pre-election period holds keeps its approval and loses its date.
    """
    due = session.exec(
        select(Edition.id)
        .where(Edition.state == EditionState.SCHEDULED, col(Edition.send_at) <= now)
        .order_by(col(Edition.send_at), col(Edition.id))
    ).all()
    released: list[int] = []
    for edition_id in due:
        assert edition_id is not None
        try:
            if release(session, edition_id, now=now):
                released.append(edition_id)
        except HeldByElection as reason:
            hold(session, edition_id, because=str(reason), now=now)
        except WrongState as reason:
            edition = moves.read(session, edition_id)
            if edition.state is EditionState.SCHEDULED:
                log.warning("A scheduled edition was not sent and is a draft again", edition_id=edition_id)
                moves.try_once(session, edition, Move.EDIT, now=now, note=str(reason), **freezing.NOTHING)
    return released


def pause(session: Session, edition_id: int, *, because: str, now: datetime, staff_id: int | None = None) -> bool:
    """Stop sending for the time being: sending → paused. False when it was paused already; the first reason stays."""
    reason = because.strip()[:300]
    return moves.make_or_stay(
        session, edition_id, Move.PAUSE, now=now, staff_id=staff_id, note=reason, paused_because=reason
    )


def resume(session: Session, edition_id: int, *, now: datetime, staff_id: int | None = None) -> bool:
    """Go on sending: paused → sending. False when it is being sent already. Raises `WrongState` if it was tampered
    with."""
    edition = moves.read(session, edition_id)
    if edition.state is EditionState.PAUSED:
        freezing.verify_approved(session, edition)
    return moves.make_or_stay(
        session, edition_id, Move.RESUME, now=now, staff_id=staff_id, note="Sending goes on", paused_because=None
    )


def cancel(session: Session, edition_id: int, *, now: datetime, staff_id: int | None = None) -> bool:
    """Give it up; what has not been sent will not be. False when it was cancelled already.

    Its updates are free for the next edition. Of one that never went out no picture is kept for its own sake.
    Raises `WrongState` when all of it has been sent.
    """
    cancelled = moves.make_or_stay(
        session, edition_id, Move.CANCEL, now=now, staff_id=staff_id, note="Cancelled", paused_because=None
    )
    if cancelled:
        pictures_used.forget_unused_of(session, moves.read(session, edition_id))
    return cancelled


def finish(session: Session, edition_id: int, *, now: datetime) -> bool:
    """All of it has been dealt with: sending → sent. False when that was noted already."""
    return moves.make_or_stay(session, edition_id, Move.FINISH, now=now, note="Sending finished")


def changed_since_approval(session: Session, edition: Edition) -> list[str]:
    """The titles of what is frozen and no longer reads as it was approved, and of what was not in it then.

    Acronyms are written out as they were then: a new word in the glossary changes no edition.
    """
    if edition.frozen_page is None:
        return []
    page = composing.page_from_json(edition.frozen_page)
    frozen = _titled(page)
    current = _titled(composing.matter(session, edition, page.glossary))
    return [
        (frozen.get(anchor) or current[anchor])[0]
        for anchor in sorted(frozen.keys() | current.keys())
        if frozen.get(anchor) != current.get(anchor)
    ]


def _titled(page: EditionPage | Matter) -> dict[str, tuple[str, object]]:
    """Title and block of everything in an edition, by its anchor."""
    blocks: dict[str, tuple[str, object]] = {
        update.anchor: (update.title, update) for section in page.sections for update in section.updates
    }
    blocks |= {response.anchor: (response.theme, response) for response in page.responses}
    return blocks | {event.anchor: (event.title, event) for event in page.events}


def reopen_editions_with(session: Session, update_id: int, *, now: datetime, staff_id: int | None = None) -> list[int]:
    """After an update was edited: make every approved, not yet sent edition with it a draft again, and say which.

    An edit that changed no word of the edition undoes nothing. Safe to call twice.
    """
    chosen = sa.and_(col(EditionChoice.update_id) == update_id, col(EditionChoice.is_in))
    note = f"Update {update_id} in it was edited"
    return _reopen(session, sa.select(col(EditionChoice.edition_id)).where(chosen), note, now, staff_id)


def reopen_editions_with_event(
    session: Session, event_id: int, *, now: datetime, staff_id: int | None = None
) -> list[int]:
    """The same, after an event was edited or cancelled."""
    chosen = sa.and_(col(EventChoice.event_id) == event_id, col(EventChoice.is_in))
    note = f"Event {event_id} in it was changed"
    return _reopen(session, sa.select(col(EventChoice.edition_id)).where(chosen), note, now, staff_id)


def reopen_editions_with_response(
    session: Session, response_id: int, *, now: datetime, staff_id: int | None = None
) -> list[int]:
    """The same, after a response was edited."""
    chosen = sa.and_(col(ResponseChoice.response_id) == response_id, col(ResponseChoice.is_in))
    note = f"Response {response_id} in it was edited"
    return _reopen(session, sa.select(col(ResponseChoice.edition_id)).where(chosen), note, now, staff_id)


def _reopen(session: Session, with_it: "sa.Select[int]", note: str, now: datetime, staff_id: int | None) -> list[int]:
    affected = session.exec(
        select(Edition.id)
        .where(
            col(Edition.id).in_(with_it),
            col(Edition.state).in_((EditionState.REVIEW, EditionState.APPROVED, EditionState.SCHEDULED)),
        )
        .order_by(col(Edition.id))
    ).all()
    reopened: list[int] = []
    for edition_id in affected:
        assert edition_id is not None
        edition = moves.read(session, edition_id)
        if edition.state is EditionState.REVIEW or changed_since_approval(session, edition):
            moves.make(session, edition_id, Move.EDIT, now=now, staff_id=staff_id, note=note, **freezing.NOTHING)
            reopened.append(edition_id)
    return reopened


def _refuse_changed(session: Session, edition: Edition) -> None:
    changed = changed_since_approval(session, edition)
    if changed:
        titles = ", ".join(f"“{title}”" for title in changed)
        raise WrongState(
            f"Edition {edition.number} was approved before {titles} was changed. Edit it, and have it approved again."
        )


def refuse_own_work(session: Session, edition: Edition, approver_id: int) -> None:
    """Two people see every edition: who wrote or changed any part of it, or said why a warning
    of it may stay, cannot be the one who approves it.

    Raises `NotAllowed`.
    """
    edited = session.exec(
        select(EditionEvent.id).where(
            EditionEvent.edition_id == edition.id,
            EditionEvent.move == Move.EDIT,
            EditionEvent.staff_id == approver_id,
        )
    ).first()
    if edition.author_id == approver_id or edited is not None:
        raise NotAllowed(f"Somebody who did not write edition {edition.number} has to approve it.")
    weighed = session.exec(
        select(CheckReason.id).where(CheckReason.edition_id == edition.id, CheckReason.staff_id == approver_id)
    ).first()
    if weighed is not None:
        raise NotAllowed(f"Somebody who gave no reason for a warning in edition {edition.number} has to approve it.")
    for part, choice, is_of in (
        (Update, EditionChoice, col(EditionChoice.update_id) == col(Update.id)),
        (Event, EventChoice, col(EventChoice.event_id) == col(Event.id)),
        (Response, ResponseChoice, col(ResponseChoice.response_id) == col(Response.id)),
    ):
        own = session.execute(
            sa.select(sa.literal(1))
            .select_from(part)
            .join(choice, is_of)
            .where(
                col(choice.edition_id) == edition.id,
                col(choice.is_in),
                sa.or_(col(part.author_id) == approver_id, col(part.editor_id) == approver_id),
            )
            .limit(1)
        ).first()
        if own is not None:
            raise NotAllowed(f"Somebody who wrote nothing in edition {edition.number} has to approve it.")


def _changed_meanwhile(edition: Edition) -> WrongState:
    return WrongState(
        f"Edition {edition.number} was changed after you looked at it. Look at it again, and then decide."
    )


def _line(text: str, field: str, label: str, maximum: int) -> str:
    try:
        line = one_line(text)
    except ValueError as error:
        raise InvalidInput(f"{label}: {error}", field=field) from None
    if len(line) > maximum:
        raise InvalidInput(f"{label} must be {maximum} characters or fewer", field=field)
    return line
