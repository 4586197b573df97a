"""A partnership of one area and one organisation, and short ways to write events, responses and terms for it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import Session

from newsletter.content import fields
from newsletter.content.events import EventDraft
from newsletter.content.glossary import TermDraft
from newsletter.content.models import Partner, PriorityArea
from newsletter.content.responses import ResponseDraft
from newsletter.core.runtime import Runtime


@pytest.fixture
def session(runtime: Runtime) -> Iterator[Session]:
    """On SQLite and on PostgreSQL."""
    with runtime.db.transaction() as session:
        session.add(PriorityArea(number=1, name="One", description="One.", from_date=date(2023, 12, 12)))
        session.add(Partner(slug="council", name="Council", from_date=date(2020, 1, 1)))
        session.flush()
        yield session


def event_draft(**changes: Any) -> EventDraft:
    """An evening online, on 20 November 2026."""
    values = {
        "title": "Tell us what you think",
        "for_parents": True,
        "starts_at": datetime(2026, 11, 20, 18, 30, tzinfo=UTC),
        "ends_at": datetime(2026, 11, 20, 20, 0, tzinfo=UTC),
        "place": "online",
        "online_url": "https://meet.example.org/1",
        "access_notes": "There are live captions.",
        "without_attending": "Reply to this email.",
        "for_whom": "Parents and carers",
        "adjustments_contact": "Call 01632 960000.",
        "partner_id": 1,
        "announce_from": date(2026, 11, 1),
    }
    return fields.read(EventDraft, {**values, **changes})


def response_draft(**changes: Any) -> ResponseDraft:
    values = {
        "theme": "Answers take too long",
        "said": "You wait weeks for an answer.",
        "people": 14,
        "period_from": date(2026, 9, 1),
        "period_until": date(2026, 10, 31),
        "did": "A person answers within five working days.",
        "outcome": "done",
        "decision_owner": "Head of SEND",
        "partner_id": 1,
        "priority_area_id": 1,
        "for_parents": True,
        "from_date": date(2026, 11, 1),
    }
    return fields.read(ResponseDraft, {**values, **changes})


def term_draft(**changes: Any) -> TermDraft:
    values = {
        "term": "EHCP",
        "expansion": "education, health and care plan",
        "explanation": "A legal document that says what help a child must get.",
        "from_date": date(2020, 1, 1),
    }
    return fields.read(TermDraft, {**values, **changes})
