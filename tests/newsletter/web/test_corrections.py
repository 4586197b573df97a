"""A corrected edition as readers and programs see it: on its page, as text and in the feed."""

from datetime import datetime
from xml.etree import ElementTree

from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door

ATOM = "{http://www.w3.org/2005/Atom}"
EDITION = "/editions/parents/2026-11-02"


def test_the_page_says_at_its_top_and_at_the_update_what_changed(door: Door) -> None:
    town.correct(door.runtime, "2026-11-02")
    page = door.get(EDITION).text
    assert "Corrected on 3 November 2026: We gave the wrong closing time." in page
    assert "It said: <del>until 6pm on weekdays</del>" in page
    assert "It now says: <ins>until 7pm on weekdays</ins>" in page
    assert "You can call until 7pm on <em>weekdays</em>." in page
    assert '<meta property="article:modified_time" content="2026-11-03T09:00:00+00:00">' in page
    assert page.index("Corrected on 3 November") < page.index("In this edition")


def test_other_editions_do_not_speak_of_it(sqlite_door: Door) -> None:
    town.correct(sqlite_door.runtime, "2026-11-02")
    assert "Correct" not in sqlite_door.get("/editions/parents/2026-10-19").text


def test_the_text_says_so_too(sqlite_door: Door) -> None:
    town.correct(sqlite_door.runtime, "2026-11-02")
    text = sqlite_door.get(f"{EDITION}/text").text
    assert text.index("Corrected on 3 November 2026: We gave") < text.index("Priority 2")
    said = "Corrected on 3 November 2026. It said: “until 6pm on weekdays” It now says: “until 7pm on weekdays”"
    assert text.index("The helpline is open for longer") < text.index(said) < text.index("Priority 3")


def test_the_feed_tells_those_who_copied_it(sqlite_door: Door) -> None:
    before = sqlite_door.get("/editions/parents/feed.xml")
    town.correct(sqlite_door.runtime, "2026-11-02")
    after = sqlite_door.get("/editions/parents/feed.xml", headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    first, second = (ElementTree.fromstring(feed.content).findall(f"{ATOM}entry") for feed in (before, after))
    updated = [datetime.fromisoformat(feed[0].findtext(f"{ATOM}updated") or "") for feed in (first, second)]
    assert updated[0] < updated[1] == datetime.fromisoformat("2026-11-03T09:00:00+00:00")
    for same in ("id", "published", "title"):
        assert first[0].findtext(f"{ATOM}{same}") == second[0].findtext(f"{ATOM}{same}")
    assert first[1].findtext(f"{ATOM}updated") == second[1].findtext(f"{ATOM}updated")
    content = second[0].findtext(f"{ATOM}content") or ""
    assert content.startswith("<p>Corrected on 3 November 2026: We gave the wrong closing time.</p>")
    assert "It said: “until 6pm on weekdays”" in content


def test_the_page_and_the_email_about_it_link_to_each_other_once_it_is_out(door: Door) -> None:
    slug = town.mail_correction(door.runtime, "2026-11-02")
    page = door.get(EDITION).text
    assert "We told readers by email on 3 November 2026." in page
    assert f'href="/editions/parents/{slug}"' in page
    mail = door.get(f"/editions/parents/{slug}").text
    assert "<h1" in mail
    assert "Correction: More plans on time, and sessions for families this term (3)" in mail
    assert '<p class="govuk-inset-text">It now says: “until 7pm on weekdays”</p>' in mail
    assert f'href="{EDITION}">Read edition 3 as it is now</a>' in mail
    assert "In this edition" not in mail
    assert "Where to get help" in mail
    assert f'href="{EDITION}?text=large">Read edition 3' in door.get(f"/editions/parents/{slug}?text=large").text


def test_before_it_is_out_nobody_learns_of_it(sqlite_door: Door) -> None:
    slug = town.mail_correction(sqlite_door.runtime, "2026-11-02", is_out=False)
    assert "by email on" not in sqlite_door.get(EDITION).text
    assert sqlite_door.get(f"/editions/parents/{slug}").status_code == 404


def test_the_email_is_in_the_archive_the_search_the_text_and_the_feed(sqlite_door: Door) -> None:
    slug = town.mail_correction(sqlite_door.runtime, "2026-11-02")
    here = f"/editions/parents/{slug}"
    for path in ("/editions", "/editions/parents", "/editions?words=wrong+closing"):
        assert f'href="{here}"' in sqlite_door.get(path).text, path
    text = sqlite_door.get(f"{here}/text").text
    assert "It said: “until 6pm on weekdays”" in text
    assert f"Edition 3 as it is now: http://news.example.org{EDITION}" in text
    entry = ElementTree.fromstring(sqlite_door.get("/editions/parents/feed.xml").content).find(f"{ATOM}entry")
    assert entry is not None
    assert (entry.findtext(f"{ATOM}title") or "").startswith("Correction: More plans on time")
    content = entry.findtext(f"{ATOM}content") or ""
    assert f'<a href="http://news.example.org{EDITION}">Edition 3 as it is now</a>' in content


def test_who_looks_for_the_latest_edition_is_not_shown_the_email(sqlite_door: Door) -> None:
    slug = town.mail_correction(sqlite_door.runtime, "2026-11-02")
    for path in ("/", "/paper-copy"):
        page = sqlite_door.get(path).text
        assert "parents/2026-11-02" in page
        assert slug not in page
