"""Other forms of an edition: promised with a date, published with it, added later, all of it in its history."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import publishing, variants
from newsletter.editions.models import Edition, EditionEvent, EditionState, VariantKind
from tests.newsletter.editions.world import TODAY, World

URL = "https://video.example.org/edition-1"


def start(world: World, session: Session, state: EditionState) -> int:
    edition = world.edition(session, state)
    assert edition.id is not None
    return edition.id


def notes(session: Session, edition_id: int) -> list[str]:
    rows = session.exec(
        select(EditionEvent.note).where(EditionEvent.edition_id == edition_id, EditionEvent.move == "variant")
    )
    return list(rows)


def test_what_is_promised_without_a_date_blocks_approval_until_it_is_there(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = start(world, session, EditionState.REVIEW)
        variants.add(session, edition_id, VariantKind.EASY_READ, now=world.now)
        with pytest.raises(InvalidInput, match="“Easy Read” is promised but not there"):
            world.approve(session, edition_id)
        variants.add(session, edition_id, VariantKind.EASY_READ, text="Short words.", now=world.now)
        assert world.approve(session, edition_id).state is EditionState.APPROVED


@pytest.mark.parametrize(("days", "is_approved"), [(-1, False), (0, True), (14, True)])
def test_a_promise_needs_a_date_to_come(sqlite_world: World, days: int, is_approved: bool) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = start(world, session, EditionState.REVIEW)
        promised_for = TODAY + timedelta(days=days)
        variants.add(session, edition_id, VariantKind.SHORT, promised_for=promised_for, now=world.now)
        if is_approved:
            world.approve(session, edition_id)
        else:
            with pytest.raises(InvalidInput, match="was promised for 2 November 2026"):
                world.approve(session, edition_id)


def test_it_is_published_with_the_edition_and_one_that_comes_later_at_once(world: World) -> None:
    with world.runtime.db.transaction() as session:
        edition_id = start(world, session, EditionState.REVIEW)
        variants.add(session, edition_id, VariantKind.BSL, url=URL, now=world.now)
        variants.add(session, edition_id, VariantKind.AUDIO, promised_for=date(2026, 12, 1), now=world.now)
        world.approve(session, edition_id)
        assert [each.published_at for each in variants.all_of(session, edition_id)] == [None, None]
    with world.runtime.db.transaction() as session:
        publishing.release(session, edition_id, now=world.now)
    with world.runtime.db.transaction() as session:
        signed, audio = variants.all_of(session, edition_id)
        assert (signed.kind, signed.published_at, signed.language) == (VariantKind.BSL, world.now, "bfi")
        assert (audio.kind, audio.published_at) == (VariantKind.AUDIO, None)
        later = world.now + timedelta(days=3)
        variants.add(session, edition_id, VariantKind.AUDIO, url=URL, now=later, staff_id=world.author)
        assert variants.all_of(session, edition_id)[1].published_at == later
        assert notes(session, edition_id) == [
            "Added: British Sign Language (BSL) (bfi)", "Promised: Audio (en-GB)", "Added: Audio (en-GB)",
        ]  # fmt: skip


def test_a_variant_undoes_no_approval_and_touches_nothing_frozen(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = start(world, session, EditionState.APPROVED)
        frozen = session.get_one(Edition, edition_id).frozen_sha256
        variants.add(session, edition_id, VariantKind.SHORT, text="In short.", now=world.now)
        edition = session.get_one(Edition, edition_id, populate_existing=True)
        assert (edition.state, edition.frozen_sha256) == (EditionState.APPROVED, frozen)
        publishing.verify_frozen(edition)


def test_one_of_each_kind_and_language(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        edition_id = start(world, session, EditionState.DRAFT)
        for language, title in (("pl", "Polski"), ("ur", "اردو"), ("pl", "Po polsku")):
            variants.add(
                session, edition_id, VariantKind.TRANSLATION, language=language, title=title, url=URL, now=world.now
            )
        found = variants.all_of(session, edition_id)
        assert [(variants.key_of(each), each.title) for each in found] == [
            ("translation-pl", "Po polsku"),
            ("translation-ur", "اردو"),
        ]
        assert [variants.direction(each.language) for each in found] == ["ltr", "rtl"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (VariantKind.TRANSLATION, {"title": "Polski", "text": "Tekst."}),
        (VariantKind.TRANSLATION, {"language": "pl", "text": "Tekst."}),
        (VariantKind.TRANSLATION, {"language": "Polish", "title": "Polski"}),
        (VariantKind.TRANSLATION, {"language": 'pl" onclick="', "title": "Polski"}),
        (VariantKind.SHORT, {"url": "http://example.org/a"}),
        (VariantKind.SHORT, {"url": "javascript:alert(1)"}),
        (VariantKind.SHORT, {"url": URL, "text": "Both."}),
        (VariantKind.SHORT, {"text": "<b>HTML</b>"}),
        (VariantKind.SHORT, {"title": " "}),
        (VariantKind.SHORT, {"title": "two\nlines"}),
        (VariantKind.SHORT, {"title": "x" * 121}),
    ],
)
def test_what_no_page_could_show_is_refused(sqlite_world: World, kind: VariantKind, given: dict[str, str]) -> None:
    with sqlite_world.runtime.db.transaction() as session:
        edition_id = start(sqlite_world, session, EditionState.DRAFT)
        with pytest.raises(InvalidInput):
            variants.add(session, edition_id, kind, now=sqlite_world.now, **given)  # type: ignore[arg-type]


def test_there_is_none_of_an_edition_that_never_was(sqlite_world: World) -> None:
    world = sqlite_world
    with world.runtime.db.transaction() as session:
        with pytest.raises(NotFound):
            variants.add(session, 99, VariantKind.SHORT, now=world.now)
        edition_id = start(world, session, EditionState.CANCELLED)
        with pytest.raises(WrongState):
            variants.add(session, edition_id, VariantKind.SHORT, now=world.now)
