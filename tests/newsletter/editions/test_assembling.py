"""Which updates go into an edition, and the reason given for each."""

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import func, select

from newsletter.core.audience import Audience
from newsletter.core.clock import ManualClock
from newsletter.core.errors import NotFound, WrongState
from newsletter.editions import assembling, choosing, publishing
from newsletter.editions.assembling import Special
from newsletter.editions.models import Edition, EditionEvent, EditionState
from subscribers.models import Subscriber, SubscriberState, Topic
from tests.conftest import make_runtime
from tests.newsletter.editions.world import TODAY, World, make


def test_updates_that_are_due_go_in_by_area_then_newest_first(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, "Third area", priority_area_id=world.areas[2])
        world.write(session, "Older", priority_area_id=world.areas[0], from_date=date(2026, 10, 1))
        world.write(session, "Newer", priority_area_id=world.areas[0], from_date=date(2026, 10, 20))
        world.write(session, "Newer too", priority_area_id=world.areas[0], from_date=date(2026, 10, 20))
        assembled = world.assemble(session)
    assert [one.title for one in assembled.chosen] == ["Newer", "Newer too", "Older", "Third area"]
    assert {one.reason for one in assembled.chosen} == {"New: this is the first edition"}
    assert assembled.left_out == []
    edition = assembled.edition
    assert edition is not None
    assert (edition.number, edition.slug, edition.state) == (1, "2026-11-03", EditionState.DRAFT)
    assert edition.audience is Audience.PARENTS
    assert assembled.because == "Edition 1 of SEND news for parents and carers has 4 updates."


def test_every_update_left_out_has_its_reason(sqlite_world: World) -> None:
    world, clock = sqlite_world, sqlite_world.runtime.clock
    assert isinstance(clock, ManualClock)
    with world.runtime.db.transaction() as session:
        world.edition(session, EditionState.SENT, title="The first")
    clock.move(timedelta(days=14))
    with world.runtime.db.transaction() as session:
        world.write(session, "New one", from_date=date(2026, 11, 17))
        world.write(session, "Later", from_date=date(2026, 12, 1))
        world.write(session, "Over", until_date=date(2026, 11, 10))
        world.write(session, "For schools alone", parent_title="", parent_body="")
        world.write(session, "Long over", from_date=date(2026, 1, 1), until_date=date(2026, 2, 1))
        assembled = world.assemble(session)
    assert [(one.title, one.reason) for one in assembled.chosen] == [
        ("New one", "New since edition 1 (3 November 2026)")
    ]
    assert {one.title: one.reason for one in assembled.left_out} == {
        "The first": "Already in edition 1 (3 November 2026)",
        "Later": "Not yet due: from 1 December 2026",
        "Over": "Ended on 10 November 2026",
        "For schools alone (for schools)": "No wording for parents",
    }


def test_nothing_new_makes_no_edition_and_says_so(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        assembled = world.assemble(session)
        assert assembled.edition is None
        assert assembled.because == (
            "Nothing new for SEND news for parents and carers, so there is no edition. There are no updates for it yet."
        )
        world.edition(session, EditionState.SENT)
        assembled = world.assemble(session)
        assert assembled.edition is None
        assert assembled.because == (
            "Nothing new for SEND news for parents and carers, so there is no edition. 1 update looked at, each with "
            "its reason below."
        )
        assert session.exec(select(func.count()).select_from(Edition)).one() == 1


def test_an_update_due_today_is_decided_by_the_day_in_london(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, from_date=date(2026, 7, 2), until_date=date(2026, 7, 2))
        late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)  # half past midnight on 2 July in London
        assembled = world.assemble(session, now=late)
    assert assembled.edition is not None
    assert assembled.edition.slug == "2026-07-02"


@pytest.mark.parametrize("state", [EditionState.DRAFT, EditionState.REVIEW, EditionState.APPROVED])
def test_an_edition_that_is_still_open_comes_first(sqlite_world: World, state: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.edition(session, state)
        world.write(session, "Another")
        with pytest.raises(WrongState, match=r"Edition 1 of .* comes first: send it or cancel it"):
            world.assemble(session)


def test_a_cancelled_edition_gives_its_updates_back(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.edition(session, EditionState.CANCELLED)
        assembled = world.assemble(session)
    assert assembled.edition is not None
    assert (assembled.edition.number, assembled.edition.slug) == (2, "2026-11-03-2")
    assert [one.reason for one in assembled.chosen] == ["New: this is the first edition"]


def test_an_update_dropped_by_hand_is_offered_again(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.write(session, "Kept")
        dropped = world.write(session, "Dropped")
        edition = world.assemble(session).edition
        assert edition is not None
        assert edition.id is not None
        assert dropped.id is not None
        choosing.drop(session, edition.id, dropped.id, now=world.now)
        publishing.submit(session, edition.id, now=world.now)
        world.approve(session, edition.id)
        publishing.release(session, edition.id, now=world.now)
        assembled = world.assemble(session)
    assert [one.title for one in assembled.chosen] == ["Dropped"]


def test_lists_do_not_know_each_others_editions(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        world.edition(session, EditionState.SENT)
        assembled = world.assemble(session, mailing_list_id=world.professionals, audience=Audience.PROFESSIONALS)
    assert [one.title for one in assembled.chosen] == ["More help (for schools)"]


def test_the_same_occurrence_gives_the_same_edition(world: World) -> None:
    due = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    with world.runtime.db.transaction() as session:
        world.write(session)
        world.write(session, "Later", from_date=date(2026, 12, 1))
        first = world.assemble(session, occurrence=due)
    with world.runtime.db.transaction() as session:
        second = world.assemble(session, occurrence=due)
        assert first.edition is not None
        assert second.edition is not None
        assert second.edition.id == first.edition.id
        assert (second.chosen, second.left_out) == (first.chosen, first.left_out)
        assert session.exec(select(func.count()).select_from(EditionEvent)).one() == 1


def test_two_assemblies_at_once_make_one_edition(world: World) -> None:
    due = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    with world.runtime.db.transaction() as session:
        world.write(session)
    barrier = threading.Barrier(4)
    ids: list[int | None] = []

    def one() -> None:
        barrier.wait()
        with world.runtime.db.transaction() as session:
            edition = world.assemble(session, occurrence=due).edition
            ids.append(edition.id if edition else None)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1
    assert None not in ids


def test_two_assemblies_by_hand_at_once_make_one_edition(world: World) -> None:
    with world.runtime.db.transaction() as session:
        world.write(session)
    barrier = threading.Barrier(2)
    made: list[int | None] = []
    refused: list[str] = []

    def one() -> None:
        barrier.wait()
        try:
            with world.runtime.db.transaction() as session:
                edition = world.assemble(session).edition
                made.append(edition.id if edition else None)
        except WrongState as error:
            refused.append(str(error))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(refused) == 1


def test_assembling_does_not_hold_up_sign_ups(postgresql_url: str, clock: ManualClock, tmp_path: Path) -> None:
    world = make(make_runtime(postgresql_url, clock, tmp_path))
    with world.runtime.db.transaction() as session:
        world.write(session)
        world.assemble(session)
        with world.runtime.db.transaction() as other:
            other.exec(sa.text("SET LOCAL lock_timeout = '5s'"))
            other.add(
                Subscriber(
                    mailing_list_id=world.parents,
                    address_hash=b"1",
                    state=SubscriberState.PENDING,
                    requested_at=world.now,
                )
            )
    world.runtime.db.dispose()


def test_an_unknown_mailing_list_is_not_found(sqlite_world: World) -> None:
    with sqlite_world.runtime.db.transaction() as session, pytest.raises(NotFound, match="no such mailing list"):
        sqlite_world.assemble(session, mailing_list_id=99)


def test_a_special_edition_waits_for_no_regular_one_and_takes_nothing_from_it(world: World) -> None:
    with world.runtime.db.transaction() as session:
        topic = Topic(mailing_list_id=world.parents, slug="early", name="Early years", from_date=TODAY)
        session.add(topic)
        session.flush()
        world.write(session, "Urgent")
        regular = world.assemble(session).edition
        beside = world.assemble(session, special=Special()).edition
        on_topic = world.assemble(session, special=Special(topic.id)).edition
        assert regular is not None
        assert beside is not None
        assert (regular.is_special, beside.is_special, beside.topic_id) == (False, True, None)
        assert on_topic is None  # those who chose the topic get the other special edition too
        assert [assembling.in_hand(session, world.parents, kind) for kind in (None, Special())] == [regular, beside]
        with pytest.raises(WrongState, match="comes first"):
            world.assemble(session, special=Special())


def test_what_only_some_have_read_comes_in_the_regular_edition_as_well(world: World) -> None:
    with world.runtime.db.transaction() as session:
        topic = Topic(mailing_list_id=world.parents, slug="early", name="Early years", from_date=TODAY)
        session.add(topic)
        session.flush()
        world.write(session, "Urgent")
        on_topic = world.assemble(session, special=Special(topic.id)).edition
        assert on_topic is not None
        regular = world.assemble(session)
        assert [one.title for one in regular.chosen] == ["Urgent"]
        assert "this is the first edition" in regular.chosen[0].reason
