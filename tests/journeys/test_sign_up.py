"""A parent signs up, a professional registers: from the form to the welcome, and all that can go wrong on the way."""

import io
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from subscribers import importing, lists
from subscribers.models import Consent, Subscriber, SubscriberState, Wording
from tests.journeys.conftest import House
from tests.mails import assert_keeps_the_rules

PARENT = "parent@example.org"


def confirmed(house: House) -> int:
    with house.runtime.db.reading() as session:
        return len(session.exec(select(Subscriber).where(Subscriber.state == SubscriberState.CONFIRMED)).all())


def test_a_parent_signs_up_confirms_and_is_welcomed(house: House) -> None:
    page = house.browser.post("/parents", data={"email": f"  {PARENT} "})
    assert page.status_code == 200
    assert "Check your email" in page.text
    assert PARENT in page.text
    assert confirmed(house) == 0

    house.tick(seconds=1)
    (confirmation,) = house.inbox(PARENT)
    assert_keeps_the_rules(confirmation)
    assert confirmation.parsed["Auto-Submitted"] == "auto-generated"
    assert confirmation.parsed["List-Unsubscribe"] is None
    link = confirmation.link("/confirm/")

    for _ in range(100):  # scanners
        assert house.browser.get(link).status_code == 200
        assert house.browser.head(link).status_code in (200, 405)
    assert confirmed(house) == 0

    assert "Start my emails" in house.browser.get(link).text
    first, second = house.browser.post(link), house.browser.post(link)
    assert first.status_code == second.status_code == 200
    assert confirmed(house) == 1

    house.tick(seconds=1)
    _, welcome = house.inbox(PARENT)
    assert_keeps_the_rules(welcome)
    house.tick(days=1)
    assert len(house.inbox(PARENT)) == 2

    with house.runtime.db.reading() as session:
        (consent,) = session.exec(select(Consent)).all()
        wording = session.get(Wording, consent.wording_id)
        assert wording is not None
        assert wording.text.split("\n")[0] in house.browser.get("/parents").text.replace("&#39;", "'")
        assert consent.source == "web form"
        assert consent.confirmed_at is not None


def test_the_code_confirms_too_where_the_page_is_still_open(house: House) -> None:
    page = house.browser.post("/parents", data={"email": PARENT})
    house.send()
    form = hidden_fields(page)
    wrong = "000000" if house.inbox(PARENT)[0].code != "000000" else "111111"
    refused = house.browser.post("/confirm/code", data={**form, "code": wrong})
    assert refused.status_code == 422
    assert confirmed(house) == 0
    code = house.inbox(PARENT)[0].code
    accepted = house.browser.post("/confirm/code", data={**form, "code": f" {code[:3]} {code[3:]} "})
    assert accepted.status_code == 200
    assert confirmed(house) == 1


def test_the_code_stops_working_after_half_an_hour_and_after_five_tries(house: House) -> None:
    page = house.browser.post("/parents", data={"email": PARENT})
    house.send()
    code = house.inbox(PARENT)[0].code
    house.clock.move(timedelta(minutes=31))
    assert house.browser.post("/confirm/code", data={**hidden_fields(page), "code": code}).status_code == 422

    page = house.browser.post("/parents", data={"email": "other@example.org"})
    house.send()
    code = house.inbox("other@example.org")[0].code
    for number in range(5):
        wrong = f"{(int(code) + number + 1) % 1_000_000:06}"
        assert house.browser.post("/confirm/code", data={**hidden_fields(page), "code": wrong}).status_code == 422
    assert house.browser.post("/confirm/code", data={**hidden_fields(page), "code": code}).status_code == 422
    assert confirmed(house) == 0


def test_an_expired_link_says_so_and_a_press_sends_a_new_one(house: House) -> None:
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    old = house.inbox(PARENT)[0].link("/confirm/")
    house.clock.move(timedelta(days=7, minutes=1))
    page = house.browser.get(old)
    assert "expired" in page.text
    assert PARENT not in page.text
    assert house.browser.post(old).status_code != 500
    assert confirmed(house) == 0

    action = form_action(page, "Get a new link")
    assert house.browser.post(action).status_code == 200
    house.send()
    new = house.inbox(PARENT)[-1].link("/confirm/")
    assert new != old
    house.browser.post(new)
    assert confirmed(house) == 1


def test_who_has_not_confirmed_is_reminded_once_and_the_reminder_works(house: House) -> None:
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    house.tick(hours=23)
    assert len(house.inbox(PARENT)) == 1
    for _ in range(5):
        house.tick(hours=6)
    _, reminder = house.inbox(PARENT)
    assert_keeps_the_rules(reminder)
    assert reminder.parsed["List-Unsubscribe"] is None
    house.browser.post(reminder.link("/confirm/"))
    assert confirmed(house) == 1


def test_the_link_of_a_reminder_works_no_longer_than_the_request_is_kept(house: House) -> None:
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    house.tick(hours=71)
    link = house.inbox(PARENT)[-1].link("/confirm/")
    house.clock.move(timedelta(hours=97, seconds=-1))
    assert "Start my emails" in house.browser.get(link).text
    house.clock.move(timedelta(seconds=2))
    for page in (house.browser.get(link), house.browser.post(link)):
        assert page.status_code == 410
    assert confirmed(house) == 0


def test_people_who_were_imported_are_reminded_too(house: House) -> None:
    with house.runtime.db.transaction() as session:
        list_id = lists.by_slug(session, "parents").id
        assert list_id is not None
        report = importing.import_file(
            session,
            house.runtime.crypto,
            mailing_list_id=list_id,
            file=io.StringIO("email\n" + PARENT),
            already_confirmed=False,
            now=house.clock.now(),
            dry_run=False,
        )
    assert len(report.to_confirm) == 1
    house.tick(hours=25)
    assert [mail.subject.partition(":")[0] for mail in house.inbox(PARENT)] == ["You have not finished signing up"]


def test_a_link_whose_record_is_gone_says_so_and_leads_back_to_the_form(house: House) -> None:
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    link = house.inbox(PARENT)[0].link("/confirm/")
    house.tick(days=8)
    page = house.browser.get(link)
    assert "expired" in page.text
    answer = house.browser.post(form_action(page, "Get a new link"))
    assert answer.status_code < 500
    assert 'href="/parents"' in answer.text
    assert house.inbox(PARENT)[1:] == []
    assert confirmed(house) == 0


def test_who_did_not_ask_says_so_and_is_left_alone_for_a_month(house: House) -> None:
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    link = house.inbox(PARENT)[0].link("/confirm/")
    page = house.browser.get(link)
    assert house.browser.post(form_action(page, "I did not ask for this")).status_code == 200
    with house.runtime.db.reading() as session:
        assert session.exec(select(Subscriber)).all() == []
    for days in (1, 28):
        house.clock.move(timedelta(days=days))
        assert "Check your email" in house.browser.post("/parents", data={"email": PARENT}).text
        house.send()
        assert len(house.inbox(PARENT)) == 1
    house.tick(days=2)
    house.browser.post("/parents", data={"email": PARENT})
    house.send()
    assert len(house.inbox(PARENT)) == 2


def test_a_professional_registers_with_role_and_setting(house: House) -> None:
    address = "senco@example.org"
    form = {"email": address, "role": "senco", "setting_name": "Little Acorns Nursery", "phase": "early-years"}
    assert "Check your email" in house.register(form).text
    house.send()
    house.browser.post(house.inbox(address)[0].link("/confirm/"))
    with house.runtime.db.reading() as session:
        (subscriber,) = session.exec(select(Subscriber)).all()
        assert subscriber.setting_name == "Little Acorns Nursery"
        assert subscriber.state is SubscriberState.CONFIRMED
    house.send()
    assert_keeps_the_rules(house.inbox(address)[-1])


def test_the_same_address_may_be_on_both_lists_and_neither_page_says_so(house: House) -> None:
    house.sign_up_as_parent(PARENT)
    form = {"email": PARENT, "role": "senco", "setting_name": "Somewhere"}
    page = house.register(form)
    assert "parents and carers" not in page.text.lower().split("<main")[1].split("</main")[0]
    house.send()
    house.browser.post(house.inbox(PARENT)[-1].link("/confirm/"))
    with house.runtime.db.reading() as session:
        hashes = {subscriber.address_hash for subscriber in session.exec(select(Subscriber)).all()}
    assert len(hashes) == 2


def test_at_most_three_mails_reach_an_address_in_a_day(house: House) -> None:
    for _ in range(6):
        assert "Check your email" in house.browser.post("/parents", data={"email": PARENT}).text
        house.tick(minutes=10)
    assert len(house.inbox(PARENT)) == 3


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"email": ""},
        {"email": "not an address"},
        {"email": "x" * 300 + "@example.org"},
        {"email": "a@example.org\r\nBcc: b@example.org"},
        {"email": ["a@example.org", "b@example.org, c@example.org"]},
    ],
)
def test_what_cannot_be_used_is_said_and_nobody_is_mailed(house: House, form: dict[str, str]) -> None:
    page = house.browser.post("/parents", data=form)
    assert page.status_code in (200, 422)
    house.send()
    assert len({mail.recipients for mail in house.mail_server.received}) <= 1
    assert all("," not in mail.recipients[0] for mail in house.mail_server.received)


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of the form that takes the code."""
    import re

    form = next(part for part in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if 'name="code"' in part)
    inputs = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form)
    return {
        re.search(r'name="([^"]*)"', field).group(1): re.search(r'value="([^"]*)"', field).group(1)  # type: ignore[union-attr]
        for field in inputs
    }


def form_action(page: httpx.Response, button: str) -> str:
    """Where the form goes whose button has these words."""
    import re

    form = next(part for part in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if button in part)
    found = re.search(r'action="([^"]*)"', form)
    return found.group(1) if found else str(page.url)
