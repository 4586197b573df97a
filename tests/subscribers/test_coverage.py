"""What staff see of the schools: which are reached, never by whom."""

from datetime import timedelta

from newsletter.core import small_numbers
from newsletter.core.runtime import Runtime
from subscribers import coverage, still_you
from subscribers.models import School, Subscriber, SubscriberState
from tests.newsletter.web import town

YEAR = timedelta(days=365)


def test_a_school_is_reached_when_a_confirmed_professional_works_there(runtime: Runtime) -> None:
    town.build(runtime)
    town.subscriber(runtime, "senco@example.org", slug="professionals")  # at 100001
    town.subscriber(runtime, "pending@example.org", slug="professionals", confirmed=False)
    parent = town.subscriber(runtime, "parent@example.org")
    other = town.subscriber(runtime, "other@example.org", slug="professionals")
    with runtime.db.transaction() as session:
        session.get_one(Subscriber, parent).school_urn = 100_002  # cannot be, and would not count
        session.get_one(Subscriber, other).state = SubscriberState.LEFT
        special = session.get_one(School, 100_002)
        special.phase_name, special.type_name, special.town = "Not applicable", "Community special school", ""
        session.get_one(School, 100_003).is_open = False
    with runtime.db.reading() as session:
        schools = coverage.of_schools(session)
        assert [(school.urn, school.is_covered, school.is_unanswered) for school in schools] == [
            (100_001, True, False),
            (100_002, False, False),
        ]
        assert coverage.by_phase(schools) == [
            coverage.Group("Community special school", 1, 0),
            coverage.Group("Primary", 1, 1),
        ]
        assert coverage.by_town(schools) == [coverage.Group("Exampleton", 1, 1), coverage.Group("No town", 1, 0)]
        assert coverage.by_role(session) == {"senco": 1}


def test_a_school_where_nobody_answered_is_counted_as_unanswered(runtime: Runtime) -> None:
    town.build(runtime)
    first = town.subscriber(runtime, "senco@example.org", slug="professionals")
    town.subscriber(runtime, "head@example.org", slug="professionals")
    runtime.clock.move(YEAR)  # type: ignore[attr-defined]
    with runtime.db.transaction() as session:
        assert len(still_you.ask_due(session, now=runtime.clock.now())) == 2
        assert coverage.of_schools(session)[0].is_unanswered
    runtime.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    with runtime.db.transaction() as session:
        list_id = session.get_one(Subscriber, first).mailing_list_id
        still_you.keep(session, mailing_list_id=list_id, subscriber_id=first, now=runtime.clock.now())
        assert not coverage.of_schools(session)[0].is_unanswered


def test_few_people_are_not_counted_exactly() -> None:
    assert [small_numbers.in_public(number) for number in (0, 1, 4, 5, 1_234)] == [
        "0",
        "fewer than 5",
        "fewer than 5",
        "5",
        "1,234",
    ]
