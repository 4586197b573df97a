"""Which responses ("you said, we did") an edition carries, and why: the new ones of its audience, and what is late.

A response goes into an edition of a mailing list once. What was promised for a day that has passed comes back, marked
as late, in each edition until it is done. Adding and dropping by hand are edits, so an approval is undone.
"""

from datetime import date, datetime

from sqlmodel import Session, col, select

from newsletter.content import responses
from newsletter.content.dates import in_words
from newsletter.content.models import Partner, PriorityArea, Response
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions import choosing
from newsletter.editions.models import Edition, EditionState, ResponseChoice


def consider(session: Session, edition: Edition) -> None:
    """Choose for a new draft among all responses that are not over, and keep the reason for each."""
    assert edition.id is not None
    used = _already_in(session, edition.mailing_list_id)
    for response in responses.all_responses(session):
        if response.until_date is not None and response.until_date < edition.date:
            continue
        assert response.id is not None
        is_in, reason = _verdict(response, edition.audience, edition.date, used.get(response.id))
        session.add(ResponseChoice(edition_id=edition.id, response_id=response.id, is_in=is_in, reason=reason))
    session.flush()


def choices(session: Session, edition_id: int) -> list[tuple[ResponseChoice, Response]]:
    """Every response that was considered, those in first."""
    rows = session.exec(
        select(ResponseChoice, Response)
        .join(Response, col(Response.id) == col(ResponseChoice.response_id))
        .where(ResponseChoice.edition_id == edition_id)
        .order_by(col(ResponseChoice.is_in).desc(), col(Response.id))
    )
    return list(rows.all())


def chosen(session: Session, edition: Edition) -> list[tuple[Response, Partner]]:
    """The responses that are in, by priority area, oldest first, as the database has them now."""
    rows = session.exec(
        select(Response, Partner)
        .join(ResponseChoice, col(ResponseChoice.response_id) == col(Response.id))
        .join(Partner, col(Partner.id) == col(Response.partner_id))
        .join(PriorityArea, col(PriorityArea.id) == col(Response.priority_area_id))
        .where(ResponseChoice.edition_id == edition.id, col(ResponseChoice.is_in))
        .order_by(col(PriorityArea.number), col(Response.from_date), col(Response.id))
        .execution_options(populate_existing=True)
    )
    return list(rows.all())


def add(
    session: Session,
    edition_id: int,
    response_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Added by hand",
) -> Edition:
    """Put a response in. Raises `NotFound`, `WrongState` (it has gone out), `InvalidInput` (wrong audience)."""
    response = responses.by_id(session, response_id)
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Added response {response_id}")
    if not _is_for(response, edition.audience):
        raise InvalidInput(f"“{response.theme}” is not for {edition.audience}.")
    choice = _choice(session, edition_id, response_id) or ResponseChoice(
        edition_id=edition_id, response_id=response_id, is_in=False, reason=""
    )
    if not choice.is_in:
        choice.is_in, choice.reason = True, choosing.reason_line(because)
        session.add(choice)
        session.flush()
    return edition


def drop(
    session: Session,
    edition_id: int,
    response_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Left out by hand",
) -> Edition:
    """Take a response out; it will be offered for the next edition again. Raises `NotFound`, `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Left out response {response_id}")
    choice = _choice(session, edition_id, response_id)
    if choice is None:
        raise NotFound(f"Edition {edition.number} has no response {response_id}.")
    if choice.is_in:
        choice.is_in, choice.reason = False, choosing.reason_line(because)
        session.add(choice)
        session.flush()
    return edition


def _verdict(response: Response, audience: Audience, today: date, earlier: Edition | None) -> tuple[bool, str]:
    if not _is_for(response, audience):
        return False, f"Not for {audience}"
    if response.from_date > today:
        return False, f"Not yet due: from {in_words(response.from_date)}"
    if response.doing_by is not None and responses.is_overdue(response, today):
        return True, f"Late: it was promised for {in_words(response.doing_by)}"
    if earlier is not None:
        return False, f"Already in edition {earlier.number} ({in_words(earlier.date)})"
    return True, "New"


def _already_in(session: Session, mailing_list_id: int) -> dict[int, Edition]:
    """The first edition of the list that carried each response. A cancelled edition carried nothing."""
    rows = session.exec(
        select(ResponseChoice.response_id, Edition)
        .join(Edition, col(Edition.id) == col(ResponseChoice.edition_id))
        .where(
            Edition.mailing_list_id == mailing_list_id,
            Edition.state != EditionState.CANCELLED,
            col(ResponseChoice.is_in),
        )
        .order_by(col(Edition.number).desc())
    )
    return dict(rows.all())


def _is_for(response: Response, audience: Audience) -> bool:
    return response.for_parents if audience is Audience.PARENTS else response.for_professionals


def _choice(session: Session, edition_id: int, response_id: int) -> ResponseChoice | None:
    statement = select(ResponseChoice).where(
        ResponseChoice.edition_id == edition_id, ResponseChoice.response_id == response_id
    )
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()
