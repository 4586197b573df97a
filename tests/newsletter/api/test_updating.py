"""Updates from a content system: checked, attributed and approved like those a person writes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.content import picture_files, pictures
from newsletter.content.models import Update
from newsletter.editions.models import Edition, EditionChoice, EditionState
from newsletter.rendering import markup
from newsletter.staff.models import ApiKey, AuditEntry, KeyScope
from tests.newsletter.api.conftest import UPDATE, Program, fields, problem
from tests.picture_samples import jpeg


def kept(program: Program) -> list[Update]:
    with program.runtime.db.reading() as session:
        found = list(session.exec(select(Update).order_by(Update.id)))  # type: ignore[arg-type]
        session.expunge_all()
        return found


def staff_id(program: Program) -> int:
    with program.runtime.db.reading() as session:
        return session.exec(select(ApiKey.staff_id)).first() or 0


def test_an_update_is_written_read_and_changed(program: Program) -> None:
    made = program.post("/updates", UPDATE)
    assert made.status_code == 201
    shown = made.json()
    path = f"/updates/{shown['id']}"
    assert made.headers["location"] == f"http://news.example.org/api/v1{path}"
    assert {name: shown[name] for name in UPDATE} == UPDATE
    assert program.get(path).json() == shown
    (row,) = kept(program)
    assert (row.author_id, row.editor_id) == (staff_id(program), None)

    changed = program.patch(path, {"until_date": "2026-12-01", "owner": "Director of SEND"})
    assert changed.status_code == 200
    assert changed.json()["until_date"] == "2026-12-01"
    assert changed.json()["parent_title"] == UPDATE["parent_title"]
    assert kept(program)[0].editor_id == staff_id(program)
    emptied = program.patch(path, {"until_date": None}, headers={"content-type": "application/merge-patch+json"})
    assert emptied.json()["until_date"] is None


def test_what_a_program_writes_and_changes_is_noted(program: Program) -> None:
    headers = {"idempotency-key": "once"}
    shown = [program.post("/updates", UPDATE, headers=headers).json() for _ in range(2)][0]
    program.patch(f"/updates/{shown['id']}", {"owner": "Director of SEND", "until_date": "2026-12-01"})
    program.patch(f"/updates/{shown['id']}", {"owner": "two\nlines"})  # refused
    with program.runtime.db.reading() as session:
        found = session.exec(select(AuditEntry).where(AuditEntry.about == f"update {shown['id']}"))
        noted = [(entry.action, entry.detail, entry.staff_id) for entry in found]
    who = staff_id(program)
    assert noted == [
        ("write update", "by a program", who),
        ("change update", "by a program: owner, until date", who),
    ]


def test_the_picture_of_an_update_is_shown_and_a_change_keeps_it(program: Program) -> None:
    shown = program.post("/updates", UPDATE).json()
    assert shown["picture"] is None
    path = f"/updates/{shown['id']}"
    with program.runtime.db.transaction() as session:
        now = program.runtime.clock.now()
        photo = picture_files.photograph(jpeg())
        pictures.put_to_update(session, shown["id"], photo, "A garden", now=now, editor_id=None)
        sha256 = pictures.keep(session, photo, now=now)
    picture = {"url": f"http://news.example.org/pictures/{sha256}.jpg", "alt": "A garden", "width": 1200, "height": 900}
    assert program.get(path).json()["picture"] == picture
    assert program.get("/updates").json()["updates"][0]["picture"] == picture
    assert program.patch(path, {"owner": "Director of SEND"}).json()["picture"] == picture
    assert program.patch(path, {"picture": None}).status_code == 422


def test_updates_come_in_pages_newest_first(program: Program) -> None:
    numbers = [program.post("/updates", UPDATE).json()["id"] for _ in range(3)]
    first = program.get("/updates?limit=2").json()
    assert [update["id"] for update in first["updates"]] == [numbers[2], numbers[1]]
    rest = program.get(f"/updates?limit=2&cursor={first['next_cursor']}").json()
    assert [update["id"] for update in rest["updates"]] == [numbers[0]]
    assert rest["next_cursor"] is None


def test_a_program_finds_out_what_an_update_may_belong_to(program: Program) -> None:
    found = program.get("/updates/choices").json()
    assert [area["id"] for area in found["priority_areas"]] == [1]
    assert [partner["slug"] for partner in found["partners"]] == ["council"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"priority_area_id": 2}, ["priority_area_id"]),
        ({"partner_id": 10**40}, ["partner_id"]),
        ({"priority_area_id": "1"}, ["priority_area_id"]),
        ({"owner": "two\nlines"}, ["owner"]),
        ({"owner": "x" * 121}, ["owner"]),
        ({"parent_body": "<script>alert(1)</script>"}, ["parent_body"]),
        ({"parent_body": "![a picture](https://www.example.org/a.png)"}, ["parent_body"]),
        ({"parent_body": "nul \0"}, ["parent_body"]),
        ({"evidence_url": "http://www.example.org", "evidence_label": "See the figures"}, ["evidence_url"]),
        ({"parent_body": ""}, [""]),
        ({"from_date": "yesterday"}, ["from_date"]),
        ({"until_date": "2026-11-01"}, [""]),
        ({"colour": "red"}, ["colour"]),
    ],
)
def test_what_no_edition_could_carry_is_refused_with_the_field(
    program: Program, change: dict[str, Any], wrong: list[str]
) -> None:
    assert fields(problem(program.post("/updates", UPDATE | change), 422, "invalid")) == wrong
    assert kept(program) == []
    path = f"/updates/{program.post('/updates', UPDATE).json()['id']}"
    before = program.get(path).json()
    assert fields(problem(program.patch(path, change), 422, "invalid")) == wrong
    assert program.get(path).json() == before


def test_a_field_that_is_needed_cannot_be_emptied(sqlite_program: Program) -> None:
    path = f"/updates/{sqlite_program.post('/updates', UPDATE).json()['id']}"
    assert fields(problem(sqlite_program.patch(path, {"owner": None}), 422, "invalid")) == ["owner"]
    assert sqlite_program.patch(path, {}).status_code == 200


def test_a_change_of_what_somebody_else_has_changed_is_refused(program: Program) -> None:
    path = f"/updates/{program.post('/updates', UPDATE).json()['id']}"
    read = program.get(path)
    assert (read.headers["etag"], read.json()["revision"]) == ('"1"', 1)
    theirs = program.patch(path, {"owner": "Theirs"}, headers={"if-match": '"1"'})
    assert (theirs.status_code, theirs.headers["etag"]) == (200, '"2"')
    mine = program.patch(path, {"owner": "Mine"}, headers={"if-match": '"1"'})
    assert (mine.status_code, mine.json()["type"].rpartition("/")[2]) == (412, "changed")
    assert program.get(path).json()["owner"] == "Theirs"
    assert program.patch(path, {"owner": "Mine"}, headers={"if-match": '"2"'}).status_code == 200
    assert program.patch(path, {"owner": "The last word"}).status_code == 200
    assert program.patch(path, {"owner": "x"}, headers={"if-match": "W/x"}).status_code == 422


def test_an_approved_edition_with_a_changed_update_must_be_approved_again(program: Program) -> None:
    update_id = program.post("/updates", UPDATE).json()["id"]
    with program.runtime.db.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.state == EditionState.APPROVED)).one()
        assert edition.id is not None
        edition_id = edition.id
        session.add(EditionChoice(edition_id=edition_id, update_id=update_id, is_in=True, position=1, reason="Due."))
    assert program.patch(f"/updates/{update_id}", {"parent_title": "Another title"}).status_code == 200
    with program.runtime.db.reading() as session:
        assert session.get_one(Edition, edition_id).state is EditionState.DRAFT


@pytest.mark.parametrize("update_id", ["0", "99", "2147483647", "2147483648", "9" * 40, "-1", "x"])
def test_an_update_that_is_not_there_is_not_found(program: Program, update_id: str) -> None:
    for response in (program.get(f"/updates/{update_id}"), program.patch(f"/updates/{update_id}", {})):
        assert response.status_code in (404, 422)
        assert response.headers["content-type"] == "application/problem+json"


def test_the_same_request_sent_again_writes_one_update(program: Program) -> None:
    headers = {"idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    first, second = (program.post("/updates", UPDATE, headers=headers) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert first.headers["location"] == second.headers["location"]
    assert len(kept(program)) == 1
    program.patch(f"/updates/{first.json()['id']}", {"owner": "Director of SEND"})
    assert program.post("/updates", UPDATE, headers=headers).text == first.text
    other = problem(program.post("/updates", UPDATE | {"owner": "Other"}, headers=headers), 422, "invalid")
    assert fields(other) == ["Idempotency-Key"]
    another_key = program.new_key(KeyScope.UPDATES_WRITE)
    assert program.post("/updates", UPDATE, headers=headers, key=another_key).json()["id"] != first.json()["id"]
    for wrong in ("", "a b", "x" * 256, "é"):
        refused = program.post("/updates", UPDATE, headers={"idempotency-key": wrong.encode("latin-1")})
        problem(refused, 422, "invalid")
    assert len(kept(program)) == 2


def test_a_request_that_was_refused_may_be_mended_under_the_same_key(sqlite_program: Program) -> None:
    headers = {"idempotency-key": "one"}
    problem(sqlite_program.post("/updates", UPDATE | {"partner_id": 9}, headers=headers), 422, "invalid")
    assert sqlite_program.post("/updates", UPDATE, headers=headers).status_code == 201


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120),
    st.sampled_from(
        ["<b>bold</b>", "&lt;", "a\u202eb", "\u2028", "\ufeff", "e\u0301", "\U0001f469\u200d\U0001f467", "\u0646\u0635",
         "[x](javascript:alert(1))", "\x1b[2J", "[[leave_url]]", "# heading", "{{7*7}}", "' OR 1=1 --", "\x7f", "\x85",
         " ", "\U0010ffff"]
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=TEXTS, body=TEXTS, owner=TEXTS)
def test_whatever_is_written_is_kept_as_it_was_or_refused(program: Program, title: str, body: str, owner: str) -> None:
    sent = UPDATE | {"parent_title": title, "parent_body": body, "owner": owner}
    response = program.post("/updates", sent, key=program.new_key())
    if response.status_code != 201:
        assert set(fields(problem(response, 422, "invalid"))) <= {"parent_title", "parent_body", "owner", ""}
        return
    shown = program.get(f"/updates/{response.json()['id']}", key=program.new_key()).json()
    assert shown == response.json()
    for name in ("parent_title", "parent_body", "owner"):
        assert shown[name] == str(sent[name]).strip()
        assert "\0" not in shown[name]
    assert "<script" not in markup.to_html(shown["parent_body"], heading_level=3, for_mail=False)
