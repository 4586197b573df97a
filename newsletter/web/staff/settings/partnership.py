"""The partnership: what it is called, where it is reached, its colours, and where families get help."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import partners, partnership
from newsletter.content.dates import london_date
from newsletter.content.models import Partnership
from newsletter.content.partnership import PartnershipDraft
from newsletter.core.errors import NotFound
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.site import COMPILED_BRAND, UNNAMED
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import everywhere
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet

router = APIRouter()

PATH = "/staff/settings/partnership"
SAID = {"saved": "The partnership was saved. Pages and new emails show it from now on."}
SHEET = Sheet(
    PartnershipDraft,
    (
        Field("name", "Name of the partnership", "At the top of every page and email", group="Names"),
        Field("area", "Area", "For example, Oxfordshire"),
        Field("publisher", "Publisher", "The council, as editions name it: “Published by … for the partnership”"),
        Field("local_authority_code", "Local authority code", "The three digits of the school register", "number"),
        Field("postal_address", "Postal address", "On one line", group="How to reach you"),
        Field("phone", "Phone number"),
        Field("contact_email", "Email address for readers", "A mailbox that people read", "email"),
        Field(
            "data_protection_email",
            "Email address of the data protection officer (optional)",
            "Leave this empty to use the address for readers",
            "email",
        ),
        Field("website", "Website", "The full address, starting with https://"),
        Field(
            "help_text",
            "Where to get help",
            "In every edition, and on the web. You can write links like [local offer](https://example.org)",
            "text",
            group="Help",
        ),
        Field(
            "brand_colour",
            "Main colour",
            "As # and six digits. White words stand on it, and links have it, so it must be dark enough",
            "colour",
            group="Colours",
        ),
        Field(
            "tint_colour", "Background colour", "As # and six digits. Text stands on it, so it must be pale", "colour"
        ),
        Field(
            "accessibility_problems",
            "What does not work for everybody yet (optional)",
            "The accessibility statement says it. Leave this empty if you know of nothing",
            "text",
            group="Accessibility",
        ),
        Field(
            "accessibility_reviewed_on",
            "When accessibility was last checked (optional)",
            "For example, 27/3/2027. Check it at least once a year",
            "day",
        ),
    ),
)


@router.get(PATH)
def partnership_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, said=SAID.get(said))


@router.post(PATH)
def save(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        outcome = sheets.save(
            session,
            SHEET,
            _row(session),
            typed,
            lambda draft: partnership.edit(session, draft, now_on=london_date(now)),
        )
        if outcome.status:
            return _page(request, pages, session, officer, outcome=outcome)
        detail = ", ".join(outcome.changed)
        audit.note(session, runtime.crypto, "change partnership", staff_id=officer.id, detail=detail, now=now)
    return sheets.redirect(PATH, "saved")


def _row(session: Session) -> Partnership | None:
    try:
        return partners.partnership(session)
    except NotFound:
        return None


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    *,
    outcome: Outcome | None = None,
    said: str | None = None,
) -> Response:
    row = _row(session)
    colours = {"brand_colour": COMPILED_BRAND, "tint_colour": UNNAMED.tint_colour}
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title="The partnership",
        back=("/staff/settings", "Settings"),
        row=row,
        outcome=outcome,
        form=filling.showing(colours) if row is None else None,
        template="staff/settings/partnership.html",
        said=said,
        lead="Editions that were approved keep what they say. Everything else changes as soon as you save.",
    )
