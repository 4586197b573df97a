"""What the forms of events, answers and feeds let people pick, and what the first two say beside the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from newsletter.content import partners
from newsletter.content.models import Event, Partner, PriorityArea
from newsletter.content.models import Response as Answer
from newsletter.editions.models import Edition
from newsletter.staff import accounts
from newsletter.staff.sessions import Officer
from newsletter.web.staff.one_edition import READERS
from subscribers import lists

Pick = tuple[str, str]

#: What such a field has before anything is picked.
CHOOSE_ONE = (("", "Choose one", ""),)
NONE = (("", "None", ""),)


@dataclass(frozen=True, slots=True)
class Use:
    """An edition that something stands in: in words, and the page where somebody may see it; "" where they may not."""

    words: str
    path: str


def picks(session: Session, on: date, *, partner: str = "", area: str = "") -> dict[str, list[Pick]]:
    """Organisations and priority areas of that day, and the one that is chosen already. By field."""
    organisations = [(str(row.id), row.name) for row in partners.partners(session) if _stands(row, on, partner)]
    areas = [
        (str(row.id), f"{row.number}. {row.name}") for row in partners.priority_areas(session) if _stands(row, on, area)
    ]
    return {"partner_id": organisations, "priority_area_id": areas}


def uses(session: Session, officer: Officer, editions: Mapping[int, Sequence[Edition]]) -> dict[int, list[Use]]:
    """What `editions.used_in` found, as lists of uses. One question."""
    names = {each.id: each.name for each in lists.all_lists(session)}
    return {row_id: [_use(officer, names, edition) for edition in found] for row_id, found in editions.items()}


def saved_by(session: Session, row: Event | Answer) -> tuple[str, datetime]:
    """Who saved it last, as far as that is known, and when."""
    staff_id = row.editor_id or row.author_id
    return accounts.names_of(session, [staff_id]).get(staff_id or 0, "Somebody"), row.updated_at


def _use(officer: Officer, names: Mapping[int | None, str], edition: Edition) -> Use:
    words = f"{names.get(edition.mailing_list_id, 'A list')}, edition {edition.number}"
    may_see = officer.has(*READERS, mailing_list_id=edition.mailing_list_id)
    return Use(words, f"/staff/editions/{edition.id}" if may_see else "")


def _stands(row: Partner | PriorityArea, on: date, chosen: str) -> bool:
    is_now = row.from_date <= on and (row.until_date is None or row.until_date >= on)
    return is_now or str(row.id) == chosen
