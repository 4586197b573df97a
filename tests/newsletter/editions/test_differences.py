"""What an approver is shown as changed: every word that differs, and none that does not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from newsletter.editions import composing, differences
from newsletter.editions.composing import EditionPage
from newsletter.editions.differences import FEW_WORDS, MOST_WORDS, Kind, Piece
from newsletter.editions.models import EditionState
from newsletter.rendering.mails import SectionBlock
from tests.newsletter.editions.world import LETTERHEAD, World

TEXT = st.text(alphabet="ab .,\n", max_size=60)


@given(TEXT, TEXT)
def test_both_texts_can_be_read_off(old: str, new: str) -> None:
    found = list(differences.pieces(old, new))
    assert "".join(piece.text for piece in found if piece.kind is not Kind.ADDED) == old
    assert "".join(piece.text for piece in found if piece.kind is not Kind.REMOVED) == new


def test_words_are_marked_in_groups_that_can_be_read() -> None:
    assert list(differences.pieces("We open at nine on Monday each week", "We open at ten on Tuesday each week")) == [
        Piece(Kind.SAME, "We open at "),
        Piece(Kind.REMOVED, "nine on Monday"),
        Piece(Kind.ADDED, "ten on Tuesday"),
        Piece(Kind.SAME, " each week"),
    ]
    assert FEW_WORDS < 3


def test_a_very_long_text_is_shown_whole() -> None:
    old, new = "word " * MOST_WORDS, "other " * MOST_WORDS
    assert list(differences.pieces(old, new)) == [Piece(Kind.REMOVED, old), Piece(Kind.ADDED, new)]


def page(world: World) -> EditionPage:
    with world.runtime.db.transaction() as session:
        world.write(session, "First news")
        world.response(session)
        world.event(session)
        edition = world.edition(session, EditionState.DRAFT, "Second news")
        mail = composing.compose(session, edition, LETTERHEAD)
        return composing.page_from_json(composing.page_json(mail))


def test_each_place_is_named_by_what_readers_see(sqlite_world: World) -> None:
    old = page(sqlite_world)
    assert differences.between(old, old) == []
    section = old.sections[0]
    first, second = section.updates
    changed = replace(
        old,
        title="Another subject",
        sections=(replace(section, updates=(replace(first, body="Other words."),)),),
        responses=(replace(old.responses[0], did="Nobody answers."),),
        events=(replace(old.events[0], is_cancelled=True), replace(old.events[0], anchor="event-99", title="New one")),
        phone="01632 960999",
    )
    found = {each.place: each for each in differences.between(old, changed)}
    assert list(found) == [
        "Subject",
        first.title,
        old.responses[0].theme,
        old.events[0].title,
        "New one",
        "Who publishes it",
        second.title,
    ]
    assert found["New one"].is_new
    assert found[second.title].is_gone
    assert "Cancelled" in found[old.events[0].title].pieces[-1].text


def test_another_order_is_a_difference(sqlite_world: World) -> None:
    old = page(sqlite_world)
    section: SectionBlock = old.sections[0]
    turned = replace(old, sections=(replace(section, updates=section.updates[::-1]),))
    assert [each.place for each in differences.between(old, turned)] == ["Order"]
