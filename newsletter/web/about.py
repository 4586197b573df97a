"""Privacy and accessibility: short, honest pages made from what this installation really does."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY
from subscribers import lists

router = APIRouter()


def _kept(session: Session) -> list[str]:
    """How long what is kept, from the periods that the sweep works with."""
    kept = periods.all_periods(session)
    return [
        f"a sign-up that nobody confirms: {kept[Period.PENDING].days} days",
        f"your email address after you stop: {kept[Period.ADDRESS_AFTER_END].days} days, so that you can change your "
        "mind",
        f"the record that you once said yes, without your address: {_years(kept[Period.ROW_AFTER_END].days)}",
        f"which editions we sent to you: {kept[Period.DELIVERIES].days} days, then only how many people got each",
        "a scrambled form of the network you signed up from, against misuse: 24 hours",
        "if you ask us to delete everything: a scrambled form of your address, so that nobody can sign you up again "
        "by mistake",
    ]


def _years(days: int) -> str:
    return f"{days // 365} {'year' if days // 365 == 1 else 'years'}" if days % 365 == 0 else f"{days} days"


@router.get("/privacy")
def privacy_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "privacy.html",
            site.current(session),
            cache=BRIEFLY,
            lists=lists.all_lists(session),
            kept=_kept(session),
        )


@router.get("/accessibility")
def accessibility_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(request, "accessibility.html", site.current(session), cache=BRIEFLY)
