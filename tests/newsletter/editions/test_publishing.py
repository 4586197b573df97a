"""The table of moves, approval that freezes, and what undoes it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import updates
from newsletter.content.dates import london_date
from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, WrongState
from newsletter.editions import choosing, composing, freezing, gate, moves, publishing
from newsletter.editions.models import Edition, EditionChoice, EditionEvent, EditionState
from newsletter.editions.moves import MOVES, Move
from newsletter.rendering import engine
from newsletter.rendering.mails import EditionMail, Rendered
from tests.conftest import make_runtime
from tests.newsletter.editions.world import LETTERHEAD, World, make

S = EditionState
TEN_O_CLOCK = datetime(2026, 11, 10, 10, 0, tzinfo=UTC)

#: Written out once more, so that nobody changes the table by accident. "same": it stands there, nothing happens.
EXPECTED: dict[Move, dict[EditionState, EditionState | str]] = {
    Move.EDIT: {S.DRAFT: S.DRAFT, S.REVIEW: S.DRAFT, S.APPROVED: S.DRAFT, S.SCHEDULED: S.DRAFT},
    Move.SUBMIT: {S.DRAFT: S.REVIEW},
    Move.SEND_BACK: {S.REVIEW: S.DRAFT, S.APPROVED: S.DRAFT, S.SCHEDULED: S.DRAFT},
    Move.APPROVE: {S.REVIEW: S.APPROVED},
    Move.SCHEDULE: {S.APPROVED: S.SCHEDULED, S.SCHEDULED: S.SCHEDULED},
    Move.HOLD: {S.SCHEDULED: S.APPROVED, S.APPROVED: "same"},
    Move.RELEASE: {
        S.APPROVED: S.SENDING, S.SCHEDULED: S.SENDING, S.SENDING: "same", S.PAUSED: "same", S.SENT: "same",
    },
    Move.PAUSE: {S.SENDING: S.PAUSED, S.PAUSED: "same"},
    Move.RESUME: {S.PAUSED: S.SENDING, S.SENDING: "same"},
    Move.FINISH: {S.SENDING: S.SENT, S.SENT: "same"},
    Move.CANCEL: {
        S.DRAFT: S.CANCELLED, S.REVIEW: S.CANCELLED, S.APPROVED: S.CANCELLED, S.SCHEDULED: S.CANCELLED,
        S.SENDING: S.CANCELLED, S.PAUSED: S.CANCELLED, S.CANCELLED: "same",
    },
}  # fmt: skip


def _do(world: World, session: Session, move: Move, edition_id: int) -> object:
    now = world.now
    doing: dict[Move, Callable[[], object]] = {
        Move.EDIT: lambda: publishing.edit(session, edition_id, subject="Another subject", now=now),
        Move.SUBMIT: lambda: publishing.submit(session, edition_id, now=now),
        Move.SEND_BACK: lambda: publishing.send_back(session, edition_id, because="Too long", now=now),
        Move.APPROVE: lambda: world.approve(session, edition_id),
        Move.SCHEDULE: lambda: publishing.schedule(session, edition_id, send_at=TEN_O_CLOCK, now=now),
        Move.HOLD: lambda: publishing.hold(session, edition_id, because="Too late", now=now),
        Move.RELEASE: lambda: publishing.release(session, edition_id, now=now),
        Move.PAUSE: lambda: publishing.pause(session, edition_id, because="Bounces", now=now),
        Move.RESUME: lambda: publishing.resume(session, edition_id, now=now),
        Move.FINISH: lambda: publishing.finish(session, edition_id, now=now),
        Move.CANCEL: lambda: publishing.cancel(session, edition_id, now=now),
    }
    return doing[move]()


@pytest.mark.parametrize("state", list(EditionState))
@pytest.mark.parametrize("move", list(Move))
def test_every_move_from_every_state(sqlite_world: World, move: Move, state: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, state)
        assert edition.state is state
        assert edition.id is not None
        before = edition.model_dump()
        events = len(_history(session, edition.id))
        expected = EXPECTED[move].get(state)
        if expected is None:
            with pytest.raises(WrongState, match=r"^Edition 1 is .*\. To .* it, it would have to be "):
                _do(world, session, move, edition.id)
        else:
            outcome = _do(world, session, move, edition.id)
            if expected == "same":
                assert outcome is False
        after = moves.read(session, edition.id)
        if expected in (None, "same"):
            assert after.model_dump() == before
            assert len(_history(session, edition.id)) == events
        else:
            assert after.state is expected
            assert after.revision == before["revision"] + 1
            last = _history(session, edition.id)[-1]
            assert (last.move, last.from_state, last.to_state) == (move, state, expected)
            assert len(_history(session, edition.id)) == events + 1


def test_the_table_is_the_one_that_was_agreed() -> None:
    assert {move: dict.fromkeys(step.origins, step.goal) for move, step in MOVES.items()} == {
        move: {state: goal for state, goal in row.items() if goal != "same"} for move, row in EXPECTED.items()
    }


@pytest.mark.parametrize("move", list(Move))
def test_a_move_of_no_edition_is_not_found(sqlite_world: World, move: Move) -> None:
    with sqlite_world.runtime.db.transaction() as session, pytest.raises(NotFound, match="no edition 77"):
        _do(sqlite_world, session, move, 77)


def test_approval_freezes_what_would_be_sent(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.REVIEW)
        rendered = engine.render(composing.compose(session, edition, LETTERHEAD))
        assert edition.id is not None
        world.approve(session, edition.id, revision=edition.revision)
    with world.runtime.db.reading() as session:
        edition = moves.read(session, edition.id)
        assert freezing.rendered(session, edition) == rendered
        assert edition.frozen_page is not None
        page = composing.page_from_json(edition.frozen_page)
        assert page.title == edition.subject
        assert page.page_url == "http://news.example.org/editions/parents/2026-11-03"
        assert (edition.approver_id, edition.approved_at) == (world.approver, world.now)
        assert _history(session, edition.id)[-1].note == f"Approved, SHA-256 {edition.frozen_sha256}"
        publishing.verify_frozen(edition)


def test_only_an_approver_approves(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.REVIEW))
        with pytest.raises(NotAllowed, match="Only an approver"):
            world.approve(session, edition_id, roles={"author", "admin"})


def test_nobody_approves_an_edition_of_their_own(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.REVIEW))
        with pytest.raises(NotAllowed, match="Somebody who did not write edition 1"):
            world.approve(session, edition_id, approver_id=world.author)


def test_nobody_approves_an_update_of_their_own(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        updates.write(session, world.draft(), author_id=world.approver, now=world.now)
        edition_id = _id(world.assemble(session, author_id=None).edition)
        publishing.submit(session, edition_id, now=world.now)
        with pytest.raises(NotAllowed, match="wrote nothing in edition"):
            world.approve(session, edition_id)


def test_nobody_approves_words_they_changed(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session))
        publishing.edit(session, edition_id, subject="Mine", now=world.now, staff_id=world.approver)
        publishing.submit(session, edition_id, now=world.now, staff_id=world.author)
        with pytest.raises(NotAllowed, match="did not write"):
            world.approve(session, edition_id)


def test_nobody_approves_an_update_they_edited(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        update = world.write(session)
        updates.edit(session, update.id or 0, world.draft("Mine"), now=world.now, editor_id=world.approver)
        edition_id = _id(world.assemble(session).edition)
        publishing.submit(session, edition_id, now=world.now)
        with pytest.raises(NotAllowed, match="wrote nothing in edition"):
            world.approve(session, edition_id)


@pytest.mark.parametrize("state", [S.REVIEW, S.APPROVED, S.SCHEDULED])
def test_an_approver_who_sent_it_back_may_approve_it_later(sqlite_world: World, state: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, state))
        publishing.send_back(session, edition_id, because="The subject is dull", now=world.now, staff_id=world.approver)
        assert moves.read(session, edition_id).frozen_html is None
        publishing.edit(session, edition_id, subject="SEND news: help", now=world.now, staff_id=world.author)
        publishing.submit(session, edition_id, now=world.now, staff_id=world.author)
        assert world.approve(session, edition_id).state is S.APPROVED


def test_the_approver_approves_the_revision_they_saw(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.REVIEW)
        seen = edition.revision
        publishing.edit(session, _id(edition), introduction="Something else.", now=world.now)
        publishing.submit(session, _id(edition), now=world.now)
        with pytest.raises(WrongState, match="changed after you looked at it"):
            world.approve(session, _id(edition), revision=seen)


def test_errors_of_the_checks_block_approval(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session))
        publishing.edit(session, edition_id, subject="News about your child", now=world.now)
        publishing.submit(session, edition_id, now=world.now)
        with pytest.raises(InvalidInput, match=r"cannot be approved yet\. The subject says “your child”"):
            world.approve(session, edition_id)


def test_nothing_is_approved_that_nobody_has_weighed(sqlite_world: World) -> None:
    """A warning of the checks is mended or has a reason, whatever door the approval comes through (REQ-52)."""
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session)
        edition_id = _id(edition)
        publishing.edit(session, edition_id, subject="More help by phone " + "and much else " * 5, now=world.now)
        publishing.submit(session, edition_id, now=world.now)
        with pytest.raises(InvalidInput, match=r"cannot be approved yet\. Mend this or give a reason for it: The subj"):
            world.approve(session, edition_id)
        found = gate.look(session, edition, LETTERHEAD, on=london_date(world.now), now=world.now)
        for finding in found.unanswered:
            gate.give_reason(session, edition, found, finding.key, "It is short.", now=world.now, staff_id=None)
        assert world.approve(session, edition_id).state is S.APPROVED


@pytest.mark.parametrize("state", [S.APPROVED, S.SCHEDULED])
def test_any_edit_undoes_the_approval(sqlite_world: World, state: EditionState) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        other = world.write(session, "Other")
        kept = world.write(session, "Kept")
        edition_id = _id(world.edition(session, state))
        edits: list[Callable[[], Edition]] = [
            lambda: publishing.edit(session, edition_id, subject="New", now=world.now),
            lambda: publishing.edit(session, edition_id, preheader="New", now=world.now),
            lambda: publishing.edit(session, edition_id, introduction="New.", now=world.now),
            lambda: choosing.move(session, edition_id, kept.id or 0, position=1, now=world.now),
            lambda: choosing.drop(session, edition_id, other.id or 0, now=world.now),
            lambda: choosing.add(session, edition_id, other.id or 0, now=world.now),
        ]
        for edit in edits:
            edition = edit()
            assert edition.state is S.DRAFT
            assert {name: getattr(edition, name) for name in freezing.NOTHING} == freezing.NOTHING
            publishing.submit(session, edition_id, now=world.now)
            world.approve(session, edition_id)


@pytest.mark.parametrize("state", [S.APPROVED, S.SCHEDULED])
def test_an_update_edited_after_approval_never_changes_the_frozen_text_nor_slips_out(
    sqlite_world: World, state: EditionState
) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, state)
        update = session.exec(select(updates.Update)).one()
        frozen = freezing.rendered(session, edition)
        # Within the same instant: nothing here may hang on the clock.
        updates.edit(session, update.id or 0, world.draft("Quite different"), now=world.now)
        edition = moves.read(session, _id(edition))
        assert freezing.rendered(session, edition) == frozen
        assert publishing.changed_since_approval(session, edition) == ["More help"]
        with pytest.raises(WrongState, match="approved before “More help” was changed"):
            publishing.release(session, _id(edition), now=world.now)
        with pytest.raises(WrongState, match="approved before “More help” was changed"):
            publishing.schedule(session, _id(edition), send_at=TEN_O_CLOCK, now=world.now)
        assert publishing.reopen_editions_with(session, update.id or 0, now=world.now) == [edition.id]
        assert publishing.reopen_editions_with(session, update.id or 0, now=world.now) == []
        edition = moves.read(session, _id(edition))
        assert edition.state is S.DRAFT
        assert edition.frozen_html is None


def test_a_wording_for_the_other_list_undoes_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.APPROVED)
        update = session.exec(select(updates.Update)).one()
        draft = updates.draft_of(update).model_copy(update={"professional_body": "Other words for schools."})
        updates.edit(session, update.id or 0, draft, now=world.now)
        assert publishing.reopen_editions_with(session, update.id or 0, now=world.now) == []
        assert publishing.release(session, _id(edition), now=world.now) is True


def test_editing_an_update_leaves_a_sent_edition_as_it_is(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.SENT)
        frozen = freezing.rendered(session, edition)
        update = session.exec(select(updates.Update)).one()
        updates.edit(session, update.id or 0, world.draft("Quite different"), now=world.now)
        assert publishing.reopen_editions_with(session, update.id or 0, now=world.now) == []
        edition = moves.read(session, _id(edition))
        assert edition.state is S.SENT
        assert freezing.rendered(session, edition) == frozen


@pytest.mark.parametrize(
    "column",
    [name for name in freezing.NOTHING if name.startswith("frozen_")] + ["slug", "number"],
)
def test_tampering_with_a_frozen_edition_is_noticed(sqlite_world: World, column: str) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.APPROVED)
        value: object = 7 if column == "number" else f"{getattr(edition, column)} "
        session.exec(sa.update(Edition).where(col(Edition.id) == edition.id).values({column: value}))
        edition = moves.read(session, _id(edition))
        with pytest.raises(WrongState, match="not what was approved"):
            publishing.verify_frozen(edition)
        with pytest.raises(WrongState, match="not what was approved"):
            publishing.release(session, _id(edition), now=world.now)


def test_text_cannot_be_moved_from_one_part_to_another(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.APPROVED)
        assert edition.frozen_html is not None
        assert edition.frozen_markdown is not None
        shifted = {
            "frozen_html": edition.frozen_html + edition.frozen_markdown[:1],
            "frozen_markdown": edition.frozen_markdown[1:],
        }
        session.exec(sa.update(Edition).where(col(Edition.id) == edition.id).values(shifted))
        with pytest.raises(WrongState, match="not what was approved"):
            publishing.verify_frozen(moves.read(session, _id(edition)))


def test_nothing_frozen_is_said_plainly(sqlite_world: World) -> None:
    with sqlite_world.runtime.db.transaction() as session:
        edition = sqlite_world.edition(session)
        with pytest.raises(WrongState, match="has no approved text"):
            publishing.verify_frozen(edition)


def test_a_paused_edition_that_was_tampered_with_does_not_go_on(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session, S.PAUSED)
        session.exec(sa.update(Edition).where(col(Edition.id) == edition.id).values(frozen_text="Other"))
        with pytest.raises(WrongState, match="not what was approved"):
            publishing.resume(session, _id(edition), now=world.now)


def test_scheduling_asks_for_a_time_to_come(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.APPROVED))
        with pytest.raises(InvalidInput, match="has passed"):
            publishing.schedule(session, edition_id, send_at=world.now, now=world.now)
        publishing.schedule(session, edition_id, send_at=TEN_O_CLOCK, now=world.now)
        later = TEN_O_CLOCK + timedelta(days=1)
        edition = publishing.schedule(session, edition_id, send_at=later, now=world.now)
        assert edition.send_at == later
        assert _history(session, edition_id)[-1].note == "To go out on 11 November 2026 at 10:00"


def test_what_is_due_is_taken_once(world: World) -> None:
    clock = world.runtime.clock
    assert isinstance(clock, ManualClock)
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.SCHEDULED))
        assert publishing.take_due(session, now=TEN_O_CLOCK - timedelta(seconds=1)) == []
        assert publishing.take_due(session, now=TEN_O_CLOCK) == [edition_id]
        assert publishing.take_due(session, now=TEN_O_CLOCK) == []
        assert moves.read(session, edition_id).released_at == TEN_O_CLOCK


def test_a_due_edition_that_was_changed_becomes_a_draft_and_holds_up_no_other(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        first = _id(world.edition(session, S.SCHEDULED, title="First"))
        second = _id(world.edition(session, S.SCHEDULED, title="Second"))
        update = session.exec(select(updates.Update).where(updates.Update.parent_title == "First")).one()
        updates.edit(session, update.id or 0, world.draft("Changed"), now=world.now)
        assert publishing.take_due(session, now=TEN_O_CLOCK) == [second]
        assert moves.read(session, first).state is S.DRAFT
        assert "approved before “First” was changed" in _history(session, first)[-1].note


def test_the_reason_of_the_first_pause_stays(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.PAUSED))
        assert publishing.pause(session, edition_id, because="Another reason", now=world.now) is False
        assert moves.read(session, edition_id).paused_because == "Too many bounces"
        assert publishing.resume(session, edition_id, now=world.now) is True
        assert moves.read(session, edition_id).paused_because is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": " "}, "Enter a subject"),
        ({"subject": "x" * 121}, "120 characters or fewer"),
        ({"subject": "One\nBcc: two"}, "one line"),
        ({"subject": "[[leave_url]]"}, "personal link"),
        ({"preheader": "a\u202eb"}, "direction of writing"),
        ({"preheader": "x" * 201}, "200 characters or fewer"),
        ({"introduction": "See <b>this</b>"}, "Line 1"),
        ({"introduction": "\ud800"}, "Line 1"),
    ],
)
def test_words_that_cannot_be_carried_are_refused(sqlite_world: World, changes: dict[str, str], message: str) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition = world.edition(session)
        before = edition.revision
        with pytest.raises(InvalidInput, match=message):
            publishing.edit(session, _id(edition), now=world.now, **changes)
        assert moves.read(session, _id(edition)).revision == before


def test_approving_and_editing_at_once_never_sends_what_nobody_approved(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.REVIEW))
    refused: list[Exception] = []

    def approve() -> None:
        try:
            with world.runtime.db.transaction() as session:
                world.approve(session, edition_id)
        except WrongState as error:
            refused.append(error)

    def edit() -> None:
        with world.runtime.db.transaction() as session:
            publishing.edit(session, edition_id, subject="SEND news: edited", now=world.now)

    _at_once(approve, edit)
    with world.runtime.db.reading() as session:
        edition = moves.read(session, edition_id)
        history = [event.move for event in _history(session, edition_id)]
        # Whoever came first, the edit stands and nothing is approved any more.
        assert (edition.state, edition.subject, edition.frozen_html) == (S.DRAFT, "SEND news: edited", None)
    assert history in (["assemble", "submit", "edit"], ["assemble", "submit", "approve", "edit"])
    assert bool(refused) == ("approve" not in history)


def test_an_edit_in_the_middle_of_an_approval_makes_it_fail(
    postgresql_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite it cannot happen: a writing transaction is alone."""
    world = make(make_runtime(postgresql_url, clock, tmp_path))
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.REVIEW))
    real = engine.render

    def render_while_somebody_edits(mail: EditionMail) -> Rendered:
        with world.runtime.db.transaction() as other:
            publishing.edit(other, edition_id, introduction="Edited meanwhile.", now=world.now)
        return real(mail)

    monkeypatch.setattr(engine, "render", render_while_somebody_edits)
    with pytest.raises(WrongState, match="changed after you looked at it"), world.runtime.db.transaction() as session:
        world.approve(session, edition_id)
    with world.runtime.db.reading() as session:
        assert moves.read(session, edition_id).state is S.DRAFT
    world.runtime.db.dispose()


def test_a_choice_changed_in_the_middle_of_an_approval_makes_it_fail(
    postgresql_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(make_runtime(postgresql_url, clock, tmp_path))
    with world.runtime.db.transaction() as session:
        other_update = world.write(session, "Other").id
        edition_id = _id(world.edition(session, S.REVIEW))
    real = engine.render

    def render_while_somebody_drops(mail: EditionMail) -> Rendered:
        with world.runtime.db.transaction() as other:
            choosing.drop(other, edition_id, other_update or 0, now=world.now)
        return real(mail)

    monkeypatch.setattr(engine, "render", render_while_somebody_drops)
    with pytest.raises(WrongState, match="changed after you looked at it"), world.runtime.db.transaction() as session:
        world.approve(session, edition_id)
    world.runtime.db.dispose()


def test_two_releases_at_once_have_one_winner(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = _id(world.edition(session, S.SCHEDULED))
    won: list[bool] = []
    taken: list[list[int]] = []

    def release() -> None:
        with world.runtime.db.transaction() as session:
            won.append(publishing.release(session, edition_id, now=world.now))

    def take() -> None:
        with world.runtime.db.transaction() as session:
            taken.append(publishing.take_due(session, now=TEN_O_CLOCK))

    _at_once(release, release, take, take)
    assert won.count(True) + taken.count([edition_id]) == 1
    with world.runtime.db.reading() as session:
        assert [event.move for event in _history(session, edition_id)].count("send") == 1


def test_choices_changed_at_once_keep_their_positions_whole(world: World) -> None:
    with world.runtime.db.transaction() as session:
        ids = [world.write(session, f"Update {number}").id or 0 for number in range(4)]
        edition_id = _id(world.assemble(session).edition)

    def act(update_id: int) -> Callable[[], None]:
        def run() -> None:
            with world.runtime.db.transaction() as session:
                choosing.drop(session, edition_id, update_id, now=world.now)

        return run

    _at_once(*(act(update_id) for update_id in ids[:3]))
    with world.runtime.db.reading() as session:
        chosen = session.exec(
            select(EditionChoice).where(EditionChoice.edition_id == edition_id, col(EditionChoice.is_in))
        ).all()
        assert [(choice.update_id, choice.position) for choice in chosen] == [(ids[3], 1)]


def _at_once(*actions: Callable[[], None]) -> None:
    barrier = threading.Barrier(len(actions))
    failures: list[BaseException] = []

    def run(action: Callable[[], None]) -> None:
        barrier.wait()
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _history(session: Session, edition_id: int | None) -> list[EditionEvent]:
    statement = select(EditionEvent).where(EditionEvent.edition_id == edition_id).order_by(col(EditionEvent.id))
    return list(session.exec(statement))


def _id(edition: Edition | None) -> int:
    assert edition is not None
    assert edition.id is not None
    return edition.id
