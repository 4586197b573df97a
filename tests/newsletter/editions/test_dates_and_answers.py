"""Events and responses in an edition: which are chosen and why, how they read, and what a change of one undoes."""

import json
from datetime import date, timedelta

import pytest
from sqlmodel import Session

from newsletter.content import events, glossary, responses
from newsletter.content.glossary import TermDraft
from newsletter.core.audience import Audience
from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, WrongState
from newsletter.editions import composing, event_choices, moves, publishing, response_choices
from newsletter.editions.models import Edition, EditionState
from tests.newsletter.editions.world import LETTERHEAD, TODAY, World, bring_to


def made(world: World, session: Session, title: str = "News") -> Edition:
    world.write(session, title)
    edition = world.assemble(session).edition
    assert edition is not None
    return edition


def dates(session: Session, edition: Edition) -> list[tuple[str, bool, str]]:
    return [
        (event.title, choice.is_in, choice.reason) for choice, event in event_choices.choices(session, edition.id or 0)
    ]


def answers(session: Session, edition: Edition) -> list[tuple[str, bool, str]]:
    found = response_choices.choices(session, edition.id or 0)
    return [(response.theme, choice.is_in, choice.reason) for choice, response in found]


def term(session: Session, name: str, expansion: str) -> None:
    glossary.write(
        session, TermDraft(term=name, expansion=expansion, explanation="A word.", from_date=date(2020, 1, 1))
    )


def test_a_draft_takes_the_coming_dates_of_its_audience(world: World) -> None:
    with world.runtime.db.transaction() as session:
        world.event(session, "Later", days=50)
        world.event(session, "Soon", days=1)
        world.event(session, "Too far", days=58)
        world.event(session, "For schools", for_parents=False, for_professionals=True)
        world.event(session, "Secret still", days=20, announce_from=TODAY + timedelta(days=1))
        off = world.event(session, "Off", days=3)
        events.cancel(session, off.id or 0, now=world.now)
        world.event(session, "Over", days=-3, announce_from=date(2026, 10, 1))
        edition = made(world, session)
        assert dates(session, edition) == [
            ("Soon", True, "Within the next 8 weeks"),
            ("Later", True, "Within the next 8 weeks"),
            ("Off", False, "Cancelled on 3 November 2026"),
            ("For schools", False, "Not for parents"),
            ("Secret still", False, "Not to be announced before 4 November 2026"),
            ("Too far", False, "More than 8 weeks away"),
        ]
        assert [block.title for block in composing.compose(session, edition, LETTERHEAD).events] == ["Soon", "Later"]


def test_eight_dates_are_enough(sqlite_world: World) -> None:
    with sqlite_world.runtime.db.transaction() as session:
        for day in range(10):
            sqlite_world.event(session, f"Day {day}", days=day)
        found = dates(session, made(sqlite_world, session))
        assert [is_in for _, is_in, _ in found] == [True] * 8 + [False] * 2
        assert found[-1] == ("Day 9", False, "There are 8 sooner events")


def test_a_date_comes_back_and_an_answer_does_not_unless_it_is_late(world: World) -> None:
    clock = world.runtime.clock
    assert isinstance(clock, ManualClock)
    with world.runtime.db.transaction() as session:
        world.event(session, days=40)
        world.response(session, "Done")
        world.response(session, "Promised", outcome="doing", doing_by=date(2026, 11, 10))
        world.response(session, "Later", from_date=date(2026, 11, 12))
        world.response(session, "For schools", for_parents=False, for_professionals=True)
        first = made(world, session)
        assert answers(session, first) == [
            ("Done", True, "New"),
            ("Promised", True, "New"),
            ("Later", False, "Not yet due: from 12 November 2026"),
            ("For schools", False, "Not for parents"),
        ]
        bring_to(world, session, first.id or 0, EditionState.SENT)
        clock.move(timedelta(days=14))
        second = made(world, session, "More news")
        assert answers(session, second) == [
            ("Promised", True, "Late: it was promised for 10 November 2026"),
            ("Later", True, "New"),
            ("Done", False, "Already in edition 1 (3 November 2026)"),
            ("For schools", False, "Not for parents"),
        ]
        assert dates(session, second) == [("Tell us what you think", True, "Within the next 8 weeks")]
        promised = composing.compose(session, second, LETTERHEAD).responses[0]
        assert promised.promise == "This is late. We said that we would finish by 10 November 2026."


def test_a_cancelled_edition_carried_no_answer(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.response(session)
        publishing.cancel(session, made(world, session).id or 0, now=world.now)
        second = world.assemble(session).edition
        assert second is not None
        assert answers(session, second) == [("Answers take too long", True, "New")]


def test_they_read_as_readers_are_told(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        event = world.event(session, booking_url="https://www.example.org/book")
        response = world.response(session, outcome="will not", reason="There is no money.", for_professionals=True)
        other = world.response(session, outcome="not decided by us", reason="It is law.", people=1200)
        mail = composing.compose(session, made(world, session), LETTERHEAD)
    (block,) = mail.events
    assert (block.when, block.where) == (
        "Friday 13 November 2026, 6pm to 8pm",
        "Town Hall, 1 High Street, or online",
    )
    assert (block.anchor, block.page_path) == (f"event-{event.id}", f"/events/{event.slug}")
    assert block.calendar_path == f"/events/{event.slug}.ics"
    assert [one.anchor for one in mail.responses] == [f"response-{response.id}", f"response-{other.id}"]
    first, second = mail.responses
    assert first.asked == "Fewer than 5 people told us, 1 September to 31 October 2026"
    assert (first.answer, first.decided) == ("We will not do this", "Decided by: Head of SEND")
    assert (second.asked[:12], second.answer) == ("1,200 people", "We cannot decide this")
    assert second.decided == "It is decided by: Head of SEND"


def test_dates_and_answers_are_added_and_dropped_by_hand(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = made(world, session)
        edition_id = edition.id or 0
        event_id = world.event(session).id or 0
        response_id = world.response(session).id or 0
        schools = {"for_parents": False, "for_professionals": True}
        for module, wanted, unwanted, read in (
            (event_choices, event_id, world.event(session, **schools).id or 0, dates),
            (response_choices, response_id, world.response(session, **schools).id or 0, answers),
        ):
            module.add(session, edition_id, wanted, now=world.now, because="Asked for")
            module.add(session, edition_id, wanted, now=world.now)  # twice is as good as once
            assert [(is_in, reason) for _, is_in, reason in read(session, edition)] == [(True, "Asked for")]
            module.drop(session, edition_id, wanted, now=world.now, because="Not now")
            module.drop(session, edition_id, wanted, now=world.now)
            assert [(is_in, reason) for _, is_in, reason in read(session, edition)] == [(False, "Not now")]
            with pytest.raises(InvalidInput, match="is not for parents"):
                module.add(session, edition_id, unwanted, now=world.now)
            with pytest.raises(NotFound, match="Edition 1 has no"):
                module.drop(session, edition_id, unwanted, now=world.now)


def test_a_change_after_approval_undoes_it(world: World) -> None:
    with world.runtime.db.transaction() as session:
        event, response = world.event(session), world.response(session)
        edition = made(world, session)
        edition_id = edition.id or 0
        bring_to(world, session, edition_id, EditionState.APPROVED)
        assert publishing.changed_since_approval(session, edition) == []
        assert publishing.reopen_editions_with_event(session, event.id or 0, now=world.now) == []
        assert publishing.reopen_editions_with_response(session, response.id or 0, now=world.now) == []

        draft = responses.draft_of(response).model_copy(update={"did": "Something else."})
        responses.edit(session, response.id or 0, draft, now=world.now)
        assert publishing.changed_since_approval(session, edition) == ["Answers take too long"]
        with pytest.raises(WrongState, match="before “Answers take too long” was changed"):
            publishing.release(session, edition_id, now=world.now)
        assert publishing.reopen_editions_with_response(session, response.id or 0, now=world.now) == [edition_id]

        bring_to(world, session, edition_id, EditionState.APPROVED)
        events.cancel(session, event.id or 0, now=world.now)
        assert publishing.reopen_editions_with_event(session, event.id or 0, now=world.now) == [edition_id]
        publishing.submit(session, edition_id, now=world.now)
        with pytest.raises(InvalidInput, match="“Tell us what you think” has been cancelled"):
            world.approve(session, edition_id)


@pytest.mark.parametrize("kind", ["event", "response"])
def test_nobody_approves_what_they_wrote(sqlite_world: World, kind: str) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        row = world.event(session) if kind == "event" else world.response(session)
        row.editor_id = world.approver
        edition = made(world, session)
        publishing.submit(session, edition.id or 0, now=world.now)
        with pytest.raises(NotAllowed, match="wrote nothing in edition"):
            world.approve(session, edition.id or 0)


def test_acronyms_are_written_out_at_their_first_use_and_frozen_so(world: World) -> None:
    with world.runtime.db.transaction() as session:
        term(session, "EHCP", "education, health and care plan")
        world.response(session, said="You wait for EHCPs.", did="EHCPs come sooner.")
        world.event(session, "Ask about your LA")
        world.write(session, "News", parent_body="An EHCP takes 20 weeks.")
        edition = world.assemble(session).edition
        assert edition is not None
        mail = composing.compose(session, edition, LETTERHEAD)
        assert mail.updates[0].body == "An education, health and care plan (EHCP) takes 20 weeks."
        assert mail.responses[0].said == "You wait for EHCPs."
        assert [one.term for one in mail.glossary] == ["EHCP"]
        # A new word in the glossary changes no edition that was approved.
        bring_to(world, session, edition.id or 0, EditionState.APPROVED)
        term(session, "LA", "local authority")
        assert publishing.changed_since_approval(session, edition) == []
        publishing.release(session, edition.id or 0, now=world.now)
        page = composing.page_from_json(moves.read(session, edition.id or 0).frozen_page or "")
        assert page.sections[0].updates[0].body == mail.updates[0].body
        assert page.glossary == mail.glossary
        assert page.events == mail.events


def test_a_title_is_written_out_before_the_text_because_the_contents_come_first(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        term(session, "LA", "local authority")
        world.write(session, "First", parent_body="The LA does it.", from_date=TODAY)
        world.write(session, "What the LA does", from_date=date(2026, 11, 1))
        edition = world.assemble(session).edition
        assert edition is not None
        one, two = composing.compose(session, edition, LETTERHEAD).updates
        assert (one.body, two.title) == ("The LA does it.", "What the local authority (LA) does")


def test_a_title_that_is_not_in_the_contents_waits_its_turn(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        term(session, "LA", "local authority")
        for number in range(8):
            world.write(session, f"Update {number}", parent_body=f"The LA does {number}.")
        world.write(session, "What the LA does", from_date=date(2026, 11, 1))
        edition = world.assemble(session).edition
        assert edition is not None
        first, *_, last = composing.compose(session, edition, LETTERHEAD).updates
        assert first.body == "The local authority (LA) does 0."
        assert last.title == "What the LA does"


def test_an_old_frozen_page_still_loads(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        mail = composing.compose(session, made(world, session), LETTERHEAD)
    stored = json.loads(composing.page_json(mail))
    for new in ("responses", "events", "glossary"):
        del stored[new]
    page = composing.page_from_json(json.dumps(stored))
    assert (page.responses, page.events, page.glossary) == ((), (), ())
    assert page.sections == mail.sections


def test_the_audience_of_the_other_list_gets_its_own(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.event(session)
        world.event(session, "For schools", for_parents=False, for_professionals=True)
        world.write(session)
        edition = world.assemble(session, mailing_list_id=world.professionals, audience=Audience.PROFESSIONALS).edition
        assert edition is not None
        assert [block.title for block in composing.compose(session, edition, LETTERHEAD).events] == ["For schools"]
