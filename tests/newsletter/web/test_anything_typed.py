"""Whatever is typed into a sign-up form is taken, or a clear sentence says why not, and it stands there as typed."""

import html
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.core import addresses
from newsletter.core.errors import InvalidInput
from newsletter.web import robots
from tests.newsletter.web.conftest import Door, typed_in

HOSTILE = [
    "=HYPERLINK(1)@example.org", "+cmd|' /C calc'!A0@example.org", "@SUM(1+1)", "-1+1@example.org",
    '"><script>x</script>', "<img src=x onerror=alert(1)>@example.org", "a'b@example.org", 'a"b@example.org',
    "&lt;b&gt;@example.org", "{{7*7}}@example.org", "a@example.org\r\nBcc: b@example.org", "a\0b@example.org",
    "\u202egro.elpmaxe@a", "a@b@c", "'; DROP TABLE intake; --", "ＡＢＣ＠example.org", "jürgen@müller.example",
    "用户@例子.example", "user@xn--mller-kva.example", "a@[127.0.0.1]", " a@example.org ", "a" * 250 + "@example.org",
    "a" * 64 + "@" + ".".join(["b" * 59] * 3) + ".example", "reader+news@example.org",
]  # fmt: skip
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs"])
TYPED = st.one_of(
    st.sampled_from(HOSTILE),
    st.emails(),
    st.text(LETTERS, max_size=260),
    st.builds("{}@{}".format, st.text(LETTERS, min_size=1, max_size=70), st.sampled_from(["example.org", "gmial.com"])),
)
SENTENCES = {
    "Enter your email address",
    "Enter an email address in the correct format, like name@example.com",
    "Email address must be 254 characters or fewer",
}

thorough = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def open_door(door_with: Callable[..., Door]) -> Door:
    return door_with(sign_ups_per_network_per_hour=1_000_000)


def value_of(page: str, name: str) -> str:
    """What stands in a field of the page, as a browser reads it; in the last form that has one."""
    field = [field for field in re.findall(r"<input[^>]*>", page, re.S) if f'name="{name}"' in field][-1]
    found = re.search(r'value="([^"]*)"', field)
    return html.unescape(found.group(1)) if found else ""


def sentences(page: str) -> set[str]:
    summary = re.search(r'<ul class="govuk-list govuk-error-summary__list">(.*?)</ul>', page, re.S)
    return {html.unescape(text) for text in re.findall(r"<a[^>]*>([^<]*)</a>", summary.group(1))} if summary else set()


@thorough
@given(typed=TYPED)
def test_an_address_is_taken_or_told_why_not_and_kept(open_door: Door, typed: str) -> None:
    door = open_door
    answer = door.ask("POST", "/parents", data=typed_in(door.runtime, "/parents", {"email": typed}), tick=False)
    try:
        address = addresses.parse(typed)
    except InvalidInput:
        assert answer.status_code == 422
        assert sentences(answer.text) <= SENTENCES
        assert sentences(answer.text)
        assert value_of(answer.text, "email") == typed
    else:
        if answer.status_code == 200:
            assert addresses.likely_typo(address) is not None
            assert value_of(answer.text, "email") == typed
        else:
            assert answer.status_code == 303
            shown = door.get(answer.headers["location"]).text
            assert f"<strong>{address}</strong>" in html.unescape(shown)
    for raw in ("<script>x", "<img src=x"):
        assert raw not in answer.text
    assert all("\n" not in value for value in answer.headers.values())


@thorough
@given(typed=TYPED, setting=st.one_of(st.sampled_from(HOSTILE), st.text(LETTERS, max_size=260)))
def test_a_setting_is_taken_or_told_why_not_and_kept(open_door: Door, typed: str, setting: str) -> None:
    door = open_door
    form = {"email": typed, "role": "senco", "setting_name": setting}
    answer = door.ask("POST", "/professionals", data=typed_in(door.runtime, "/professionals", form), tick=False)
    assert answer.status_code in (200, 303, 422)
    if answer.status_code == 422:
        assert sentences(answer.text)
        assert value_of(answer.text, "email") == typed
        assert value_of(answer.text, "setting_name") == setting.strip()
    for raw in ("<script>x", "<img src=x"):
        assert raw not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"email": "a@example.org"}', "application/json"),
        (b"email=a@example.org", "text/plain"),
        (b"<email>a@example.org</email>", "application/xml"),
        (b"", "application/x-www-form-urlencoded"),
        (b"email", "application/x-www-form-urlencoded"),
        (b"%", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_not_a_form_is_an_empty_one(body: bytes, kind: str, sqlite_door: Door) -> None:
    answer = sqlite_door.ask("POST", "/parents", content=body, headers={"content-type": kind})
    assert answer.status_code == 422
    assert sentences(answer.text) == {"Enter your email address"}


def test_of_a_repeated_field_the_first_counts_also_on_the_second_press(sqlite_door: Door) -> None:
    body = b"email=one%40example.org&email=two%40example.org"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    page = sqlite_door.ask("POST", "/parents", content=body, headers=kind).text
    sure = value_of(page, robots.SURE)
    pressed = {"email": "one@example.org", robots.SURE: sure}
    assert sqlite_door.ask("POST", "/parents", data=pressed).status_code == 303
