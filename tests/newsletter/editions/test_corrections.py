"""Putting a sent edition right: in the open, at one place, and never in what was frozen."""

import pytest
from sqlmodel import Session, select

from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import corrections, finding, publishing
from newsletter.editions.models import Correction, Edition, EditionEvent, EditionState
from tests.newsletter.editions.world import World


def sent(world: World, session: Session) -> int:
    edition = world.edition(session, EditionState.SENT, title="More help (by phone)")
    assert edition.id is not None
    return edition.id


def correct(world: World, session: Session, edition_id: int, **changes: object) -> Correction:
    given: dict[str, object] = {
        "anchor": "update-1",
        "old": "open for longer",
        "new": "open until 7pm",
        "because": "We gave no time.",
        "now": world.now,
        "staff_id": world.approver,
    }
    return corrections.correct(session, edition_id, **{**given, **changes})  # type: ignore[arg-type]


def test_the_page_reads_anew_and_what_was_frozen_stays(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        frozen = session.get_one(Edition, edition_id).frozen_page
        correct(world, session, edition_id)
        correct(world, session, edition_id, old="until 7pm", new="until **8pm**", because="It is 8pm.")
    with world.runtime.db.reading() as session:
        edition = session.get_one(Edition, edition_id)
        assert edition.frozen_page == frozen
        publishing.verify_frozen(edition)
        made = corrections.of_editions(session, [edition_id])[edition_id]
        page = corrections.current_page(edition, made)
        assert page.sections[0].updates[0].body.startswith("The phone line is open until **8pm**")
        assert [correction.because for correction in made] == ["We gave no time.", "It is 8pm."]
        notes = session.exec(select(EditionEvent).where(EditionEvent.move == "correct")).all()
        assert [(note.note, note.staff_id) for note in notes] == [
            ("Corrected: We gave no time.", world.approver),
            ("Corrected: It is 8pm.", world.approver),
        ]


def test_the_search_finds_what_it_says_now(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = sent(world, session)
        correct(world, session, edition_id)
    with world.runtime.db.reading() as session:
        assert finding.find(session, finding.Search(words=("7pm",))).total == 1
        assert finding.find(session, finding.Search(words=("longer",))).total == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"old": "open for hours"}, "stands nowhere in that update"),
        ({"old": "e"}, "times in that update"),
        ({"anchor": None, "old": "nothing of the kind"}, "stands nowhere in the introduction"),
        ({"anchor": "update-99"}, "There are: update-1"),
        ({"new": "open for longer"}, "different from it"),
        ({"old": " "}, "as it is"),
        ({"because": " "}, "Say in one sentence"),
        ({"because": "x" * 301}, "Say in one sentence"),
        ({"new": "open <b>now</b>"}, "is HTML"),
        ({"old": "More help (by phone)\n", "new": ""}, "stands 2 times"),
    ],
)
def test_what_cannot_be_shown_plainly_is_refused(sqlite_world: World, changes: dict[str, object], message: str) -> None:
    with sqlite_world.runtime.db.transaction() as session:
        edition_id = sent(sqlite_world, session)
        with pytest.raises(InvalidInput, match=message.replace("(", r"\(")):
            correct(sqlite_world, session, edition_id, **changes)
        assert session.exec(select(Correction)).all() == []


@pytest.mark.parametrize("state", [EditionState.DRAFT, EditionState.REVIEW, EditionState.APPROVED])
def test_what_has_not_gone_out_is_edited_instead(sqlite_world: World, state: EditionState) -> None:
    with sqlite_world.runtime.db.transaction() as session:
        edition = sqlite_world.edition(session, state)
        assert edition.id is not None
        with pytest.raises(WrongState, match="Edit it instead"):
            correct(sqlite_world, session, edition.id)
        with pytest.raises(NotFound):
            correct(sqlite_world, session, 99)
