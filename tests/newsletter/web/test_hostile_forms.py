"""Whatever is posted, a page comes back: never a fault of ours, never a cookie, never a row from nonsense."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.core.tokens import Purpose
from tests.newsletter.web.conftest import Door

FIELDS = [
    "email",
    "role",
    "school",
    "school_name",
    "pick",
    "setting_name",
    "phase",
    "website",
    "kept",
    "to",
    "code",
    "list",
    "which",
    "",
]
TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "reader@example.org", "senco", "100001", "100001 ", "1e5", "０", "\0", "a\0b@example.org", "\u202e",
            "\ud7ff", "'; DROP TABLE subscriber; --", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "x" * 5000,
            "parents", "professionals", "One-Click", "all", "none", "123456", "١٢٣٤٥٦", "\r\nSet-Cookie: a=b", "=1+1",
        ]
    ),
)  # fmt: skip
FORMS = st.lists(st.tuples(st.sampled_from(FIELDS), TEXTS), max_size=12)
PLACES = st.sampled_from(
    [
        "/parents",
        "/professionals",
        "/parents/send-again",
        "/professionals/check-your-answers",
        "/confirm/code",
        "/leave/TOKEN",
        "/manage/TOKEN",
        "/nobody",
    ]
)

hostile = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def path_for(door: Door, place: str) -> str:
    purpose = Purpose.LEAVE if "leave" in place else Purpose.MANAGE
    return place.replace(
        "TOKEN", door.runtime.tokens.make(purpose, list_id=2, subject_id=77, issued_at=door.runtime.clock.now())
    )


@hostile
@given(place=PLACES, form=FORMS, boundary=st.sampled_from(["urlencoded", "multipart"]))
def test_any_form_gets_a_page(door: Door, place: str, form: list[tuple[str, str]], boundary: str) -> None:
    if boundary == "urlencoded":
        body = "&".join(f"{quote_plus(name)}={quote_plus(value, errors='replace')}" for name, value in form).encode()
        kind = "application/x-www-form-urlencoded"
    else:
        parts = (
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode("utf-8", "replace")
            for name, value in form
        )
        body, kind = b"".join(parts) + b"--b--\r\n", "multipart/form-data; boundary=b"
    response = door.ask("POST", path_for(door, place), content=body, headers={"content-type": kind})
    assert response.status_code < 500, (response.status_code, place, form)
    assert "set-cookie" not in response.headers
    assert "<script>alert" not in response.text


@hostile
@given(place=PLACES, body=st.binary(max_size=400), kind=st.sampled_from(
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data",
     "multipart/form-data; boundary=b; charset=utf-16", "multipart/form-data; boundary=b; charset=unicode_escape",
     "application/json", "text/plain", ""]))  # fmt: skip
def test_any_bytes_get_a_page(sqlite_door: Door, place: str, body: bytes, kind: str) -> None:
    response = sqlite_door.ask("POST", path_for(sqlite_door, place), content=body, headers={"content-type": kind})
    assert response.status_code < 500


@pytest.mark.parametrize("charset", ["raw_unicode_escape", "unicode_escape", "utf-7", "utf-16", "idna", "hex", "rot13"])
def test_text_in_odd_encodings_never_reaches_a_table_broken(charset: str, door: Door) -> None:
    fields = {"email": "r@example.org", "role": "senco", "setting_name": "a\\ud800b"}
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    response = door.ask(
        "POST",
        "/professionals",
        content=b"".join(parts) + b"--b--\r\n",
        headers={"content-type": f"multipart/form-data; boundary=b; charset={charset}"},
    )
    assert response.status_code < 500


def test_a_nul_in_the_name_of_a_list_is_a_page_that_is_not_there(door: Door) -> None:
    assert door.post("/confirm/code", {"list": "\0", "code": "123456"}).status_code == 404
    assert door.get("/%00").status_code == 404


def test_the_first_of_two_equal_fields_counts(sqlite_door: Door) -> None:
    response = sqlite_door.ask(
        "POST",
        "/parents",
        content=b"email=one%40example.org&email=two%40example.org",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert "one@example.org" in response.text
    assert "two@example.org" not in response.text


@hostile
@given(
    query=st.text(max_size=80),
    page=st.sampled_from(
        [
            "/parents/check-your-email?to=",
            "/professionals/check-your-answers?to=",
            "/professionals?to=",
            "/outbox?page=",
        ]
    ),
)
def test_any_query_gets_a_page(sqlite_door: Door, page: str, query: str) -> None:
    assert sqlite_door.get(page + quote(query, safe="", errors="replace")).status_code < 500
