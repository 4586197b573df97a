"""What may be written as a response, what is due, and what is late."""

from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session

from newsletter.content import responses
from newsletter.content.models import PriorityArea
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from tests.newsletter.content.conftest import response_draft

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
DAY = date(2026, 11, 3)


def test_a_response_is_kept_and_changed(session: Session) -> None:
    response = responses.write(session, response_draft(outcome="doing", doing_by=date(2026, 12, 1)), now=NOW)
    assert responses.draft_of(response).doing_by == date(2026, 12, 1)
    later = NOW.replace(hour=12)
    responses.edit(session, response.id or 0, response_draft(), now=later)
    assert (response.outcome, response.doing_by, response.updated_at) == ("done", None, later)
    assert responses.all_responses(session) == [response]
    for missing in (
        lambda: responses.by_id(session, 99),
        lambda: responses.edit(session, 99, response_draft(), now=NOW),
    ):
        with pytest.raises(NotFound, match="no response 99"):
            missing()
    for changes, field in (({"partner_id": 9}, "partner_id"), ({"priority_area_id": 9}, "priority_area_id")):
        with pytest.raises(InvalidInput) as refused:
            responses.write(session, response_draft(**changes), now=NOW)
        assert refused.value.field == field


def test_due_responses_are_of_their_days_and_audience_by_area(session: Session) -> None:
    area = PriorityArea(number=0, name="Zero", description="Zero.", from_date=date(2023, 12, 12))
    session.add(area)
    session.flush()
    one = responses.write(session, response_draft(), now=NOW)
    first = responses.write(session, response_draft(priority_area_id=area.id, for_professionals=True), now=NOW)
    responses.write(session, response_draft(from_date=date(2026, 11, 4)), now=NOW)
    responses.write(session, response_draft(until_date=date(2026, 11, 2)), now=NOW)
    assert responses.due(session, on=DAY) == [first, one]
    assert responses.due(session, on=DAY, audience=Audience.PROFESSIONALS) == [first]
    assert responses.due(session, on=DAY, audience=Audience.PARENTS) == [first, one]


def test_the_red_list_has_what_was_promised_and_not_done(session: Session) -> None:
    def doing(by: date, **changes: object) -> responses.Response:
        return responses.write(session, response_draft(outcome="doing", doing_by=by, **changes), now=NOW)

    late, later = doing(date(2026, 11, 2)), doing(date(2026, 10, 1))
    doing(DAY)  # today is not late
    doing(date(2026, 10, 1), until_date=date(2026, 11, 2))
    responses.write(session, response_draft(), now=NOW)
    assert responses.overdue(session, on=DAY) == [later, late]


def test_a_year_has_what_was_published_in_it_so_far(session: Session) -> None:
    old = responses.write(session, response_draft(from_date=date(2025, 12, 31), until_date=date(2026, 1, 5)), now=NOW)
    new = responses.write(session, response_draft(from_date=DAY), now=NOW)
    responses.write(session, response_draft(from_date=date(2026, 11, 4)), now=NOW)
    assert responses.years(session, on=DAY) == [2026, 2025]
    assert responses.of_year(session, 2025, on=DAY) == [old]
    assert responses.of_year(session, 2026, on=DAY) == [new]
    assert responses.of_year(session, 2027, on=DAY) == []


@pytest.mark.parametrize(
    ("people", "words"),
    [(1, "fewer than 5 people"), (4, "fewer than 5 people"), (5, "5 people"), (1200, "1,200 people")],
)
def test_small_counts_are_never_shown(people: int, words: str) -> None:
    assert responses.people_in_words(people) == words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"for_parents": False}, "Choose who it is for"),
        ({"people": 0}, "People: "),
        ({"period_until": date(2026, 8, 1)}, "on or after the first"),
        ({"outcome": "doing"}, "by when"),
        ({"doing_by": date(2026, 12, 1)}, "by when"),
        ({"outcome": "will not"}, "Give the reason"),
        ({"outcome": "not decided by us"}, "Give the reason"),
        ({"outcome": "looking into it"}, "Input should be"),
        ({"decision_owner": ""}, "Decision owner"),
        ({"until_date": date(2026, 10, 1)}, "on or after the first day"),
        ({"said": ""}, "Said: "),
        ({"said": "Ms Example waited."}, "looks like a name"),
        ({"did": "Ask Dr Example."}, "looks like a name"),
        ({"said": "Write to a.parent@example.org"}, "looks like an email address"),
        ({"said": "Call me on 01632 960000."}, "looks like a phone number"),
        ({"said": "Three families at one school waited."}, "so small that it could point at people"),
        ({"theme": "2 parents could not park"}, "so small that it could point at people"),
    ],
)
def test_what_is_no_answer_or_tells_on_somebody_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        response_draft(**changes)


def test_an_answer_may_give_a_helpline_and_numbers() -> None:
    response_draft(
        said="5 parents waited in 2025 - 2026.", did="Call 01632 960000. We filled 3 posts; one school tries it."
    )
