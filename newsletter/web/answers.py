"""“You said, we did”: what people told the partnership and what came of it, now and year by year.

The yearly page is the report that regulation 56 of the Special Educational Needs and Disability Regulations 2014 asks
for: comments, the response to them, and the action. It counts answers and never people, so that no small number can be
worked out from a total.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import partners, responses
from newsletter.content.dates import london_date
from newsletter.content.models import Response as Answer
from newsletter.content.models import ResponseOutcome
from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from newsletter.editions import blocks
from newsletter.editions.expanding import Expander
from newsletter.feedback import themes
from newsletter.rendering import markup
from newsletter.rendering.mails import ResponseBlock
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.conditional import unless_known
from newsletter.web.downloads import FileKind
from newsletter.web.pages import BRIEFLY
from subscribers.sheets import Cell

router = APIRouter()

#: The outcomes as readers see them, in the order in which they are offered.
OUTCOMES = {
    ResponseOutcome.DONE: "Done",
    ResponseOutcome.DOING: "We are doing it",
    ResponseOutcome.WILL_NOT: "We will not do it",
    ResponseOutcome.NOT_OURS: "Others decide",
}

_COLUMNS = (
    "Priority area", "Theme", "How many people", "When they said it", "What people said", "Outcome", "Our answer",
    "Done by", "Reason", "Who decides", "Organisation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shelf:
    """The answers of one priority area."""

    number: int
    name: str
    answers: list[ResponseBlock]


@router.get("/you-said-we-did")
def you_said_we_did(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    today = london_date(runtime.clock.now())
    asked = request.query_params.get("outcome")
    outcome = ResponseOutcome(asked) if asked in set(ResponseOutcome) else None
    with runtime.db.reading() as session:
        due = responses.due(session, on=today)
        shown = [one for one in due if outcome is None or one.outcome is outcome]
        return pages.show(
            request,
            "you-said-we-did.html",
            site.current(session),
            cache=BRIEFLY,
            shelves=_shelves(session, runtime, shown),
            outcomes=OUTCOMES,
            outcome=outcome,
            years=responses.years(session, on=today),
        )


@router.get("/you-said-we-did/{year:int}.{kind}")
def report_as_file(year: int, kind: FileKind, request: Request, runtime: TheRuntime) -> Response:
    with runtime.db.reading() as session:
        shelves = _shelves(session, runtime, _of_year(session, runtime, year))
    rows = (_row(shelf, answer) for shelf in shelves for answer in shelf.answers)
    return unless_known(request, kind.write(_COLUMNS, rows), kind.media_type)


@router.get("/you-said-we-did/{year:int}")
def report(year: int, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        found = _of_year(session, runtime, year)
        counts = Counter(one.outcome for one in found)
        return pages.show(
            request,
            "you-said-we-did-report.html",
            site.current(session),
            cache=BRIEFLY,
            year=year,
            is_over=year < london_date(runtime.clock.now()).year,
            shelves=_shelves(session, runtime, found),
            counts=[(words, counts[outcome]) for outcome, words in OUTCOMES.items()],
            outcomes=OUTCOMES,
            heard=_heard(session, year),
        )


def _heard(session: Session, year: int) -> list[tuple[str, themes.Counted]]:
    """What people told us in a year, by priority area: the themes, never the words."""
    areas = {area.id: f"{area.number}. {area.name}" for area in partners.priority_areas(session)}
    counted = themes.counts(session, since=date(year, 1, 1), until=date(year, 12, 31))
    found = [(areas.get(one.priority_area_id, "Other"), one) for one in counted]
    return sorted(found, key=lambda row: (row[0] == "Other", row[0]))


def _of_year(session: Session, runtime: Runtime, year: int) -> list[Answer]:
    today = london_date(runtime.clock.now())
    if year not in responses.years(session, on=today):
        raise NotFound("There is no report for this year.")
    return responses.of_year(session, year, on=today)


def _shelves(session: Session, runtime: Runtime, answers: list[Answer]) -> list[Shelf]:
    today = london_date(runtime.clock.now())
    areas = {area.id: area for area in partners.priority_areas(session)}
    shelves: dict[int, Shelf] = {}
    for one in answers:
        area = areas[one.priority_area_id]
        shelf = shelves.setdefault(area.number, Shelf(area.number, area.name, []))
        shelf.answers.append(blocks.response(one, partners.partner_by_id(session, one.partner_id), today, Expander([])))
    return list(shelves.values())


def _row(shelf: Shelf, answer: ResponseBlock) -> tuple[Cell, ...]:
    people, _, when = answer.asked.partition(" told us, ")
    return (
        f"{shelf.number}. {shelf.name}",
        answer.theme,
        people,
        when,
        markup.to_text(answer.said),
        OUTCOMES[ResponseOutcome(answer.outcome)],
        markup.to_text(answer.did),
        answer.doing_by,
        answer.reason,
        answer.decided,
        answer.organisation,
    )
