"""How long what is kept: everybody who sets things up may see it, the data protection officer decides it (REQ-33)."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from newsletter.core import periods
from newsletter.core.errors import NotFound
from newsletter.core.periods import RULES, Period
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheDpo, may
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import everywhere, holds_everywhere
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet

router = APIRouter()

PATH = "/staff/settings/retention"
SAID = {"saved": "The period was saved. What is too old now goes with the next sweep."}


class DaysDraft(BaseModel):
    """What a person typed; `newsletter.core.periods` knows the bounds."""

    model_config = ConfigDict(extra="forbid")

    days: int


SHEET = Sheet(DaysDraft, (Field("days", "Days", "", "number"),))


@router.get(PATH)
def retention_page(
    request: Request,
    officer: Annotated[Officer, may(StaffRole.ADMIN, StaffRole.DPO)],
    runtime: TheRuntime,
    pages: ThePages,
    said: str = "",
) -> Response:
    if not holds_everywhere(officer, StaffRole.DPO):
        everywhere(officer)
    with runtime.db.reading() as session:
        kept = periods.all_periods(session)
        return pages.show(
            request,
            "staff/settings/retention.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            rows=[(period.value, rule, kept[period].days) for period, rule in RULES.items()],
            last_sweep=periods.last_sweep(session),
            may_decide=holds_everywhere(officer, StaffRole.DPO),
        )


@router.get(PATH + "/{name}")
def period_page(name: str, request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer, StaffRole.DPO)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, _period(name))


@router.post(PATH + "/{name}")
def save(
    name: str, request: Request, typed: TheForm, officer: TheDpo, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer, StaffRole.DPO)
    period, now = _period(name), runtime.clock.now()
    with runtime.db.transaction() as session:
        before = periods.all_periods(session)[period].days
        shown = filling.mark({"days": before})
        if typed.get(filling.SHOWN, "") != shown:
            form, _ = filling.fill(DaysDraft, typed, SHEET.labels)
            form.errors = {"days": filling.MEANWHILE}
            outcome = Outcome(form, 409, [("Days", str(before))], shown)
        else:
            outcome = sheets.save(
                session,
                SHEET,
                None,
                typed,
                lambda draft: periods.change(session, period, draft.days, staff_id=officer.id, now=now),
            )
            outcome.shown = shown
        if outcome.status:
            return _page(request, pages, session, officer, period, outcome)
        audit.note(
            session,
            runtime.crypto,
            "change period",
            staff_id=officer.id,
            about=period.value,
            detail=f"{before} to {int(outcome.form.get('days'))} days",
            now=now,
        )
    return sheets.redirect(PATH, "saved")


def _period(name: str) -> Period:
    try:
        return Period(name)
    except ValueError:
        raise NotFound("There is no such period.") from None


def _page(
    request: Request, pages: Pages, session: Session, officer: Officer, period: Period, outcome: Outcome | None = None
) -> Response:
    rule, days = RULES[period], periods.all_periods(session)[period].days
    stored = {"days": days}
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=f"How long to keep {rule.words}",
        back=(PATH, "How long we keep things"),
        outcome=outcome or Outcome(filling.showing(stored), shown=filling.mark(stored)),
        lead=f"It is kept for {days:,} days now. Choose from {rule.at_least} to {rule.at_most:,}. If you shorten it, "
        "what is then too old goes with the next sweep, for good.",
    )
