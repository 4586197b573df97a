"""Searching the archive: the same on both databases, bounded however much has gone out, and never a fault of ours."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from newsletter import migrating
from newsletter.core.runtime import Runtime
from newsletter.editions import finding, search_text
from newsletter.editions.composing import page_from_json, page_to_json
from newsletter.editions.models import Edition, EditionState
from newsletter.tables import metadata
from newsletter.web import excerpts, typed_dates
from subscribers import lists
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door


def found(door: Door, path: str = "/editions", **query: str) -> list[str]:
    """The editions a search shows, as "parents/2026-11-02", in their order."""
    response = door.get(f"{path}?{urlencode(query)}")
    assert response.status_code == 200
    return re.findall(r'href="/editions/(\w+/\d[\d-]+)"', response.text)


def say(door: Door, slug: str, title: str, body: str) -> None:
    """Let one edition say something of its own."""
    with door.runtime.db.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.slug == slug, Edition.mailing_list_id == 1)).one()
        page = page_from_json(edition.frozen_page or "")
        update = replace(page.sections[0].updates[0], title=title, body=body)
        section = replace(page.sections[0], updates=(update,))
        edition.frozen_page = page_to_json(replace(page, sections=(section, *page.sections[1:])))
        search_text.keep(session, edition.id or 0, page_from_json(edition.frozen_page))


def test_words_are_found_whatever_their_capitals_and_all_have_to_be_there(door: Door) -> None:
    say(door, "2026-10-19", "Speech therapy for ÉLODIE’s school", "Waits are *shorter* in Straße 5.")
    for words in ("speech", "SPEECH THERAPY", "therapy speech", "élodie", "Élodie's", "STRASSE", "rapy"):
        assert found(door, words=words) == ["parents/2026-10-19"], words
    assert found(door, words="speech helpline") == []
    assert len(found(door, words="permanent posts")) == 4


def test_what_matched_is_shown_and_marked(sqlite_door: Door) -> None:
    long = "One sentence about something else altogether. " * 9
    say(sqlite_door, "2026-10-19", f"{long}Speech therapy starts <soon> in Exampleton. {long}", "Body.")
    page = sqlite_door.get("/editions?words=speech+%3Csoon%3E").text
    assert "<mark>Speech</mark> therapy starts <mark>&lt;soon&gt;</mark> in Exampleton." in page
    assert "…" in page
    assert "<soon>" not in page


@pytest.mark.parametrize("words", ["%", "_", "\\", "/", "100%", "a_b", "%%", "[a]", "*", "'"])
def test_wildcards_are_looked_for_as_they_are(door: Door, words: str) -> None:
    assert found(door, words=words) == []
    say(door, "2026-10-19", f"Title with {words} in it", "Body.")
    assert found(door, words=words) == ["parents/2026-10-19"]


def test_searches_are_narrowed_by_list_area_and_dates(door: Door) -> None:
    assert len(found(door)) == 4
    assert found(door, list="professionals") == ["professionals/2026-11-02"]
    assert len(found(door, "/editions/parents")) == 3
    assert len(found(door, area="Clear communication")) == 4
    assert found(door, since="19/10/2026", until="20 Oct 2026") == ["parents/2026-10-19"]
    assert found(door, since="november 2026", list="parents") == ["parents/2026-11-02"]
    assert found(door, until="2025") == []
    assert found(door, words="helpline", area="Clear communication", until="2026-10-05") == ["parents/2026-10-05"]


def test_what_did_not_go_out_is_not_found(door: Door) -> None:
    for query in ({}, {"words": "plans"}, {"since": "2026"}, {"area": "Clear communication"}):
        assert "parents/2026-11-16" not in found(door, **query)


def test_nothing_found_says_what_to_do(sqlite_door: Door) -> None:
    page = sqlite_door.get("/editions?words=xylophone&since=2026").text
    assert "No editions found" in page
    assert "use fewer words, or other words" in page
    assert 'value="xylophone"' in page


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({"since": "31/2/2026"}, "since", "Enter a date like"),
        ({"until": "soon"}, "until", "Enter a date like"),
        ({"since": "2026", "until": "2025"}, "until", "The last date must be the same as"),
        ({"list": "governors"}, "list", "Choose a newsletter"),
        ({"area": "Nowhere"}, "area", "Choose a priority area"),
    ],
)
def test_a_search_that_cannot_be_made_says_what_to_mend(
    sqlite_door: Door, query: dict[str, str], field: str, message: str
) -> None:
    response = sqlite_door.get(f"/editions?{urlencode({'words': 'help', **query})}")
    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert f'href="#{field}">{message}' in response.text
    assert f'id="{field}"' in response.text
    assert 'value="help"' in response.text


def test_a_thousand_editions_come_twenty_at_a_time_in_few_queries(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        parents = lists.by_slug(session, "parents")
        for number in range(1000):
            at = datetime(2020, 1, 1, 9, tzinfo=UTC) - timedelta(days=number)
            town.edition(session, parents, 100 + number, at, EditionState.SENT)
    queries: list[str] = []
    sa.event.listen(
        sqlite_door.runtime.db.engine, "before_cursor_execute", lambda *ran: queries.append(ran[2]), named=False
    )
    seen: list[str] = []
    for number in range(1, 52):
        page = found(sqlite_door, "/editions", words="helpline", page=str(number), list="parents")
        assert len(page) == (20 if number < 51 else 3)
        seen += page
    assert len(seen) == len(set(seen)) == 1003
    assert seen[3:] == sorted(seen[3:], reverse=True)
    assert len(queries) / 51 <= 10
    assert "Page 51" not in sqlite_door.get("/editions?page=9999").text
    assert "page=50" in sqlite_door.get("/editions?page=9999").text
    queries.clear()
    assert sqlite_door.get("/editions/parents/2019-06-01").status_code == 200
    assert len(queries) <= 10


def test_editions_from_before_the_search_are_found_too(runtime: Runtime) -> None:
    """The migration writes down what had gone out."""
    metadata.drop_all(runtime.db.engine)
    migrating.upgrade(runtime.db)
    town.build(runtime)
    with runtime.db.transaction() as session:  # in those days an edition was made of updates alone
        for edition in session.exec(select(Edition).where(col(Edition.frozen_page).is_not(None))):
            page = replace(page_from_json(edition.frozen_page or ""), events=(), responses=())
            edition.frozen_page = page_to_json(page)
            if edition.released_at is not None:
                search_text.keep(session, edition.id or 0, page)
    with runtime.db.reading() as session:
        before = finding.find(session, finding.Search(words=("helpline", "weekdays.")))
        areas = finding.areas(session)
    migrating.downgrade(runtime.db, "0003")
    migrating.upgrade(runtime.db)
    with runtime.db.reading() as session:
        after = finding.find(session, finding.Search(words=("helpline", "weekdays.")))
        assert [edition.id for edition in after.editions] == [edition.id for edition in before.editions]
        assert after.texts == before.texts
        assert finding.areas(session) == areas == ["Clear communication", "Plans on time and of good quality"]
        assert finding.find(session, finding.Search(words=("budget",), area="Clear communication")).total == 4


TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "\0", "a\0b", "\ud7ff", "%", "_", "\\", "'; --", "<script>alert(1)</script>", "x" * 9000, "İ", "ﬁ",
            "ß", "٣/٤/٢٠٢٦", "0", "0000", "9999", "99/99/9999", "1/1/1", "31 June 2026", "parents",
            "Clear communication", "1e9", "-1",
        ]
    ),
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(st.sampled_from(["words", "list", "area", "since", "until", "page", "text"]), TEXTS))
def test_any_search_gets_a_page(door: Door, query: dict[str, str]) -> None:
    for path in ("/editions", "/editions/parents"):
        response = door.get(f"{path}?{urlencode(query, errors='replace')}")
        assert response.status_code in (200, 422), query
        assert "<script>alert" not in response.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12))
def test_whatever_is_written_in_an_edition_is_found_by_writing_it(sqlite_door: Door, word: str) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.slug == "2026-10-19")).one()
        page = page_from_json(edition.frozen_page or "")
        edition.frozen_page = page_to_json(replace(page, title=f"News {word} news"))
        search_text.keep(session, edition.id or 0, page_from_json(edition.frozen_page))
    assert "parents/2026-10-19" in found(sqlite_door, words=word)


@given(text=st.text(), words=st.text(max_size=20))
def test_marking_loses_and_adds_nothing(text: str, words: str) -> None:
    marked = excerpts.marked(text, finding.words(words))
    assert re.sub("</?mark>", "", str(marked)) == str(excerpts.marked(text, ()))
    for excerpt in excerpts.excerpts(f"title\n{text}", finding.words(words)):
        assert len(excerpt.striptags()) <= excerpts.LENGTH + 10


@given(
    day=st.dates(min_value=date(1000, 1, 1)), written=st.sampled_from(["%d/%m/%Y", "%Y-%m-%d", "%d %B %Y", "%d.%m.%Y"])
)
def test_a_date_means_itself(day: date, written: str) -> None:
    assert typed_dates.span(day.strftime(written)) == (day, day)


def test_a_month_and_a_year_mean_all_of_their_days() -> None:
    assert typed_dates.span("February 2024") == (date(2024, 2, 1), date(2024, 2, 29))
    assert typed_dates.span("2/2023") == (date(2023, 2, 1), date(2023, 2, 28))
    assert typed_dates.span("2026") == (date(2026, 1, 1), date(2026, 12, 31))
