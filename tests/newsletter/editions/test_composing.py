"""Editions put into words, their choices changed by hand, their headlines, and the public archive."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from newsletter.content.models import PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import archive, choosing, composing, headlines, moves, publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.rendering.mails import EditionMail, SectionBlock, UpdateBlock
from tests.newsletter.editions.world import LETTERHEAD, World


def _titles(session: Session, edition: Edition) -> list[list[str]]:
    return [[update.title for update in section.updates] for section in composing.sections(session, edition)]


def test_each_list_gets_its_own_wording(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, action="Call us", action_by=date(2026, 12, 1), evidence_url="https://www.example.org/a",
                    evidence_label="See the figures")  # fmt: skip
        parents = world.assemble(session).edition
        professionals = world.assemble(
            session, mailing_list_id=world.professionals, audience=Audience.PROFESSIONALS
        ).edition
        assert parents is not None
        assert professionals is not None
        for_parents = composing.compose(session, parents, LETTERHEAD).sections[0].updates[0]
        for_professionals = composing.compose(session, professionals, LETTERHEAD).sections[0].updates[0]
    assert (for_parents.title, for_parents.action, for_parents.action_by) == ("More help by phone", "", None)
    assert for_professionals.title == "More help by phone (for schools)"
    assert (for_professionals.action, for_professionals.action_by) == ("Call us", date(2026, 12, 1))
    assert for_parents.organisation == "Example County Council"
    assert for_parents.evidence_label == "See the figures"


def test_sections_bear_the_names_of_their_day(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        old = session.get(PriorityArea, world.areas[1])
        assert old is not None
        old.until_date = date(2026, 10, 31)
        session.add(PriorityArea(number=2, name="Renamed", description="Two.", from_date=date(2026, 11, 1)))
        world.write(session)
        edition = world.assemble(session).edition
        assert edition is not None
        assert [(one.number, one.heading) for one in composing.sections(session, edition)] == [(2, "Renamed")]


_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)
_updates = st.builds(
    UpdateBlock, anchor=_words, title=_words, body=_words, organisation=_words, action=_words,
    action_by=st.none() | st.dates(),
)  # fmt: skip
_sections = st.builds(
    SectionBlock, anchor=_words, number=st.integers(1, 9), heading=_words,
    updates=st.lists(_updates, max_size=3).map(tuple),
)  # fmt: skip


@given(st.lists(_sections, max_size=3).map(tuple), _words, st.dates())
def test_a_page_survives_its_json(sections: tuple[SectionBlock, ...], subject: str, day: date) -> None:
    mail = EditionMail(
        letterhead=LETTERHEAD, subject=subject, preheader="", number=1, date=day, introduction="", sections=sections,
        page_url="http://news.example.org/editions/parents/x",
    )  # fmt: skip
    text = composing.page_json(mail)
    page = composing.page_from_json(text)
    assert (page.title, page.date, page.sections) == (subject, day, sections)
    assert page.publisher == "Example County Council"
    assert composing.page_json(mail) == text


def test_choices_are_changed_by_hand(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        one = world.write(session, "One", priority_area_id=world.areas[0]).id or 0
        three = world.write(session, "Three", priority_area_id=world.areas[2]).id or 0
        later = world.write(session, "Two, later", from_date=date(2026, 12, 1)).id or 0
        edition = world.assemble(session).edition
        assert edition is not None
        edition_id = edition.id or 0
        assert _titles(session, edition) == [["One"], ["Three"]]
        choosing.add(session, edition_id, later, now=world.now, because="The date moved")
        assert _titles(session, edition) == [["One"], ["Two, later"], ["Three"]]
        choosing.move(session, edition_id, three, position=1, now=world.now)
        assert _titles(session, edition) == [["Three"], ["One"], ["Two, later"]]
        choosing.move(session, edition_id, three, position=99, now=world.now)
        assert _titles(session, edition) == [["One"], ["Two, later"], ["Three"]]
        choosing.drop(session, edition_id, one, now=world.now, because="Too early to tell")
        assert _titles(session, edition) == [["Two, later"], ["Three"]]
        kept = [
            (update.parent_title, choice.is_in, choice.position, choice.reason)
            for choice, update in choosing.choices(session, edition_id)
        ]
        assert kept == [
            ("Two, later", True, 1, "The date moved"),
            ("Three", True, 2, "New: this is the first edition"),
            ("One", False, None, "Too early to tell"),
        ]
        # Both may be asked for twice.
        choosing.drop(session, edition_id, one, now=world.now)
        choosing.add(session, edition_id, three, now=world.now)
        assert _titles(session, edition) == [["Two, later"], ["Three"]]
        late = world.write(session, "Written later", priority_area_id=world.areas[0]).id or 0
        choosing.add(session, edition_id, late, now=world.now)
        assert _titles(session, edition) == [["Written later"], ["Two, later"], ["Three"]]


def test_choices_that_cannot_be_made_are_refused(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        schools = world.write(session, "Schools", parent_title="", parent_body="").id or 0
        edition_id = world.edition(session).id or 0
        unknown = world.write(session, "Unknown").id or 0
        with pytest.raises(InvalidInput, match="has no wording for parents"):
            choosing.add(session, edition_id, schools, now=world.now)
        with pytest.raises(NotFound, match="has no update"):
            choosing.drop(session, edition_id, unknown, now=world.now)
        with pytest.raises(NotFound, match="is not in edition 1"):
            choosing.move(session, edition_id, unknown, position=1, now=world.now)
        with pytest.raises(NotFound, match="no update 99"):
            choosing.add(session, edition_id, 99, now=world.now)
        with pytest.raises(InvalidInput, match="one sentence"):
            choosing.add(session, edition_id, unknown, now=world.now, because=" ")
        publishing.cancel(session, edition_id, now=world.now)
        with pytest.raises(WrongState, match="is cancelled"):
            choosing.add(session, edition_id, unknown, now=world.now)


def _update(title: str, day: int = 1, **changes: object) -> Update:
    return Update.model_validate(
        {
            "priority_area_id": 1, "partner_id": 1, "owner": "x", "parent_title": title, "parent_body": "x",
            "professional_title": title, "professional_body": "x", "from_date": date(2026, 11, day),
            "created_at": "2026-11-03T09:00:00Z", "updated_at": "2026-11-03T09:00:00Z", **changes,
        }
    )  # fmt: skip


def test_the_newest_update_leads_the_subject() -> None:
    chosen = [_update("Older"), _update("Newer", 3), _update("Middle", 2)]
    assert headlines.subject(chosen, Audience.PARENTS) == "SEND news: Newer, and 2 more updates"
    assert headlines.preheader(chosen, Audience.PARENTS, "SEND news: Newer, and 2 more updates") == (
        "Also: Middle. Older."
    )
    assert headlines.subject(chosen[:2], Audience.PARENTS) == "SEND news: Newer, and 1 more update"
    assert headlines.subject(chosen[:1], Audience.PARENTS) == "SEND news: Older"


def test_a_title_too_long_or_too_personal_gives_way_to_the_next() -> None:
    chosen = [_update("x" * 60, 3), _update("Help for your child", 2), _update("Short", 1)]
    assert headlines.subject(chosen, Audience.PARENTS) == "SEND news: Short, and 2 more updates"
    assert headlines.subject(chosen[:2], Audience.PARENTS) == "SEND news: 2 updates on what has changed"
    assert "your child" not in headlines.preheader(chosen, Audience.PARENTS, "")


@given(st.lists(_words.filter(str.strip), min_size=1, max_size=30))
def test_headlines_are_short_whatever_the_titles(titles: list[str]) -> None:
    chosen = [_update(title) for title in titles]
    subject = headlines.subject(chosen, Audience.PARENTS)
    assert len(subject) <= 70
    preheader = headlines.preheader(chosen, Audience.PARENTS, subject)
    assert 0 < len(preheader) <= 110
    assert not headlines.PERSONAL.search(subject + preheader)


def test_the_introduction_for_professionals_counts_what_they_are_asked() -> None:
    chosen = [_update("One", action="Call us"), _update("Two")]
    assert headlines.introduction(chosen, Audience.PROFESSIONALS, "Example") == (
        "This edition has 2 updates on services for special educational needs and disabilities (SEND) in Example. "
        "1 update asks you to do something."
    )
    assert headlines.introduction(chosen[1:], Audience.PROFESSIONALS, "Example").endswith(
        "None of them needs you to do anything."
    )
    assert "2 updates ask you" in headlines.introduction([chosen[0], chosen[0]], Audience.PROFESSIONALS, "Example")


@pytest.mark.parametrize("state", list(EditionState))
def test_only_what_has_gone_out_is_public(sqlite_world: World, state: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, state)
        public = state in (EditionState.SENDING, EditionState.PAUSED, EditionState.SENT)
        assert archive.published(session, world.parents) == ([edition] if public else [])
        assert archive.published(session, world.professionals) == []
        if public:
            assert archive.by_slug(session, world.parents, edition.slug) == edition
        for mailing_list_id, slug in ((world.parents, "1999-01-01"), (world.professionals, edition.slug)):
            with pytest.raises(NotFound, match="no edition at this address"):
                archive.by_slug(session, mailing_list_id, slug)
        if not public:
            with pytest.raises(NotFound, match="no edition at this address"):
                archive.by_slug(session, world.parents, edition.slug)


def test_the_newest_edition_comes_first(sqlite_world: World) -> None:
    world, clock = sqlite_world, sqlite_world.runtime.clock
    assert isinstance(clock, ManualClock)
    with world.runtime.db.transaction() as session:
        first = world.edition(session, EditionState.SENT, title="First")
        clock.move(timedelta(days=14))
        second = world.edition(session, EditionState.SENDING, title="Second")
        assert archive.published(session, world.parents) == [second, first]
        assert archive.published(session, world.parents, limit=1) == [second]
        assert moves.read(session, second.id or 0).slug == "2026-11-17"
