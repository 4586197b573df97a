"""When the editions of a mailing list fall due: how often, from which day on, at what time."""

import re
from datetime import date, datetime, time

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limits
from sqlmodel import Session

from newsletter.content.dates import LONDON, london_date, time_in_words, with_weekday
from newsletter.core.errors import InvalidInput
from newsletter.editions import falling_due
from newsletter.editions.models import Cadence
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id, of_list
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet
from subscribers import lists

router = APIRouter()

PATH = "/staff/settings/lists/{list_id}/cadence"
SAID = {"saved": "Saved. The next dates are below.", "stopped": "No more editions fall due by themselves."}

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
#: Once every half term: September and November, January and March, April and June.
_HALF_TERMS = "1,3,4,6,9,11"

OWN, STOPPED = "own", "stopped"


class CadenceDraft(BaseModel):
    """What a person typed; the time is HH:MM on the clock in London."""

    model_config = ConfigDict(extra="forbid")

    how_often: str
    first_on: date
    at: str = Limits(min_length=1, max_length=5)
    rule: str = Limits(default="", max_length=300)


SHEET = Sheet(
    CadenceDraft,
    (
        Field(
            "how_often",
            "How often does an edition fall due?",
            kind="choice",
            choices=(
                ("weekly", "Every week", "On the weekday of the first edition"),
                ("fortnightly", "Every fortnight", "On the weekday of the first edition"),
                ("monthly", "Every month", "In the same week of the month as the first edition"),
                (
                    "half-termly",
                    "Once every half term",
                    "In January, March, April, June, September and November, in the same week of the month",
                ),
                (OWN, "By a rule of its own", "Write it below"),
                (STOPPED, "Not by itself", "People start each edition by hand"),
            ),
        ),
        Field("first_on", "Day of the first edition", "For example, 27/3/2027. Weeks are counted from it", "day"),
        Field("at", "Time", "On the clock in London. For example, 10:00", "number"),
        Field(
            "rule",
            "Rule of its own (optional)",
            "As calendars write it (RFC 5545). For example, FREQ=MONTHLY;BYDAY=1TU,3TU",
        ),
    ),
)


@router.get(PATH)
def cadence_page(
    list_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, list_id, now=runtime.clock.now(), said=SAID.get(said))


@router.post(PATH)
def save(
    list_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    now = runtime.clock.now()

    def keep(draft: CadenceDraft) -> None:
        if draft.how_often == STOPPED:
            falling_due.stop(session, list_id)
            return
        rule = draft.rule if draft.how_often == OWN else rules(draft.first_on).get(draft.how_often)
        if not rule:
            field = "rule" if draft.how_often == OWN else "how_often"
            raise InvalidInput("Write the rule" if field == "rule" else "Select how often", field=field)
        found = _TIME.fullmatch(draft.at)
        if found is None:
            raise InvalidInput("Enter a time like 10:00", field="at")
        anchor = datetime.combine(draft.first_on, time(int(found[1]), int(found[2])), LONDON)
        falling_due.change(session, list_id, rule=rule, anchor=anchor, now=now)

    with runtime.db.transaction() as session:
        lists.by_id(session, list_id)
        before = falling_due.cadence_of(session, list_id)
        if typed.get(filling.SHOWN, "") != filling.mark(_stored(before)):
            form, _ = filling.fill(CadenceDraft, typed, SHEET.labels)
            form.errors = {"how_often": filling.MEANWHILE}
            meanwhile = filling.theirs(form, _stored(before), SHEET.labels)
            outcome = Outcome(form, 409, meanwhile, filling.mark(_stored(before)))
        else:
            outcome = sheets.save(session, SHEET, None, _with_day_of_stopped(typed, before), keep)
            outcome.shown = filling.mark(_stored(before))
        if outcome.status:
            return _page(request, pages, session, officer, list_id, now=now, outcome=outcome)
        after = falling_due.cadence_of(session, list_id)
        audit.note(
            session,
            runtime.crypto,
            "change cadence",
            staff_id=officer.id,
            about=f"mailing list {list_id}",
            detail=after.rule if after is not None and after.next_due is not None else "stopped",
            now=now,
        )
    key = "stopped" if outcome.form.get("how_often") == STOPPED else "saved"
    return sheets.redirect(f"/staff/settings/lists/{list_id}/cadence", key)


def rules(first_on: date) -> dict[str, str]:
    """The recurrence rule of each choice, for a first edition on that day. The fifth week is the last one."""
    day, week = _DAYS[first_on.weekday()], (first_on.day - 1) // 7 + 1
    nth = f"{week if week < 5 else -1}{day}"
    return {
        "weekly": f"FREQ=WEEKLY;BYDAY={day}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={day}",
        "monthly": f"FREQ=MONTHLY;BYDAY={nth}",
        "half-termly": f"FREQ=MONTHLY;BYMONTH={_HALF_TERMS};BYDAY={nth}",
    }


def _stored(cadence: Cadence | None) -> dict[str, object]:
    """What is kept, as the form shows it."""
    if cadence is None:
        return {}
    anchor = cadence.anchor.astimezone(LONDON)
    known = {rule: choice for choice, rule in rules(anchor.date()).items()}
    choice = known.get(cadence.rule, OWN) if cadence.next_due is not None else STOPPED
    return {
        "how_often": choice,
        "first_on": anchor.date(),
        "at": f"{anchor:%H:%M}",
        "rule": cadence.rule if cadence.rule not in known else "",
    }


def _with_day_of_stopped(typed: dict[str, str], before: Cadence | None) -> dict[str, str]:
    """Whoever stops a cadence need not give it a day."""
    if typed.get("how_often") != STOPPED:
        return typed
    shown = filling.showing(_stored(before) or {"first_on": date(2000, 1, 1), "at": "10:00"}).typed
    return {**typed, "first_on": shown["first_on"], "at": shown["at"], "rule": ""}


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    list_id: int,
    *,
    now: datetime,
    outcome: Outcome | None = None,
    said: str | None = None,
) -> Response:
    mailing_list = lists.by_id(session, list_id)
    cadence = falling_due.cadence_of(session, list_id)
    coming = falling_due.coming(session, cadence, now=now) if cadence is not None else []
    if outcome is None:
        outcome = Outcome(filling.showing(_stored(cadence)), shown=filling.mark(_stored(cadence)))
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=f"When editions fall due: {mailing_list.name}",
        back=(f"/staff/settings/lists/{list_id}", mailing_list.name),
        outcome=outcome,
        said=said,
        template="staff/settings/cadence.html",
        coming=[f"{with_weekday(london_date(one))}, {time_in_words(one)}" for one in coming],
    )
