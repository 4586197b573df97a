"""What anybody may read, from any website, without a key."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.audience import Audience
from newsletter.editions.models import Edition
from tests.newsletter.api.conftest import Program, fields, problem
from tests.newsletter.web import town


def test_the_lists_are_there_with_their_latest_editions(program: Program) -> None:
    response = program.get("/lists", key=None)
    assert response.status_code == 200
    parents, professionals = response.json()["lists"]
    assert parents["slug"] == "parents"
    assert parents["audience"] == "parents"
    assert parents["sign_up_url"] == "http://news.example.org/parents"
    assert parents["latest_edition"] == {
        "slug": "2026-11-02",
        "number": 3,
        "date": "2026-11-02",
        "title": "More plans on time, and sessions for families this term (3)",
        "url": "http://news.example.org/editions/parents/2026-11-02",
        "content_url": "http://news.example.org/api/v1/editions/parents/2026-11-02",
    }
    assert professionals["latest_edition"]["number"] == 1


def test_a_list_comes_with_the_words_its_form_must_show(program: Program) -> None:
    wording = program.get("/lists/parents", key=None).json()["wording"]
    assert wording == {"version": 1, "text": town.PARENTS_WORDING}
    with program.runtime.db.transaction() as session:
        session.add(town.mailing_list("new", "A new list", Audience.PARENTS, "once a term", 9))
    assert program.get("/lists/new", key=None).json()["wording"] is None
    assert program.get("/lists/new", key=None).json()["latest_edition"] is None


def test_editions_come_in_pages_newest_first_and_only_those_that_went_out(program: Program) -> None:
    whole = program.get("/lists/parents/editions", key=None).json()
    assert [edition["number"] for edition in whole["editions"]] == [3, 2, 1]
    assert whole["next_cursor"] is None
    found, cursor = [], ""
    for _ in range(4):
        page = program.get(f"/lists/parents/editions?limit=1{cursor}", key=None).json()
        found += page["editions"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == whole["editions"]


def test_editions_of_the_same_moment_are_none_left_out(program: Program) -> None:
    with program.runtime.db.transaction() as session:
        for edition in session.exec(select(Edition).where(Edition.released_at != None)):  # noqa: E711
            edition.released_at = town.LAST_SENT
    first = program.get("/lists/parents/editions?limit=2", key=None).json()
    rest = program.get(f"/lists/parents/editions?limit=2&cursor={first['next_cursor']}", key=None).json()
    assert [edition["number"] for edition in first["editions"] + rest["editions"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


def test_an_edition_is_given_as_markdown_and_as_html_without_anything_personal(program: Program) -> None:
    response = program.get("/editions/professionals/2026-11-02", key=None)
    edition = response.json()
    assert edition["mailing_list"] == "professionals"
    assert edition["introduction"]["markdown"].endswith("what has **not**.")
    assert "<strong>not</strong>" in edition["introduction"]["html"]
    assert [section["number"] for section in edition["sections"]] == [2, 3]
    first, second = edition["sections"][1]["updates"]
    assert first["evidence"] == {
        "url": "https://www.example.org/figures?area=1&year=2026",
        "label": "See the figures",
    }
    assert first["action"] == {"text": "Send annual review papers with the new form", "by": "2026-12-01"}
    assert (second["evidence"], second["action"]) == (None, None)
    assert '<a href="https://www.example.org/budget" class="govuk-link">' in second["body"]["html"]
    assert edition["publisher"] == "Example Council"
    for personal in ("leave", "manage", "[["):
        assert personal not in response.text


def test_what_has_not_gone_out_or_is_not_there_is_not_found(program: Program) -> None:
    unsent = (town.LAST_SENT + timedelta(days=14)).date().isoformat()
    for path in (f"/editions/parents/{unsent}", "/editions/parents/never", "/editions/nobody/2026-11-02"):
        problem(program.get(path, key=None), 404, "not-found")
    for path in ("/lists/nobody", "/lists/nobody/editions"):
        problem(program.get(path, key=None), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=%00", "cursor"), ("cursor=z", "cursor")],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused_with_the_parameter(program: Program, query: str, field: str) -> None:
    said = problem(program.get(f"/lists/parents/editions?{query}", key=None), 422, "invalid")
    assert fields(said) == [field]
    assert fields(problem(program.get("/lists/a%00b", key=None), 422, "invalid")) == ["list_slug"]


def test_what_is_public_may_be_kept_and_read_by_scripts_of_any_site(sqlite_program: Program) -> None:
    for path in (
        "/lists",
        "/lists/parents",
        "/lists/parents/editions",
        "/editions/parents/2026-11-02",
        "/openapi.json",
    ):
        response = sqlite_program.get(path, key=None)
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["cache-control"] == "public, max-age=300"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["x-content-type-options"] == "nosniff"
        etag = response.headers["etag"]
        for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
            unchanged = sqlite_program.get(path, key=None, headers={"if-none-match": known})
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert unchanged.headers["etag"] == etag
        assert sqlite_program.get(path, key=None, headers={"if-none-match": '"other"'}).status_code == 200
        head = sqlite_program.ask("HEAD", path, key=None)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)


def test_the_mark_changes_with_the_content(sqlite_program: Program) -> None:
    before = sqlite_program.get("/lists", key=None).headers["etag"]
    with sqlite_program.runtime.db.transaction() as session:
        session.exec(select(Edition).where(Edition.number == 3)).one().frozen_subject = "Another subject"
    assert sqlite_program.get("/lists", key=None, headers={"if-none-match": before}).status_code == 200


def test_an_edition_and_the_mail_about_its_correction_name_each_other(program: Program) -> None:
    before = program.get("/editions/parents/2026-11-02", key=None)
    assert (before.json()["corrects"], before.json()["correction_mails"]) == (None, [])
    slug = town.mail_correction(program.runtime, "2026-11-02")
    corrected = program.get("/editions/parents/2026-11-02", key=None, headers={"if-none-match": before.headers["etag"]})
    assert [one["slug"] for one in corrected.json()["correction_mails"]] == [slug]
    mail = program.get(f"/editions/parents/{slug}", key=None).json()
    assert mail["corrects"]["url"] == "http://news.example.org/editions/parents/2026-11-02"
    assert (mail["sections"], mail["correction_mails"]) == ([], [])
    assert "It said: “until 6pm on weekdays”" in mail["introduction"]["html"]
    assert program.get("/lists/parents", key=None).json()["latest_edition"]["slug"] == "2026-11-02"
