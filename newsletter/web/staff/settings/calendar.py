"""Days on which no edition falls due, and the weeks before elections (REQ-60)."""

from datetime import date, timedelta

import holidays
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limits
from sqlmodel import Session

from newsletter.content.dates import london_date, period
from newsletter.editions import elections, falling_due
from newsletter.editions.models import ClosedPeriod, ElectionPeriod
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet

router = APIRouter()

PATH = "/staff/settings/calendar"
BACK = (PATH, "Closed days and elections")
SAID = {
    "closed": "The closed days were added. Editions that would fall due on them move to the next working day.",
    "opened": "The closed days were removed.",
    "election": "The election period was added.",
    "no-election": "The election period was removed.",
}


class PeriodDraft(BaseModel):
    """What a person typed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Limits(min_length=1, max_length=elections.NAME_LENGTH)
    starts_on: date
    ends_on: date


CLOSED = Sheet(
    PeriodDraft,
    (
        Field("name", "What is it?", "For example, Christmas break"),
        Field("starts_on", "First closed day", "For example, 24/12/2027", "day"),
        Field("ends_on", "Last closed day", "Ten days at most", "day"),
    ),
)
ELECTION = Sheet(
    PeriodDraft,
    (
        Field("name", "Which election?", "For example, County council election"),
        Field("starts_on", "First day", "When notice of the election is published. For example, 27/3/2029", "day"),
        Field("ends_on", "Day of the election", "For example, 3/5/2029", "day"),
    ),
)
_CLOSED_TITLE, _ELECTION_TITLE = "Add closed days", "Add an election period"


@router.get(PATH)
def calendar_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    today = london_date(runtime.clock.now())
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/calendar.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            closures=page_of(falling_due.closures(session), page),
            elections=page_of(elections.all_periods(session), page),
            current=elections.at(session, today),
            bank_holidays=_bank_holidays(today),
            today=today,
            period=period,
        )


@router.get(f"{PATH}/closed-days/new")
def new_closure_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _form(request, pages, session, officer, CLOSED, _CLOSED_TITLE)


@router.post(f"{PATH}/closed-days/new")
def close(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        outcome = sheets.save(
            session,
            CLOSED,
            None,
            typed,
            lambda draft: falling_due.close(session, draft.name, draft.starts_on, draft.ends_on, now=now),
        )
        if outcome.status:
            return _form(request, pages, session, officer, CLOSED, _CLOSED_TITLE, outcome)
        detail = outcome.form.get("name")
        audit.note(session, runtime.crypto, "add closed days", staff_id=officer.id, detail=detail, now=now)
    return sheets.redirect(PATH, "closed")


@router.get(f"{PATH}/elections/new")
def new_election_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _form(request, pages, session, officer, ELECTION, _ELECTION_TITLE)


@router.post(f"{PATH}/elections/new")
def add_election(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        outcome = sheets.save(
            session,
            ELECTION,
            None,
            typed,
            lambda draft: elections.add(session, draft.name, draft.starts_on, draft.ends_on),
        )
        if outcome.status:
            return _form(request, pages, session, officer, ELECTION, _ELECTION_TITLE, outcome)
        detail = outcome.form.get("name")
        audit.note(session, runtime.crypto, "add election period", staff_id=officer.id, detail=detail, now=now)
    return sheets.redirect(PATH, "election")


@router.get(PATH + "/closed-days/{period_id}/remove")
def reopen_page(period_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        row = falling_due.closure_by_id(session, period_id)
        return _sure(request, pages, session, officer, row, "Editions may fall due on these days again.")


@router.post(PATH + "/closed-days/{period_id}/remove")
def reopen(period_id: Id, officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        row = falling_due.reopen(session, period_id, now=now)
        audit.note(session, runtime.crypto, "remove closed days", staff_id=officer.id, detail=row.name, now=now)
    return sheets.redirect(PATH, "opened")


@router.get(PATH + "/elections/{period_id}/remove")
def remove_election_page(
    period_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        row = elections.by_id(session, period_id)
        return _sure(
            request, pages, session, officer, row, "Editions are no longer checked for what these weeks forbid."
        )


@router.post(PATH + "/elections/{period_id}/remove")
def remove_election(period_id: Id, officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        row = elections.remove(session, period_id)
        now = runtime.clock.now()
        audit.note(session, runtime.crypto, "remove election period", staff_id=officer.id, detail=row.name, now=now)
    return sheets.redirect(PATH, "no-election")


def _bank_holidays(today: date) -> list[tuple[date, str]]:
    """Those of England in the year to come."""
    known = holidays.country_holidays("GB", subdiv="ENG", years=[today.year, today.year + 1])
    return [(day, name) for day, name in sorted(known.items()) if today <= day <= today + timedelta(days=365)]


def _form(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    sheet: Sheet[PeriodDraft],
    title: str,
    outcome: Outcome | None = None,
) -> Response:
    return sheets.page(request, pages, session, officer, sheet, title=title, back=BACK, outcome=outcome, button="Add")


def _sure(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    row: ClosedPeriod | ElectionPeriod,
    consequence: str,
) -> Response:
    return pages.show(
        request,
        "staff/settings/sure.html",
        site.current(session),
        officer=officer,
        back=BACK,
        title=f"Remove “{row.name}”?",
        facts=[period(row.starts_on, row.ends_on)],
        consequence=consequence,
        button="Remove it",
    )
