"""All answers in "You said, we did" as staff see them: what is late first, then the newest."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content import finding_responses, partners, responses
from newsletter.content.dates import london_date, period
from newsletter.content.finding_responses import Wanted
from newsletter.content.models import ResponseOutcome
from newsletter.core.audience import Audience
from newsletter.core.texts import visible
from newsletter.editions import used_in
from newsletter.feedback import themes
from newsletter.web import site
from newsletter.web.answers import OUTCOMES
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff import picking
from newsletter.web.staff.event_list import AUDIENCES, chosen
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.paging import ROWS, pages_for

router = APIRouter()

#: Stands for the red list among the outcomes.
LATE = "late"


@router.get("/staff/answers")
def all_answers(
    request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, page: str = "1", words: str = ""
) -> Response:
    asked, today = request.query_params, london_date(runtime.clock.now())
    with runtime.db.reading() as session:
        areas = {str(area.id): area for area in partners.priority_areas(session)}
        area = areas.get(asked.get("area", ""))
        wanted = Wanted(
            outcome=chosen(ResponseOutcome, asked.get("outcome")),
            is_late=asked.get("outcome") == LATE,
            priority_area_id=area.id if area else None,
            audience=chosen(Audience, asked.get("for")),
            words=visible(words)[:100],
        )
        total = finding_responses.count(session, wanted, on=today)
        number, last = pages_for(total, page)
        found = finding_responses.page(session, wanted, on=today, number=number, size=ROWS)
        uses = picking.uses(session, officer, used_in.responses(session, [one.id or 0 for one in found]))
        return pages.show(
            request,
            "staff/answers.html",
            site.current(session),
            officer=officer,
            rows=[
                (
                    one,
                    responses.is_overdue(one, today),
                    responses.people_in_words(one.people),
                    period(one.period_from, one.period_until),
                    uses.get(one.id or 0, []),
                )
                for one in found
            ],
            wanted=wanted,
            outcome=LATE if wanted.is_late else wanted.outcome or "",
            outcomes=[(LATE, "Late"), *((each.value, words) for each, words in OUTCOMES.items())],
            outcome_words=OUTCOMES,
            areas=[(key, f"{each.number}. {each.name}") for key, each in areas.items()],
            area=asked.get("area", "") if area else "",
            audiences=AUDIENCES,
            waiting=themes.unanswered(session),
            total=total,
            number=number,
            last=last,
            today=today,
        )
