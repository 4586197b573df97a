"""What may be written as an event, and which events are coming."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from newsletter.content import events
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.core.runtime import Runtime
from tests.newsletter.content.conftest import event_draft

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def test_an_event_is_kept_as_written_under_an_address_of_its_own(session: Session) -> None:
    event = events.write(session, event_draft(), now=NOW)
    assert event.slug == "tell-us-what-you-think-2026-11-20"
    assert events.write(session, event_draft(), now=NOW).slug == "tell-us-what-you-think-2026-11-20-2"
    assert events.draft_of(event) == event_draft()
    assert events.by_id(session, event.id or 0) is event
    assert events.write(session, event_draft(title="¿?"), now=NOW).slug == "event-2026-11-20"
    assert len({one.uid for one in events.all_events(session)}) == 3


def test_a_change_keeps_address_and_uid_and_tells_calendars(session: Session) -> None:
    event = events.write(session, event_draft(), now=NOW)
    before = (event.slug, event.uid)
    later = NOW + timedelta(hours=1)
    changed = events.edit(session, event.id or 0, event_draft(title="Another title"), now=later)
    assert (changed.slug, changed.uid) == before
    assert (changed.title, changed.sequence, changed.updated_at) == ("Another title", 1, later)
    # No calendar shows from when it was announced.
    events.edit(session, event.id or 0, event_draft(title="Another title", announce_from=date(2026, 11, 2)), now=later)
    assert changed.sequence == 1


def test_a_cancelled_event_stays_cancelled(session: Session) -> None:
    event = events.write(session, event_draft(), now=NOW)
    assert events.cancel(session, event.id or 0, now=NOW)
    assert not events.cancel(session, event.id or 0, now=NOW + timedelta(days=1))
    assert (event.cancelled_at, event.sequence) == (NOW, 1)
    with pytest.raises(WrongState, match="was cancelled"):
        events.edit(session, event.id or 0, event_draft(), now=NOW)


def test_coming_events_are_announced_not_over_and_for_the_audience(session: Session) -> None:
    start = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)

    def at(days: int, **changes: object) -> int:
        moved = start + timedelta(days=days)
        draft = event_draft(starts_at=moved, ends_at=moved + timedelta(hours=1), **changes)
        return events.write(session, draft, now=NOW).id or 0

    later, sooner = at(7), at(0)
    schools = at(3, for_parents=False, for_professionals=True)
    at(4, announce_from=date(2026, 11, 4))
    at(-18)  # the evening before
    under_way = events.write(
        session,
        event_draft(starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=1)), now=NOW,
    ).id  # fmt: skip
    off = at(1)
    events.cancel(session, off, now=NOW)
    found = [event.id for event in events.coming(session, now=NOW)]
    assert found == [under_way, sooner, off, schools, later]
    assert [event.id for event in events.coming(session, now=NOW, audience=Audience.PROFESSIONALS)] == [schools]
    assert schools not in [event.id for event in events.coming(session, now=NOW, audience=Audience.PARENTS)]


def test_an_event_is_public_from_the_day_it_is_announced(session: Session) -> None:
    slug = events.write(session, event_draft(), now=NOW).slug
    assert events.public_by_slug(session, slug, date(2026, 11, 1)).slug == slug
    for wanted, day in ((slug, date(2026, 10, 31)), ("nothing", date(2026, 11, 1))):
        with pytest.raises(NotFound, match="no event at this address"):
            events.public_by_slug(session, wanted, day)


def test_organisation_and_area_must_exist(session: Session, runtime: Runtime) -> None:
    for changes, field in (({"partner_id": 9}, "partner_id"), ({"priority_area_id": 9}, "priority_area_id")):
        with pytest.raises(InvalidInput) as refused:
            events.write(session, event_draft(**changes), now=NOW)
        assert refused.value.field == field
    with pytest.raises(NotFound, match="no event 99"):
        events.edit(session, 99, event_draft(), now=NOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"for_parents": False}, "Choose who it is for"),
        ({"ends_at": datetime(2026, 11, 20, 18, 30, tzinfo=UTC)}, "end must be after the start"),
        ({"starts_at": datetime(2026, 11, 20, 18, 30)}, "timezone"),  # noqa: DTZ001
        ({"place": "in-person", "online_url": ""}, "venue and its address"),
        ({"place": "both", "venue": "Town Hall"}, "venue and its address"),
        ({"place": "in-person", "venue": "Town Hall", "postal_address": "1 High Street"}, "A link to join"),
        ({"online_url": ""}, "Give the link to join"),
        ({"place": "on the moon"}, "Input should be"),
        ({"title": ""}, "Title: String should have at least 1"),
        ({"title": "One\nTwo"}, "Title: Must be one line"),
        ({"adjustments_contact": ""}, "Adjustments contact"),
        ({"summary": "<b>Come</b>"}, "Summary: Line 1"),
        ({"online_url": "http://meet.example.org/1"}, "https://"),
        ({"booking_url": "javascript:alert(1)"}, "https://"),
        ({"announce_from": date(2026, 11, 21)}, "on or before the day"),
        ({"price": "x"}, "Price: Extra inputs"),
    ],
)
def test_what_nobody_could_come_to_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        event_draft(**changes)
