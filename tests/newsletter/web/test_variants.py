"""Other forms of an edition as readers find them: each in its own language, and nothing before the edition."""

from datetime import date, timedelta

import pytest

from newsletter.editions import archive, variants
from newsletter.editions.models import VariantKind
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door

EDITION = "/editions/parents/2026-11-02"


@pytest.fixture
def with_variants(sqlite_door: Door) -> Door:
    town.add_variants(sqlite_door.runtime, "2026-11-02")
    return sqlite_door


def test_the_edition_names_them_each_in_its_own_language(with_variants: Door) -> None:
    page = with_variants.get(EDITION).text
    assert f'href="{EDITION}/easy-read" hreflang="en-GB"' in page
    assert f'href="{EDITION}/translation-ur" hreflang="ur"><span lang="ur">اردو</span>' in page
    assert 'href="https://video.example.org/1" hreflang="bfi"' in page
    assert "Audio</span>: not ready yet. We plan to add it by 1 December 2026" in page
    with_variants.runtime.clock.move(timedelta(days=40))  # type: ignore[attr-defined]
    assert "We said we would add it by 1 December 2026" in with_variants.get(EDITION).text


def test_a_text_has_a_page_of_its_own(with_variants: Door) -> None:
    page = with_variants.get(f"{EDITION}/translation-ur")
    assert page.status_code == 200
    assert '<div class="app-prose" lang="ur" dir="rtl">' in page.text
    assert "Added on 3 November 2026" in page.text
    assert f'<link rel="canonical" href="http://news.example.org{EDITION}/translation-ur">' in page.text
    assert "<strong>" in with_variants.get(f"{EDITION}/easy-read").text


@pytest.mark.parametrize("key", ["bsl", "audio", "short", "translation", "translation-pl", "nonsense", "easy-read/x"])
def test_what_is_elsewhere_or_not_there_has_none(with_variants: Door, key: str) -> None:
    assert with_variants.get(f"{EDITION}/{key}").status_code == 404


def test_before_the_edition_goes_out_there_is_nothing(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        (latest,) = archive.published(session, town.parents_id(session), limit=1)
        assert latest.id is not None
        coming = latest.id + 1
        variants.add(session, coming, VariantKind.SHORT, text="Soon.", now=sqlite_door.runtime.clock.now())
    assert sqlite_door.get("/editions/parents/2026-11-16/short").status_code == 404


def test_an_edition_without_any_does_not_speak_of_them(sqlite_door: Door) -> None:
    assert "Other formats" not in sqlite_door.get(EDITION).text
    with sqlite_door.runtime.db.transaction() as session:
        (latest,) = archive.published(session, town.parents_id(session), limit=1)
        assert latest.id is not None
        variants.add(session, latest.id, VariantKind.SHORT, now=sqlite_door.runtime.clock.now())
    assert "Other formats" not in sqlite_door.get(EDITION).text
    with sqlite_door.runtime.db.transaction() as session:
        variants.add(
            session, latest.id, VariantKind.SHORT, promised_for=date(2026, 12, 1), now=sqlite_door.runtime.clock.now()
        )
    assert "Other formats" in sqlite_door.get(EDITION).text
