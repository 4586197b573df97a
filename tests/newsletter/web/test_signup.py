"""The sign-up forms: the same answer for everybody, nothing typed is lost, nobody is dropped."""

import html
import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery.models import Delivery, DeliveryKind
from newsletter.web import robots
from subscribers import lists, preferences, signup, suppression
from subscribers.models import Attempt, Consent, Role, Subscriber, SubscriberState, SuppressionReason, Wording
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door, hidden

ADDRESS = "reader@example.org"


def letters(runtime: Runtime) -> list[DeliveryKind]:
    with runtime.db.reading() as session:
        return list(session.exec(select(Delivery.kind).order_by(Delivery.id)))  # type: ignore[arg-type]


def subscribers(runtime: Runtime) -> list[Subscriber]:
    with runtime.db.reading() as session:
        found = list(session.exec(select(Subscriber)))
        session.expunge_all()
        return found


def make_new(runtime: Runtime) -> None:
    pass


def make_pending(runtime: Runtime) -> None:
    town.subscriber(runtime, ADDRESS, confirmed=False)


def make_confirmed(runtime: Runtime) -> None:
    town.subscriber(runtime, ADDRESS)


def make_left(runtime: Runtime) -> None:
    subscriber_id = town.subscriber(runtime, ADDRESS)
    with runtime.db.transaction() as session:
        preferences.leave(
            session,
            mailing_list_id=town.parents_id(session),
            subscriber_id=subscriber_id,
            how="button",
            now=runtime.clock.now(),
        )


def make_suspended(runtime: Runtime) -> None:
    subscriber_id = town.subscriber(runtime, ADDRESS)
    with runtime.db.transaction() as session:
        row = session.get(Subscriber, subscriber_id)
        assert row is not None
        row.state = SubscriberState.SUSPENDED


def make_suppressed(runtime: Runtime) -> None:
    with runtime.db.transaction() as session:
        suppression.suppress(session, runtime.crypto, ADDRESS, reason=SuppressionReason.ERASED, now=runtime.clock.now())


def make_tired(runtime: Runtime) -> None:
    """As many mails as an address gets in a day."""
    for _ in range(4):
        with runtime.db.transaction() as session:
            signup.request(
                session,
                runtime.crypto,
                mailing_list_id=town.parents_id(session),
                address=ADDRESS,
                now=runtime.clock.now(),
            )


def fields(page: httpx.Response, button: str) -> dict[str, str]:
    """The hidden fields of the form with this button."""
    form = next(part for part in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if button in part)
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def neutral(response: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """A response without what differs from one request to the next for one and the same address: seals and nonces."""

    def same(text: str) -> str:
        text = re.sub(r"to=[\w-]+", "to=SEAL", text)
        text = re.sub(r'name="to" value="[\w-]+"', 'name="to" value="SEAL"', text)
        text = re.sub(r'name="stamp" value="[\w-]+"', 'name="stamp" value="STAMP"', text)
        text = re.sub(r"nonce-[\w-]+", "nonce-NONCE", text)
        return re.sub(r'nonce="[\w-]+"', 'nonce="NONCE"', text)

    headers = [(name, same(value)) for name, value in response.headers.items()]
    return response.status_code, same(response.text), headers


@pytest.mark.parametrize(
    "make",
    [make_new, make_pending, make_confirmed, make_left, make_suspended, make_suppressed, make_tired],
)
def test_every_address_gets_the_same_answer(make: Callable[[Runtime], None], door: Door) -> None:
    # What an address nobody knows gets, and what this one gets: they differ in the address alone.
    def answers(address: str) -> list[object]:
        posted = door.post("/parents", {"email": address})
        shown = door.get(posted.headers["location"])
        again = door.post("/parents/send-again", {"to": hidden(shown)["to"]})
        wrong = door.post("/confirm/code", {**hidden(shown), "code": "123456"})
        return [
            (status, text.replace(address, "ADDRESS"), [pair for pair in headers if pair[0] != "content-length"])
            for status, text, headers in map(neutral, (posted, shown, again, wrong))
        ]

    make(door.runtime)
    assert answers(ADDRESS) == answers("nobody@example.org")


def test_signing_up_queues_one_confirmation_and_keeps_the_wording_that_was_shown(door: Door) -> None:
    shown = html.unescape(re.sub(r"<[^>]+>", "", door.get("/parents").text))
    for paragraph in town.PARENTS_WORDING.split("\n\n"):
        assert paragraph in shown
    response = door.post("/parents", {"email": f"  {ADDRESS} "})
    assert response.status_code == 303
    assert ADDRESS not in response.headers["location"]
    assert letters(door.runtime) == [DeliveryKind.CONFIRM]
    with door.runtime.db.reading() as session:
        consent = session.exec(select(Consent)).one()
        wording = session.get(Wording, consent.wording_id)
        assert wording is not None
        assert wording.text == town.PARENTS_WORDING
        assert consent.confirmed_at is None


def test_somebody_confirmed_is_told_so_by_mail_alone(door: Door) -> None:
    make_confirmed(door.runtime)
    door.post("/parents", {"email": ADDRESS})
    assert letters(door.runtime) == [DeliveryKind.ALREADY]
    assert subscribers(door.runtime)[0].state is SubscriberState.CONFIRMED


def test_a_parent_is_asked_for_nothing_but_an_address(sqlite_door: Door) -> None:
    page = sqlite_door.get("/parents").text
    assert re.findall(r'<(?:input|select|textarea)[^>]*name="(\w+)"', page) == ["email", "website", "stamp"]
    sqlite_door.post("/parents", {"email": ADDRESS, "role": "senco", "school": "100001", "child": "x"})
    (row,) = subscribers(sqlite_door.runtime)
    assert (row.role, row.school_urn, row.setting_name, row.phase) == (None, None, None, None)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter your email address"),
        ("   ", "Enter your email address"),
        ("not an address", "Enter an email address in the correct format, like name@example.com"),
        ("x" * 250 + "@example.org", "Email address must be 254 characters or fewer"),
    ],
)
def test_a_mistake_is_named_and_what_was_typed_is_kept(typed: str, said: str, sqlite_door: Door) -> None:
    response = sqlite_door.post("/parents", {"email": typed})
    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert 'href="#email"' in response.text
    assert response.text.count(said) == 2  # in the summary and at the field
    assert not typed.strip() or html.escape(typed, quote=True) in response.text
    assert letters(sqlite_door.runtime) == []


def test_every_mistake_of_the_professionals_form_is_named_at_once(sqlite_door: Door) -> None:
    response = sqlite_door.post("/professionals", {"email": "x", "role": "king", "school": "abc", "phase": "moon"})
    assert response.status_code == 422
    for name in ("email", "role", "school", "phase"):
        assert f'href="#{name}"' in response.text
    response = sqlite_door.post("/professionals", {"email": ADDRESS, "role": "senco", "setting_name": "  "})
    assert "Enter your school, or write the name of your setting" in response.text
    assert re.search(r'value="senco" checked', response.text)


@pytest.mark.parametrize("school", ["999999", "0", "-1", "99999999999999999999"])
def test_a_school_that_is_not_in_the_register_is_refused_and_the_rest_kept(school: str, sqlite_door: Door) -> None:
    response = sqlite_door.post("/professionals", {"email": ADDRESS, "role": "senco", "school": school})
    assert response.status_code == 422
    assert ADDRESS in response.text
    assert subscribers(sqlite_door.runtime) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [({"school": "100003"}, (100_003, None)), ({"setting_name": "Example Nursery"}, (None, "Example Nursery"))],
)
def test_a_professional_gives_role_and_setting(
    given: dict[str, str], kept: tuple[int | None, str | None], door: Door
) -> None:
    response = door.register({"email": ADDRESS, "role": "senco", "phase": "", **given})
    assert response.status_code == 303
    (row,) = subscribers(door.runtime)
    assert row.role is Role.SENCO
    assert (row.school_urn, row.setting_name) == kept
    door.post("/professionals/send-again", {"to": hidden(door.get(response.headers["location"]))["to"]})
    assert (subscribers(door.runtime)[0].school_urn, subscribers(door.runtime)[0].setting_name) == kept


def test_a_likely_typing_error_is_pointed_out_once_and_lets_through(sqlite_door: Door) -> None:
    typed = {"email": "reader@gmial.com"}
    notice = sqlite_door.post("/parents", typed)
    assert notice.status_code == 200
    assert "Did you mean reader@gmail.com?" in notice.text
    assert "Yes, use reader@gmail.com" in notice.text
    assert "No, keep reader@gmial.com" in notice.text
    assert letters(sqlite_door.runtime) == []
    for button in ("Yes, use", "No, keep"):
        assert sqlite_door.ask("POST", "/parents", data=fields(notice, button)).status_code == 303
    assert [row.state for row in subscribers(sqlite_door.runtime)] == [SubscriberState.PENDING] * 2


PROFESSIONAL = {"email": ADDRESS, "role": "senco", "school": "", "setting_name": 'The "Acorns" <b>', "phase": "primary"}


@pytest.mark.parametrize(
    "unlike",
    [
        {"website": "https://spam.example.org"},  # the trap
        {"stamp": ""},  # from another site, or a program
        {"stamp": "1790000000-" + "0" * 32},
        {"stamp": "x" * 500},
        {"stamp": "٣-é"},
        {"sure": "1790000000-" + "0" * 32, "stamp": ""},
    ],
)
def test_a_form_unlike_a_persons_is_asked_for_one_more_press_and_nothing_is_lost(
    unlike: dict[str, str], sqlite_door: Door
) -> None:
    asked = sqlite_door.post("/parents", {"email": ADDRESS, **unlike})
    assert asked.status_code == 200
    assert "One more press" in asked.text
    assert "You can stop at any time" in asked.text  # what people agree to, for who came from another site
    assert "spam.example.org" not in asked.text
    assert subscribers(sqlite_door.runtime) == []
    pressed = fields(asked, "Yes, sign me up")
    assert pressed["email"] == ADDRESS
    assert sqlite_door.ask("POST", "/parents", data=pressed).status_code == 303
    assert len(subscribers(sqlite_door.runtime)) == 1


def test_professionals_press_twice_anyway_and_nothing_is_lost(sqlite_door: Door) -> None:
    """The page that shows their answers is the second press, for whoever and whatever sent the form."""
    sent = sqlite_door.ask("POST", "/professionals", data={**PROFESSIONAL, "website": "https://spam.example.org"})
    assert sent.status_code == 303
    assert subscribers(sqlite_door.runtime) == []
    page = sqlite_door.get(sent.headers["location"])
    assert "You can stop at any time" in page.text
    sqlite_door.post("/professionals/check-your-answers", {"to": hidden(page)["to"]})
    (row,) = subscribers(sqlite_door.runtime)
    assert row.setting_name == PROFESSIONAL["setting_name"]


def test_a_form_sent_faster_than_anybody_types_is_asked_for_one_more_press(sqlite_door: Door) -> None:
    form = {"email": ADDRESS, **hidden(sqlite_door.get("/parents"))}
    assert "One more press" in sqlite_door.ask("POST", "/parents", data=form).text
    sqlite_door.runtime.clock.move(robots.TYPING)  # type: ignore[attr-defined]
    assert sqlite_door.ask("POST", "/parents", data=form).status_code == 303


def test_a_page_left_open_for_days_is_asked_for_one_more_press(sqlite_door: Door) -> None:
    form = {"email": ADDRESS, **hidden(sqlite_door.get("/parents"))}
    sqlite_door.runtime.clock.move(robots.LIFETIME)  # type: ignore[attr-defined]
    assert "One more press" in sqlite_door.ask("POST", "/parents", data=form).text


def test_the_stamp_of_one_list_is_nothing_on_another(sqlite_door: Door) -> None:
    form = {"email": ADDRESS, **hidden(sqlite_door.get("/professionals"))}
    sqlite_door.runtime.clock.move(robots.TYPING)  # type: ignore[attr-defined]
    assert "One more press" in sqlite_door.ask("POST", "/parents", data=form).text


def test_the_second_press_is_good_for_its_own_address_alone(sqlite_door: Door) -> None:
    pressed = fields(sqlite_door.ask("POST", "/parents", data={"email": ADDRESS}), "Yes, sign me up")
    other = sqlite_door.ask("POST", "/parents", data={**pressed, "email": "other@example.org"})
    assert "One more press" in other.text
    assert subscribers(sqlite_door.runtime) == []


def test_a_typing_error_on_another_site_takes_two_presses_too(sqlite_door: Door) -> None:
    notice = sqlite_door.ask("POST", "/parents", data={"email": "reader@gmial.com"})
    assert "Did you mean reader@gmail.com?" in notice.text
    assert sqlite_door.ask("POST", "/parents", data=fields(notice, "Yes, use")).status_code == 303


def test_the_seal_is_good_for_an_hour_and_for_its_own_list(sqlite_door: Door) -> None:
    location = sqlite_door.post("/parents", {"email": ADDRESS}).headers["location"]
    assert ADDRESS in sqlite_door.get(location).text
    assert ADDRESS not in sqlite_door.get(location.replace("/parents/", "/professionals/")).text
    broken = location[:-4] + ("aaaa" if not location.endswith("aaaa") else "bbbb")
    assert sqlite_door.get(broken).status_code == 200
    assert ADDRESS not in sqlite_door.get(broken).text
    sqlite_door.runtime.clock.move(timedelta(hours=1, seconds=1))  # type: ignore[attr-defined]
    page = sqlite_door.get(location)
    assert ADDRESS not in page.text
    assert 'name="email"' in page.text  # the code can still be used, with the address typed again
    again = sqlite_door.post("/parents/send-again", {"to": location.rpartition("=")[2]})
    assert again.headers["location"] == "/parents"


def test_the_code_confirms_in_the_page_that_is_still_open(door: Door) -> None:
    page = door.get(door.post("/parents", {"email": ADDRESS}).headers["location"])
    code = signup.code_for(door.runtime.crypto, subscribers(door.runtime)[0])
    refused = door.post("/confirm/code", {**hidden(page), "code": f"{(int(code) + 1) % 1_000_000:06d}"})
    assert refused.status_code == 422
    assert "<title>Error: " in refused.text
    accepted = door.post("/confirm/code", {**hidden(page), "code": f" {code[:3]}-{code[3:]} "})
    assert "Your emails have started" in accepted.text
    assert subscribers(door.runtime)[0].state is SubscriberState.CONFIRMED
    assert letters(door.runtime) == [DeliveryKind.CONFIRM, DeliveryKind.WELCOME]


def test_one_network_can_ask_so_often_and_no_more(door_with: Callable[..., Door]) -> None:
    door = door_with(sign_ups_per_network_per_hour=2, trusted_proxies="192.0.2.1, 192.0.2.2")
    for number in range(2):
        assert door.post("/parents", {"email": f"r{number}@example.org"}).status_code == 303
    refused = door.post("/parents", {"email": "r3@example.org"}, headers={"x-forwarded-for": "198.51.100.7"})
    assert refused.status_code == 429  # what a stranger says about forwarding is not believed
    assert int(refused.headers["retry-after"]) > 0
    assert "r3@example.org" in refused.text  # what was typed is kept
    assert "<title>Error: " in refused.text
    assert "Wait 60 minutes, then press the button again." in refused.text
    for number, forwarded in enumerate(("198.51.100.7", "203.0.113.9, 198.51.100.8, 192.0.2.2")):
        allowed = door.post(
            "/parents",
            {"email": f"p{number}@example.org"},
            peer="192.0.2.1",
            headers={"x-forwarded-for": forwarded},
        )
        assert allowed.status_code == 303
    assert door.post("/parents", {"email": "q@example.org"}, peer="192.0.2.1").status_code == 303


def test_another_list_is_data_not_code(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        extra = town.mailing_list("young-people", "SEND news for young people", Audience.PARENTS, "once a term", 3)
        session.add(extra)
        session.flush()
        lists.add_wording(session, extra, "We will email you once a term.", now=sqlite_door.runtime.clock.now())
    assert "SEND news for young people" in sqlite_door.get("/").text
    assert "We will email you once a term." in sqlite_door.get("/young-people").text
    assert sqlite_door.post("/young-people", {"email": ADDRESS}).status_code == 303


def test_no_token_is_needed_and_no_cookie_set(sqlite_door: Door) -> None:
    token = town.token(sqlite_door.runtime, Purpose.LEAVE, town.subscriber(sqlite_door.runtime, ADDRESS))
    for response in (
        sqlite_door.get("/"),
        sqlite_door.get("/parents"),
        sqlite_door.post("/parents", {"email": "r@example.org"}),
        sqlite_door.post("/parents", {"email": ""}),
        sqlite_door.post(f"/leave/{token}"),
        sqlite_door.get("/nothing-here"),
    ):
        assert "set-cookie" not in response.headers


def test_sending_again_too_often_from_a_network_says_when_and_keeps_the_page(door_with: Callable[..., Door]) -> None:
    door = door_with(sign_ups_per_network_per_hour=1)
    page = door.get(door.post("/parents", {"email": ADDRESS}).headers["location"])
    door.runtime.clock.move(timedelta(minutes=20, seconds=30))  # type: ignore[attr-defined]
    refused = door.post("/parents/send-again", {"to": hidden(page)["to"]})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 39 * 60 + 30
    assert "Wait 40 minutes" in refused.text
    assert 'href="#again"' in refused.text
    assert ADDRESS in refused.text


def test_the_limit_of_mails_is_one_for_an_address_on_all_lists(door: Door) -> None:
    for _ in range(2):
        door.post("/parents", {"email": ADDRESS})
    door.register({"email": ADDRESS.upper(), "role": "senco", "setting_name": "Acorns"})
    door.register({"email": ADDRESS, "role": "senco", "setting_name": "Acorns"})
    with door.runtime.db.reading() as session:
        counted = [attempt.key_hash for attempt in session.exec(select(Attempt))]
    assert len([key for key in counted if key.startswith(b"mail:")]) == 3


def test_wrong_codes_are_counted_also_for_an_address_without_a_row(door: Door) -> None:
    door.post("/confirm/code", {"list": "parents", "email": "nobody@example.org", "code": "123456"})
    with door.runtime.db.reading() as session:
        assert len(session.exec(select(Attempt)).all()) == 1


def test_after_five_wrong_codes_the_right_one_is_worth_nothing_until_a_new_request(door: Door) -> None:
    def code() -> str:
        return signup.code_for(door.runtime.crypto, subscribers(door.runtime)[0])

    page = door.get(door.post("/parents", {"email": ADDRESS}).headers["location"])
    for number in range(1, 6):
        wrong = f"{(int(code()) + number) % 1_000_000:06d}"
        assert door.post("/confirm/code", {**hidden(page), "code": wrong}).status_code == 422
    assert door.post("/confirm/code", {**hidden(page), "code": code()}).status_code == 422
    door.runtime.clock.move(timedelta(seconds=1))  # type: ignore[attr-defined]
    door.post("/parents/send-again", {"to": hidden(page)["to"]})
    assert door.post("/confirm/code", {**hidden(page), "code": code()}).status_code == 200
