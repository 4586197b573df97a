"""The copies of an edition of which nobody knows whether they arrived, and a person's decision about them."""

from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import weekday_and_time
from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.delivery import deciding, ledger
from newsletter.editions.models import EditionState
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import one_edition
from newsletter.web.staff.one_edition import DECIDERS, TheDecider

router = APIRouter(prefix="/staff/editions/{edition_id:int}/sending/unknown")


class DecisionForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"decision": "Choose what happens to these copies"}

    decision: Literal["again", "leave"]


@router.get("")
def unknown_page(
    edition_id: int,
    request: Request,
    officer: TheDecider,
    runtime: TheRuntime,
    pages: ThePages,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Response:
    with runtime.db.reading() as session:
        return _unknown(request, pages, session, officer, edition_id, Bound(), after=after)


@router.post("")
def decide(
    edition_id: int, request: Request, form: TheForm, officer: TheDecider, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(DecisionForm, form)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        one_edition.find(session, officer, edition_id, *DECIDERS)
        if bound.value is None:
            return _unknown(request, pages, session, officer, edition_id, bound, status=422)
        again = bound.value.decision == "again"
        number = deciding.decide(session, edition_id, send_again=again, now=now, staff_id=officer.id)
        if number:
            detail = f"{number} copies: {'send again' if again else 'leave'}"
            one_edition.note(session, runtime, officer, "decide about unknown copies", edition_id, detail, now=now)
    return RedirectResponse(
        f"/staff/editions/{edition_id}/sending?said={'again' if again else 'left'}", status_code=303
    )


def _unknown(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    edition_id: int,
    bound: Bound[DecisionForm],
    *,
    after: int = 0,
    status: int = 200,
) -> Response:
    edition, mailing_list = one_edition.find(session, officer, edition_id, *DECIDERS)
    rows = deciding.unknown(session, edition_id, after_id=after)
    return pages.show(
        request,
        "staff/sending-unknown.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        edition=edition,
        list=mailing_list,
        number=ledger.counts(session, edition_id)["unknown"],
        rows=[(row, weekday_and_time(row.at) if row.at else "") for row in rows],
        next_after=rows[-1].delivery_id if len(rows) == deciding.PAGE else None,
        is_first=after == 0,
        kept_days=periods.all_periods(session)[Period.UNKNOWN_DELIVERIES].days,
        can_send_again=edition.state in (EditionState.SENDING, EditionState.PAUSED, EditionState.SENT),
    )
