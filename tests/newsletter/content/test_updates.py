"""What may be written as an update, and when it is due."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlmodel import Session

from newsletter.content import partners, updates
from newsletter.content.lines import one_line
from newsletter.content.models import Partner, Partnership, PriorityArea
from newsletter.content.updates import UpdateDraft
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime

DAY = date(2026, 11, 3)


def draft(**changes: Any) -> UpdateDraft:
    values = {
        "priority_area_id": 1,
        "partner_id": 1,
        "owner": "Head of SEND",
        "parent_title": "More help",
        "parent_body": "There is more help.",
        "from_date": DAY,
    }
    return UpdateDraft.model_validate({**values, **changes})


@pytest.fixture
def session(sqlite_runtime: Runtime) -> Iterator[Session]:
    with sqlite_runtime.db.transaction() as session:
        session.add(PriorityArea(number=1, name="One", description="One.", from_date=date(2023, 12, 12)))
        session.add(Partner(slug="council", name="Council", from_date=date(2020, 1, 1), until_date=date(2028, 3, 31)))
        session.flush()
        yield session


def test_an_update_is_kept_as_written(session: Session, sqlite_runtime: Runtime) -> None:
    now = sqlite_runtime.clock.now()
    written = draft(
        owner="  Head of SEND ",
        evidence_url="https://www.example.org/figures",
        evidence_label="See the figures",
        professional_title="More help",
        professional_body="Tell families.",
        action="Tell families",
        action_by=date(2026, 12, 1),
    )
    update = updates.write(session, written, author_id=None, now=now)
    assert update.owner == "Head of SEND"
    assert updates.draft_of(update) == written
    assert updates.by_id(session, update.id or 0) is update
    assert updates.page(session, limit=10) == [update]


def test_an_edit_keeps_the_author_and_notes_the_time(session: Session, sqlite_runtime: Runtime) -> None:
    now = sqlite_runtime.clock.now()
    update = updates.write(session, draft(), author_id=None, now=now)
    later = now.replace(hour=12)
    edited = updates.edit(session, update.id or 0, draft(parent_title="Even more help"), now=later)
    assert edited.id == update.id
    assert (edited.parent_title, edited.created_at, edited.updated_at) == ("Even more help", now, later)
    with pytest.raises(NotFound, match="no update 99"):
        updates.edit(session, 99, draft(), now=later)


def test_area_and_organisation_must_exist(session: Session, sqlite_runtime: Runtime) -> None:
    now = sqlite_runtime.clock.now()
    with pytest.raises(InvalidInput, match="priority area") as area:
        updates.write(session, draft(priority_area_id=9), author_id=None, now=now)
    assert area.value.field == "priority_area_id"
    with pytest.raises(InvalidInput, match="organisation") as partner:
        updates.write(session, draft(partner_id=9), author_id=None, now=now)
    assert partner.value.field == "partner_id"


@pytest.mark.parametrize(
    ("first", "last", "is_due"),
    [
        (DAY, None, True),
        (DAY, DAY, True),
        (date(2026, 11, 4), None, False),
        (date(2026, 10, 1), date(2026, 11, 2), False),
        (date(2026, 10, 1), DAY, True),
    ],
)
def test_both_dates_are_included(
    session: Session, sqlite_runtime: Runtime, first: date, last: date | None, is_due: bool
) -> None:
    now = sqlite_runtime.clock.now()
    updates.write(session, draft(from_date=first, until_date=last), author_id=None, now=now)
    assert bool(updates.due(session, audience=Audience.PARENTS, on=DAY)) is is_due
    assert updates.due(session, audience=Audience.PROFESSIONALS, on=DAY) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parent_title": "", "parent_body": ""}, "Enter a wording"),
        ({"parent_title": ""}, "Wording for parents needs a title"),
        ({"parent_body": "  "}, "Wording for parents needs a text"),
        ({"professional_title": "Only a title"}, "Wording for professionals needs a text"),
        ({"parent_body": "<script>alert(1)</script>"}, "Line 1"),
        ({"parent_body": "![picture](https://example.org/a.png)"}, "Line 1"),
        ({"parent_title": "One\nTwo"}, "one line"),
        ({"parent_title": "One\x00"}, "one line"),
        ({"parent_title": "\ud800"}, "valid string"),
        ({"owner": "[[manage_url]]"}, "personal link"),
        ({"owner": ""}, "at least 1 character"),
        ({"parent_title": "x" * 121}, "at most 120 characters"),
        ({"evidence_url": "http://example.org/a", "evidence_label": "Figures"}, "https://"),
        ({"evidence_url": "javascript:alert(1)", "evidence_label": "Figures"}, "https://"),
        ({"evidence_url": "https://user@example.org/", "evidence_label": "Figures"}, "https://"),
        ({"evidence_url": "https://example.org/a b", "evidence_label": "Figures"}, "https://"),
        ({"evidence_url": "https://example.org/"}, "together, or neither"),
        ({"evidence_label": "Figures"}, "together, or neither"),
        ({"evidence_url": "https://example.org/", "evidence_label": "Click here"}, "say where it goes"),
        ({"evidence_url": "https://example.org/", "evidence_label": "https://example.org"}, "say where it goes"),
        ({"action": "Call us"}, "An action is for professionals"),
        ({"action_by": DAY}, "needs the action"),
        ({"until_date": date(2026, 11, 2)}, "on or after the first day"),
        ({"diagnosis": "x"}, "Extra inputs"),
    ],
)
def test_what_no_edition_could_carry_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        draft(**changes)


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_a_line_is_one_line_or_refused(text: str) -> None:
    try:
        line = one_line(text)
    except ValueError:
        return
    assert len(line.splitlines()) <= 1
    line.encode()  # no half characters
    assert "\0" not in line


def test_partners_and_areas_are_dated(session: Session) -> None:
    session.add(PriorityArea(number=1, name="One, renamed", description="One.", from_date=date(2027, 1, 1)))
    session.add(Partner(slug="successor", name="Successor", from_date=date(2028, 4, 1)))
    session.flush()
    assert [partner.slug for partner in partners.partners(session, on=DAY)] == ["council"]
    assert [partner.slug for partner in partners.partners(session, on=date(2028, 4, 1))] == ["successor"]
    assert len(partners.partners(session)) == 2
    assert [area.name for area in partners.priority_areas(session, on=DAY)] == ["One"]
    assert partners.partner_by_slug(session, "council").name == "Council"
    with pytest.raises(NotFound, match="no partner called nobody"):
        partners.partner_by_slug(session, "nobody")


def test_no_partnership_says_what_to_do(session: Session) -> None:
    with pytest.raises(NotFound, match="newsletter demo"):
        partners.partnership(session)
    session.add(
        Partnership(
            name="P", area="A", publisher="C", postal_address="", phone="", contact_email="", website="",
            help_text="Help.", local_authority_code=1,
        )
    )  # fmt: skip
    session.flush()
    assert partners.partnership(session).name == "P"
