"""People in numbers: how each mailing list grows, which schools it reaches, what waits for a decision. Never who."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import in_words, london_date, time_in_words
from newsletter.core import small_numbers
from newsletter.core.audience import Audience
from newsletter.core.errors import NotAllowed, NotFound
from newsletter.core.runtime import Runtime
from newsletter.delivery import stopping
from newsletter.feedback import complaints
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound
from newsletter.web.pages import Pages
from newsletter.web.signup import ROLES
from newsletter.web.staff.guard import may
from newsletter.web.staff.people_scope import KEEPERS, check_list, lists_of
from subscribers import bursts, coverage, export_requests, growth
from subscribers.bursts import Held
from subscribers.export_requests import Standing
from subscribers.growth import Month, Week
from subscribers.models import BurstDecision, MailingList, SubscriberState

router = APIRouter()

TheKeeper = Annotated[Officer, may(*KEEPERS)]

SCHOOLS_ON_A_PAGE = 50

SAID = {
    BurstDecision.OBEYED.value: "Done. These people have left and get the usual goodbye.",
    BurstDecision.DISMISSED.value: "Done. Their emails go on, and a letter tells them how to stop them for sure.",
}

_ROLES = {role.value: words for role, words in ROLES}

#: What each state means to people who are not technical.
STATES = {
    SubscriberState.CONFIRMED: "Get the emails",
    SubscriberState.PENDING: "Have asked and not yet confirmed",
    SubscriberState.HELD: "May have stopped, and a person must decide",
    SubscriberState.SUSPENDED: "Cannot be reached",
    SubscriberState.LEFT: "Have stopped",
}


@dataclass(frozen=True, slots=True)
class ListInNumbers:
    """What the page shows of one mailing list."""

    mailing_list: MailingList
    states: Counter[SubscriberState]
    months: list[Month]  # from the first in which anything happened
    weeks: list[Week]

    @property
    def tallest(self) -> int:
        return max((month.at_end for month in self.months), default=0) or 1


@router.get("/staff/people")
def people_page(request: Request, officer: TheKeeper, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        allowed = lists_of(session, officer, *KEEPERS)
        states = growth.states(session)
        months, weeks = growth.by_month(session, states, now=now), growth.by_week(session, now=now)
        waiting = [each for each in export_requests.newest(session, allowed) if each.asked_by != officer.id]
        return pages.show(
            request,
            "staff/people.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            numbers=[
                ListInNumbers(
                    each, states.get(list_id, Counter()), _lived(months.get(list_id, [])), weeks.get(list_id, [])
                )
                for list_id, each in allowed.items()
            ],
            states=STATES,
            bursts=[each for each in bursts.held(session, runtime.crypto) if each.mailing_list_id in allowed],
            lists=allowed,
            urgent=len(complaints.urgent(session, london_date(now))) if officer.has(StaffRole.DPO) else 0,
            exports=sum(export_requests.standing(each, now) is Standing.WAITS for each in waiting),
        )


@router.get("/staff/people/schools")
def schools_page(
    request: Request, officer: TheKeeper, runtime: TheRuntime, pages: ThePages, page: str = "1", phase: str = ""
) -> Response:
    with runtime.db.reading() as session:
        allowed = lists_of(session, officer, *KEEPERS)
        if not any(each.audience is Audience.PROFESSIONALS for each in allowed.values()):
            raise NotAllowed("Schools concern the newsletter for professionals, which your account is not for.")
        schools = coverage.of_schools(session)
        phase = phase if any(each.phase == phase for each in schools) else ""
        without = [each for each in schools if not each.is_covered and phase in ("", each.phase)]
        number, last = _page(page, len(without))
        return pages.show(
            request,
            "staff/people-schools.html",
            site.current(session),
            officer=officer,
            schools=len(schools),
            groups=[("Phase", coverage.by_phase(schools)), ("Town", coverage.by_town(schools))],
            roles={
                _ROLES.get(role, role.capitalize()): small_numbers.in_public(count)
                for role, count in coverage.by_role(session).items()
            },
            without=without[(number - 1) * SCHOOLS_ON_A_PAGE : number * SCHOOLS_ON_A_PAGE],
            number_without=len(without),
            silent=sum(each.is_unanswered for each in schools),
            phase=phase,
            page_number=number,
            last_page=last,
        )


@router.get("/staff/people/bursts/{burst_id:int}")
def burst_page(burst_id: int, request: Request, officer: TheKeeper, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return _burst(request, pages, session, runtime, officer, burst_id, Bound())


@router.post("/staff/people/bursts/{burst_id:int}")
def decide(
    burst_id: int, request: Request, officer: TheKeeper, form: TheForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    now = runtime.clock.now()
    if form.get("decision") not in set(BurstDecision):
        wrong: Bound[Any] = Bound(form, errors={"decision": "Choose what happened"})
        with runtime.db.reading() as session:
            return _burst(request, pages, session, runtime, officer, burst_id, wrong, status=422)
    decision = BurstDecision(form["decision"])
    with runtime.db.transaction() as session:
        found = _held(session, runtime, officer, burst_id)
        decided = stopping.settle(session, burst_id, decision, by=officer.id, now=now)
        audit.note(
            session,
            runtime.crypto,
            f"{'obey' if decision is BurstDecision.OBEYED else 'dismiss'} leaves",
            staff_id=officer.id,
            about=f"burst {burst_id} of list {found.mailing_list_id}",
            detail=f"{len(decided.subscriber_ids)} subscribers",
            now=now,
        )
    return RedirectResponse(f"/staff/people?said={decision.value}", status_code=303)


def _burst(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    burst_id: int,
    form: Bound[Any],
    *,
    status: int = 200,
) -> Response:
    found = _held(session, runtime, officer, burst_id)
    return pages.show(
        request,
        "staff/people-burst.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        burst=found,
        mailing_list=lists_of(session, officer, *KEEPERS)[found.mailing_list_id],
        since=f"{time_in_words(found.since)} on {in_words(london_date(found.since))}",
    )


def _held(session: Session, runtime: Runtime, officer: Officer, burst_id: int) -> Held:
    found = next((each for each in bursts.held(session, runtime.crypto) if each.burst_id == burst_id), None)
    if found is None:
        raise NotFound("Nothing is to be decided about this.")
    check_list(officer, found.mailing_list_id, *KEEPERS)
    return found


def _lived(months: list[Month]) -> list[Month]:
    """Without the empty months at the beginning; the last one at least."""
    first = next((place for place, each in enumerate(months) if each.joined or each.left or each.at_end), -1)
    return months[first:]


def _page(typed: str, rows: int) -> tuple[int, int]:
    """The page to show, within those there are, and the last one."""
    last = max(1, -(-rows // SCHOOLS_ON_A_PAGE))
    number = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 7 else 1
    return min(max(number, 1), last), last
