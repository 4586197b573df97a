"""The one table of what may happen to an edition, and the one way to make a move.

A move is a compare-and-set on (id, state, revision): of two people who act at the same moment one wins, and the other
is told. Each move leaves an `EditionEvent`. Who may make a move, and what it means, is decided in
`newsletter.editions.publishing`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.errors import NotFound, WrongState
from newsletter.editions.models import Edition, EditionEvent, EditionState

_S = EditionState


class Move(enum.StrEnum):
    """What can happen to an edition, as the verb of a sentence: "To approve it, …"."""

    EDIT = "edit"
    SUBMIT = "submit"
    SEND_BACK = "send back"
    APPROVE = "approve"
    SCHEDULE = "schedule"
    HOLD = "hold back"
    RELEASE = "send"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Step:
    """From which states a move may be made, and where it leads."""

    origins: frozenset[EditionState]
    goal: EditionState


MOVES: Mapping[Move, Step] = MappingProxyType(
    {
        # Any change of the content leads back to the draft, whatever had been agreed before (REQ-45).
        Move.EDIT: Step(frozenset({_S.DRAFT, _S.REVIEW, _S.APPROVED, _S.SCHEDULED}), _S.DRAFT),
        Move.SUBMIT: Step(frozenset({_S.DRAFT}), _S.REVIEW),
        Move.SEND_BACK: Step(frozenset({_S.REVIEW, _S.APPROVED, _S.SCHEDULED}), _S.DRAFT),
        Move.APPROVE: Step(frozenset({_S.REVIEW}), _S.APPROVED),
        Move.SCHEDULE: Step(frozenset({_S.APPROVED, _S.SCHEDULED}), _S.SCHEDULED),
        # Its time passed and it did not go: it keeps its approval and loses its date, and a person decides.
        Move.HOLD: Step(frozenset({_S.SCHEDULED}), _S.APPROVED),
        Move.RELEASE: Step(frozenset({_S.APPROVED, _S.SCHEDULED}), _S.SENDING),
        Move.PAUSE: Step(frozenset({_S.SENDING}), _S.PAUSED),
        Move.RESUME: Step(frozenset({_S.PAUSED}), _S.SENDING),
        Move.FINISH: Step(frozenset({_S.SENDING}), _S.SENT),
        Move.CANCEL: Step(
            frozenset({_S.DRAFT, _S.REVIEW, _S.APPROVED, _S.SCHEDULED, _S.SENDING, _S.PAUSED}), _S.CANCELLED
        ),
    }
)

_IN_WORDS: Mapping[EditionState, str] = MappingProxyType(
    {
        _S.DRAFT: "a draft",
        _S.REVIEW: "in review",
        _S.APPROVED: "approved",
        _S.SCHEDULED: "scheduled",
        _S.SENDING: "being sent",
        _S.PAUSED: "paused",
        _S.SENT: "sent",
        _S.CANCELLED: "cancelled",
    }
)

#: How often a move is tried again when the edition changed between reading and writing.
_TRIES = 5


def read(session: Session, edition_id: int) -> Edition:
    """The edition as the database has it now, not as this session remembers it.

    Raises `NotFound`.
    """
    edition = session.get(Edition, edition_id, populate_existing=True)
    if edition is None:
        raise NotFound(f"There is no edition {edition_id}.")
    return edition


def require(edition: Edition, move: Move) -> None:
    """Raises `WrongState`, saying where the edition stands and where it would have to stand."""
    origins = MOVES[move].origins
    if edition.state not in origins:
        wanted = " or ".join(_IN_WORDS[state] for state in EditionState if state in origins)
        raise WrongState(
            f"Edition {edition.number} is {_IN_WORDS[edition.state]}. To {move} it, it would have to be {wanted}."
        )


def note(session: Session, edition: Edition, what: str, sentence: str, *, now: datetime, staff_id: int | None) -> None:
    """Write into the history something that changes no state."""
    assert edition.id is not None
    session.add(
        EditionEvent(
            edition_id=edition.id,
            at=now,
            move=what,
            from_state=edition.state,
            to_state=edition.state,
            staff_id=staff_id,
            note=sentence[:300],
        )
    )
    session.flush()


def try_once(
    session: Session,
    edition: Edition,
    move: Move,
    *,
    now: datetime,
    staff_id: int | None = None,
    note: str = "",
    **columns: Any,
) -> bool:
    """Make the move if the edition is still exactly as it was read; False when somebody else was faster.

    Raises `WrongState` when the table does not allow the move from where the edition stands.
    """
    require(edition, move)
    edition_id, before, goal = edition.id, edition.state, MOVES[move].goal
    assert edition_id is not None
    won = session.exec(
        sa.update(Edition)
        .where(col(Edition.id) == edition_id, col(Edition.state) == before, col(Edition.revision) == edition.revision)
        .values(state=goal, revision=edition.revision + 1, **columns)
        .execution_options(synchronize_session=False)
    ).rowcount
    if won != 1:
        return False
    session.add(
        EditionEvent(
            edition_id=edition_id,
            at=now,
            move=move,
            from_state=before,
            to_state=goal,
            staff_id=staff_id,
            note=note[:300],
        )
    )
    session.flush()
    session.refresh(edition)
    return True


def make(
    session: Session,
    edition_id: int,
    move: Move,
    *,
    now: datetime,
    staff_id: int | None = None,
    note: str = "",
    **columns: Any,
) -> Edition:
    """Make the move on the edition as it stands now, looking again when somebody else was faster.

    For moves that do not depend on what the mover has read. Raises `NotFound`, `WrongState`.
    """
    for _ in range(_TRIES):
        edition = read(session, edition_id)
        if try_once(session, edition, move, now=now, staff_id=staff_id, note=note, **columns):
            return edition
    raise WrongState(f"Edition {edition.number} is being changed by others at this moment. Try again.")


def make_or_stay(
    session: Session,
    edition_id: int,
    move: Move,
    *,
    now: datetime,
    staff_id: int | None = None,
    note: str = "",
    **columns: Any,
) -> bool:
    """As `make`, for moves that may be asked for twice: False when the edition already stands where it would lead."""
    for _ in range(_TRIES):
        edition = read(session, edition_id)
        if edition.state is MOVES[move].goal:
            return False
        if try_once(session, edition, move, now=now, staff_id=staff_id, note=note, **columns):
            return True
    raise WrongState(f"Edition {edition.number} is being changed by others at this moment. Try again.")
