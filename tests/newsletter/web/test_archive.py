"""The public archive: what went out and nothing else, in every form, without a token anywhere."""

import re
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

import pytest
from sqlmodel import select

from newsletter.editions.composing import page_from_json, page_to_json
from newsletter.editions.models import Edition
from tests.newsletter.web.conftest import Door

ATOM = "{http://www.w3.org/2005/Atom}"
EDITION = "/editions/parents/2026-11-02"


def test_home_offers_each_newsletter_with_its_latest_edition(door: Door) -> None:
    page = door.get("/").text
    for slug, date in (("parents", "2026-11-02"), ("professionals", "2026-11-02")):
        assert f'href="/{slug}"' in page
        assert f'href="/editions/{slug}/{date}"' in page
    assert "about once a fortnight" in page
    assert "once every half term" in page


def test_the_archive_lists_what_went_out_newest_first(sqlite_door: Door) -> None:
    page = sqlite_door.get("/editions").text
    found = re.findall(r'href="/editions/parents/([\d-]+)"', page)
    assert found == ["2026-11-02", "2026-10-19", "2026-10-05"]
    assert "2026-11-16" not in page
    only = sqlite_door.get("/editions/parents").text
    assert "/editions/professionals" not in only


@pytest.mark.parametrize(
    "path",
    [
        "/editions/parents/2026-11-16",  # approved, not sent
        "/editions/parents/2026-11-16/text",
        "/editions/parents/1999-01-01",
        "/editions/professionals/2026-10-19",  # another list's
        "/editions/nobody",
        "/editions/nobody/feed.xml",
        "/editions/parents/..%2f..%2fetc",
    ],
)
def test_what_is_not_public_does_not_exist(path: str, sqlite_door: Door) -> None:
    assert sqlite_door.get(path).status_code == 404


def test_an_edition_has_contents_sections_help_licence_and_neighbours(sqlite_door: Door) -> None:
    page = sqlite_door.get("/editions/parents/2026-10-19").text
    for anchor in re.findall(r'href="#([\w-]+)"', page):
        assert f'id="{anchor}"' in page
    for expected in (
        "In this edition",
        "Priority 3",
        "Plans on time and of good quality",
        "You said, we did",
        "Fewer than 5 people told us",
        "Dates for you",
        'href="/events/questions-about-plans-2024-01-30.ics"',
        "Where to get help",
        "Open Government Licence",
        'href="/editions/parents/2026-10-05"',
        'href="/editions/parents/2026-11-02"',
        "19 October 2026",
        "For a paper copy",
        "/paper-copy?edition=parents/2026-10-19",
        "About 1 minute to read",
    ):
        assert expected in page
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_the_contents_of_a_long_edition_name_its_sections(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        for edition in session.exec(select(Edition)):
            page = page_from_json(edition.frozen_page or "")
            many = replace(page.sections[0], updates=page.sections[0].updates * 9)
            long = replace(page, sections=(many, *page.sections[1:]))
            edition.frozen_page = page_to_json(long)
    page_text = sqlite_door.get(EDITION).text
    assert 'href="#priority-2">Clear communication</a> (9 updates)' in page_text
    assert 'href="#update-1"' not in page_text


def test_professionals_see_what_to_do_first(sqlite_door: Door) -> None:
    page = sqlite_door.get("/editions/professionals/2026-11-02").text
    assert page.index("Actions for you</h2>") < page.index("Priority 2")
    assert "By 1 December 2026:" in page


@pytest.mark.parametrize("path", [EDITION, f"{EDITION}/text", "/editions/parents/feed.xml"])
def test_nothing_personal_is_in_any_form_of_it(path: str, sqlite_door: Door) -> None:
    text = sqlite_door.get(path).text
    for personal in ("/leave/", "/manage/", "/confirm/", "[[", "never shown"):
        assert personal not in text


def test_the_plain_text_says_the_same_in_the_same_order(sqlite_door: Door) -> None:
    response = sqlite_door.get(f"{EDITION}/text")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    said = [
        "More plans on time",
        "Priority 2: Clear communication",
        "The helpline is open for longer",
        "* Monday to Friday",
        "Priority 3",
        "See the figures: https://www.example.org/figures?area=1&year=2026",
        "You said, we did",
        "Answers take too long",
        "You said: You wait too long",
        "We are doing: A person answers",
        "We will finish by 1 March 2024.",
        "Why: The rooms are closed",
        "Dates for you",
        "Tuesday 16 January 2024, 6:30pm to 8pm",
        "Cost: Free",
        "Booking: Book by 12 January. https://example.org/book",
        "If you cannot come: Reply to this email",
        "More about this date: http://news.example.org/events/tell-us-what-you-think-2024-01-16",
        "Where to get help",
        "Published by Example Council",
        "Open Government Licence",
    ]
    places = [response.text.index(words) for words in said]
    assert places == sorted(places)


def test_the_feed_is_valid_atom(door: Door) -> None:
    response = door.get("/editions/parents/feed.xml")
    assert response.headers["content-type"] == "application/atom+xml"
    feed = ElementTree.fromstring(response.content)
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *feed.iter(f"{ATOM}entry")):
        for required in ("id", "title", "updated"):
            assert (element.findtext(f"{ATOM}{required}") or "").strip()
        assert (element.findtext(f"{ATOM}id") or "").startswith("http://news.example.org/")
        assert datetime.fromisoformat((element.findtext(f"{ATOM}updated") or "").replace("Z", "+00:00"))
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "Example Council"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 3
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 3
    for link in feed.iter(f"{ATOM}link"):
        assert link.get("href", "").startswith("http://news.example.org/")
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self", "alternate"}
    content = entries[0].findtext(f"{ATOM}content") or ""
    for words in ("52 in every 100", "You said, we did", "Decided by: Head of SEND", "Dates for you", "Where: Online"):
        assert words in content


def test_a_feed_survives_characters_that_xml_does_not_know(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        for edition in session.exec(select(Edition)):
            edition.frozen_page = (edition.frozen_page or "").replace("More plans", "More\\u0001 <plans> &")
    feed = ElementTree.fromstring(sqlite_door.get("/editions/parents/feed.xml").content)
    assert (feed.findtext(f"{ATOM}entry/{ATOM}title") or "").startswith("More <plans> & on time")


def test_an_edition_says_what_it_is_to_those_who_link_to_it(sqlite_door: Door) -> None:
    page = sqlite_door.get(f"{EDITION}?text=large").text
    address = f"http://news.example.org{EDITION}"
    for expected in (
        f'<link rel="canonical" href="{address}">',
        f'<meta property="og:url" content="{address}">',
        '<meta property="og:type" content="article">',
        '<meta property="og:title" content="More plans on time, and sessions for families this term (3)">',
        '<meta property="og:description" content="52 in every 100 assessments finished in time.',
        '<meta property="og:site_name" content="Example SEND partnership">',
        '<meta property="article:published_time" content="2026-11-02T09:00:00+00:00">',
        '<meta name="twitter:card" content="summary">',
    ):
        assert expected in page
    assert "og:image" not in page


def test_larger_text_stays_chosen_from_one_edition_to_the_next(sqlite_door: Door) -> None:
    page = sqlite_door.get("/editions/parents/2026-10-19?text=spaced").text
    assert 'class="govuk-template app-text-spaced"' in page
    assert '<strong aria-current="true">Larger, with more space</strong>' in page
    for date in ("2026-10-05", "2026-11-02"):
        assert f'href="/editions/parents/{date}?text=spaced"' in page
    for nonsense in ("", "?text=", "?text=huge", "?text=normal", "?text=large%22%3E"):
        plain = sqlite_door.get(f"/editions/parents/2026-10-19{nonsense}").text
        assert 'class="govuk-template"' in plain
        assert '<strong aria-current="true">Normal</strong>' in plain


@pytest.mark.parametrize(("words", "minutes"), [(1, 1), (1_500, 10)])
def test_reading_time_follows_the_number_of_words(sqlite_door: Door, words: int, minutes: int) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        for edition in session.exec(select(Edition)):
            page = page_from_json(edition.frozen_page or "")
            edition.frozen_page = page_to_json(replace(page, introduction="word " * words))
    assert f"About {minutes} minute" in sqlite_door.get(EDITION).text
