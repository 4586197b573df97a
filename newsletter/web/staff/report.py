"""The report of an edition: what became of it, what readers made of it, and how the last ones did, as a page to print
and as a file for a spreadsheet. Small numbers are not said exactly, because a small one might point at somebody."""

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content.dates import in_words, london_date
from newsletter.core.errors import NotFound
from newsletter.core.small_numbers import FEWEST, in_public
from newsletter.delivery import figures
from newsletter.delivery.figures import Figures, Report
from newsletter.editions.models import Edition
from newsletter.web import downloads, site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.downloads import FileKind
from newsletter.web.staff import edition_states, one_edition
from newsletter.web.staff.one_edition import READERS, TheReader
from newsletter.web.staff.sending import STATES
from subscribers.sheets import Cell

router = APIRouter(prefix="/staff/editions/{edition_id:int}")

#: States that say how it ended; in a report of an edition that is sent the others are 0 and left out.
_UNDONE = frozenset({"queued", "sending", "deferred"})

#: The chart: everything in units of its own, so that it grows with the page.
ROW, BAR, WIDTH = 34, 160, 360


@router.get("/report")
def report_page(
    edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages
) -> Response:
    with runtime.db.reading() as session:
        edition, mailing_list = one_edition.find(session, officer, edition_id, *READERS)
        now = runtime.clock.now()
        found = figures.report(session, edition, now=now) if edition.released_at is not None else None
        return pages.show(
            request,
            "staff/report.html",
            site.current(session),
            officer=officer,
            edition=edition,
            list=mailing_list,
            standing=edition_states.standing(edition),
            report=found,
            fewest=FEWEST,
            today=london_date(now),
            sent_on=in_words(london_date(edition.released_at)) if edition.released_at else "",
            rows=[(what, in_public(number)) for what, number in _rows(found.figures)] if found else [],
            compared=[_compared(each) for each in (found.figures, *found.before)] if found else [],
            chart=_chart([found.figures, *found.before]) if found and found.before else [],
            chart_size=(WIDTH, ROW * (len(found.before) + 1)) if found else (0, 0),
            shown=in_public,
        )


@router.get("/report.{kind}")
def report_file(edition_id: int, kind: FileKind, officer: TheReader, runtime: TheRuntime) -> Response:
    with runtime.db.reading() as session:
        edition, mailing_list = one_edition.find(session, officer, edition_id, *READERS)
        if edition.released_at is None:
            raise NotFound("There is no report before the edition has gone out.")
        found = figures.report(session, edition, now=runtime.clock.now())
    rows = (
        (mailing_list.name, each.number, each.date, what, about, _in_file(number))
        for each, what, about, number in _lines(found)
    )
    headings = ("newsletter", "edition", "date", "what", "about", "number")
    return downloads.answer(kind, f"report-{mailing_list.slug}-{edition.slug}", headings, rows)


def _in_file(number: int) -> Cell:
    """To be reckoned with, where it may be said."""
    return in_public(number) if 0 < number < FEWEST else number


def _rows(one: Figures) -> Iterator[tuple[str, int]]:
    yield "Copies made", one.recipients
    for state, words in STATES.items():
        if one.counts[state] or state not in _UNDONE:
            yield words, one.counts[state]
    yield "Stopped their emails since", one.growth.left
    yield "Joined since", one.growth.joined
    yield "Replies in all", one.useful.replies


def _compared(one: Figures) -> dict[str, object]:
    """A row of the comparison."""
    answers = one.useful.yes + one.useful.no
    return {
        "edition": one.edition,
        "copies": in_public(one.recipients),
        "reached": in_public(one.reached),
        "returned": in_public(one.counts["bounced"] + one.counts["rejected"]),
        "complained": in_public(one.counts["complained"]),
        "left": in_public(one.growth.left),
        "replies": in_public(one.useful.replies),
        "useful": f"{in_public(one.useful.yes)} of {in_public(answers)}" if answers else "no answers",
    }


def _chart(all_of_them: list[Figures]) -> list[dict[str, object]]:
    """Bars from zero: how many readers each edition reached, the oldest at the top. A small number has no bar, which
    would say it."""
    most = max((each.reached for each in all_of_them), default=0)
    bars = []
    for place, each in enumerate(reversed(all_of_them)):
        is_small = 0 < each.reached < FEWEST
        length = 0 if is_small or not most else round(BAR * each.reached / most, 1)
        bars.append(
            {
                "label": f"Edition {each.edition.number}",
                "number": in_public(each.reached),
                "y": place * ROW,
                "length": length,
                "is_this": each is all_of_them[0],
            }
        )
    return bars


def _lines(found: Report) -> Iterator[tuple[Edition, str, str, int]]:
    for each in (found.figures, *found.before):
        for what, number in _rows(each):
            yield each.edition, what, "", number
    for part in found.parts:
        counted = {
            "Useful: yes": part.useful.yes,
            "Useful: no": part.useful.no,
            "Comments": part.useful.comments,
            "Replies": part.useful.replies,
        }
        for what, number_of_people in counted.items():
            yield found.figures.edition, what, part.title, number_of_people
