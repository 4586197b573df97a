"""Where the settings begin: what there is to set, and how it stands."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.guard import may
from newsletter.web.staff.settings.allowed import holds_everywhere

router = APIRouter()

#: For those who have a role for one list too.
OF_LISTS = (
    ("lists", "Mailing lists", "Names, senders, wordings, topics, and when editions fall due", StaffRole.ADMIN),
    ("bases", "Lawful bases", "Why each mailing list may write to people", StaffRole.DPO),
)

#: For those who have the role for every list: address, words, what it is about, and who may see it.
ROOMS: tuple[tuple[str, str, str, tuple[StaffRole, ...]], ...] = (
    (
        "partnership",
        "The partnership",
        "Its name, addresses and phone number, its colours, and where to get help",
        (StaffRole.ADMIN,),
    ),
    ("partners", "Partners", "The organisations that news comes from", (StaffRole.ADMIN,)),
    (
        "priority-areas",
        "Priority areas",
        "The parts of the action plan, and when they are in force",
        (StaffRole.ADMIN,),
    ),
    ("glossary", "Glossary", "Words and acronyms that are explained to readers", (StaffRole.ADMIN,)),
    (
        "calendar",
        "Closed days and elections",
        "When no edition falls due, and when the council must not seem to take sides",
        (StaffRole.ADMIN,),
    ),
    ("feeds", "Feeds", "News of other websites that authors bring in as drafts", (StaffRole.ADMIN,)),
    ("keys", "Keys for other programs", "What lets the council’s website use this service", (StaffRole.ADMIN,)),
    (
        "retention",
        "How long we keep things",
        "The data protection officer decides it",
        (StaffRole.ADMIN, StaffRole.DPO),
    ),
)


@router.get("/staff/settings")
def settings(
    request: Request,
    officer: Annotated[Officer, may(StaffRole.ADMIN, StaffRole.DPO)],
    runtime: TheRuntime,
    pages: ThePages,
) -> Response:
    rooms = [room[:3] for room in OF_LISTS if officer.has(room[3])]
    rooms += [room[:3] for room in ROOMS if any(holds_everywhere(officer, role) for role in room[3])]
    with runtime.db.reading() as session:
        return pages.show(request, "staff/settings/hub.html", site.current(session), officer=officer, rooms=rooms)
