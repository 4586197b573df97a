"""Each kind of mail as a mail server receives it: its ways to stop work, or it rightly has none (REQ-25)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import pytest

from newsletter.core.tokens import Purpose
from newsletter.delivery import inbox, letters, stopping
from newsletter.delivery.inbox import Taken
from newsletter.delivery.models import DeliveryKind, ReceiptKind, ReceiptOutcome
from scheduler import jobs
from subscribers import bursts, identity, lists, reminding
from subscribers.models import BurstDecision, SubscriberState
from tests.journeys.conftest import House
from tests.journeys.test_publish_and_leave import publish
from tests.mails import Mail, assert_keeps_the_rules

READER, NEW = "reader@school.example.org", "moved@school.example.org"


def as_confirm(house: House) -> Mail:
    house.browser.post("/parents", data={"email": READER})
    house.send()
    return house.inbox(READER)[-1]


def as_welcome(house: House) -> Mail:
    house.sign_up_as_parent(READER)
    return house.inbox(READER)[-1]


def as_already(house: House) -> Mail:
    house.sign_up_as_parent(READER)
    return as_confirm(house)


def as_edition(house: House) -> Mail:
    house.sign_up_as_parent(READER)
    publish(house, "parents")
    house.tick()
    return house.inbox(READER)[-1]


def as_goodbye(house: House) -> Mail:
    house.browser.post(as_welcome(house).link("/leave/"))
    house.send()
    return house.inbox(READER)[-1]


def as_new_address(house: House) -> Mail:
    manage = as_welcome(house).link("/manage/")
    assert house.browser.post(f"{manage}/address", data={"email": NEW}).status_code == 200
    house.send()
    return house.inbox(NEW)[-1]


def as_address_changed(house: House) -> Mail:
    house.browser.post(as_new_address(house).link("/confirm/"))
    house.send()
    return house.inbox(READER)[-1]


def as_still_on(house: House) -> Mail:
    """A mail filter presses five links of one school, and somebody sees what it was."""
    links = [as_welcome(house).one_click_url]
    for number in range(4):
        address = f"colleague-{number}@school.example.org"
        house.sign_up_as_parent(address)
        links.append(house.inbox(address)[-1].one_click_url)
    for link in links:
        assert house.browser.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with house.runtime.db.transaction() as session:
        (burst,) = bursts.held(session, house.runtime.crypto)
        stopping.settle(session, burst.burst_id, BurstDecision.DISMISSED, by=None, now=house.clock.now())
    house.send()
    return house.inbox(READER)[-1]


def as_reminder(house: House) -> Mail:
    as_confirm(house)
    house.clock.move(reminding.EARLIEST)
    jobs.remind(house.runtime)
    house.send()
    return house.inbox(READER)[-1]


def as_queued(house: House, kind: DeliveryKind) -> Mail:
    """A letter that the clock queues a year later, or for somebody's colleague."""
    with house.runtime.db.transaction() as session:
        list_id = lists.by_slug(session, "parents").id
        assert list_id is not None
        found = identity.find(session, house.runtime.crypto, list_id, READER)
        assert found is not None
        assert found.id is not None
        letters.queue(session, kind, mailing_list_id=list_id, subscriber_id=found.id, now=house.clock.now())
    house.send()
    return house.inbox(READER)[-1]


def as_still_you(house: House) -> Mail:
    as_welcome(house)
    return as_queued(house, DeliveryKind.STILL_YOU)


def as_still_you_reminder(house: House) -> Mail:
    as_welcome(house)
    return as_queued(house, DeliveryKind.STILL_YOU_REMINDER)


def as_hand_over(house: House) -> Mail:
    as_confirm(house)
    return as_queued(house, DeliveryKind.HAND_OVER)


@dataclass(frozen=True)
class Ways:
    """What a kind of mail has: in its header, in its body, or why it has none."""

    make: Callable[[House], Mail]
    subject: str
    header: bool = False
    body: bool = False
    none_because: str = ""


WAYS = {
    DeliveryKind.EDITION: Ways(as_edition, "", header=True, body=True),
    DeliveryKind.WELCOME: Ways(as_welcome, "You are signed up", header=True, body=True),
    DeliveryKind.ALREADY: Ways(as_already, "You are already signed up", body=True),
    DeliveryKind.STILL_ON: Ways(as_still_on, "Your emails go on", body=True),
    DeliveryKind.CONFIRM: Ways(as_confirm, "Confirm your email", none_because="nothing has begun that could stop"),
    DeliveryKind.NEW_ADDRESS: Ways(as_new_address, "Confirm your new", none_because="nothing comes here yet"),
    DeliveryKind.REMINDER: Ways(as_reminder, "You have not finished", none_because="nothing has begun that could stop"),
    DeliveryKind.HAND_OVER: Ways(as_hand_over, "A colleague", none_because="nothing comes here yet"),
    DeliveryKind.STILL_YOU: Ways(as_still_you, "Are these emails still", header=True, body=True),
    DeliveryKind.STILL_YOU_REMINDER: Ways(as_still_you_reminder, "", header=True, body=True),
    DeliveryKind.GOODBYE: Ways(as_goodbye, "Your emails have stopped", none_because="they have stopped"),
    DeliveryKind.ADDRESS_CHANGED: Ways(
        as_address_changed, "Your email address was changed", none_because="they have stopped at this address"
    ),
}


def test_no_kind_of_mail_is_forgotten() -> None:
    assert set(WAYS) == set(DeliveryKind)
    assert all((ways.header or ways.body) is not bool(ways.none_because) for ways in WAYS.values())


def state(house: House) -> SubscriberState:
    with house.runtime.db.reading() as session:
        list_id = lists.by_slug(session, "parents").id
        assert list_id is not None
        found = identity.find(session, house.runtime.crypto, list_id, READER)
        assert found is not None
        return found.state


def stops(house: House, url: str, sent: dict[str, str]) -> None:
    assert house.browser.get(url).status_code == 200
    assert state(house) is SubscriberState.CONFIRMED
    answer = house.browser.post(url, data=sent)
    assert (answer.status_code, answer.history) == (200, [])
    assert "Your emails have stopped" in answer.text
    assert state(house) is SubscriberState.LEFT


@pytest.mark.parametrize("kind", list(WAYS), ids=str)
def test_the_way_out_in_the_header_works(house: House, kind: DeliveryKind) -> None:
    mail = WAYS[kind].make(house)
    assert mail.subject.startswith(WAYS[kind].subject)
    assert_keeps_the_rules(mail)
    assert (mail.parsed["List-Unsubscribe"] is not None) is WAYS[kind].header
    assert (mail.parsed["List-Unsubscribe-Post"] is not None) is WAYS[kind].header
    if WAYS[kind].header:
        stops(house, mail.one_click_url, {"List-Unsubscribe": "One-Click"})


def taken(house: House, message: EmailMessage) -> Taken:
    with house.runtime.db.transaction() as session:
        raw = message.as_bytes()
        return inbox.take(session, house.runtime.crypto, house.runtime.tokens, raw, now=house.clock.now())


@pytest.mark.parametrize("kind", [kind for kind, ways in WAYS.items() if ways.header], ids=str)
def test_a_mail_to_the_address_in_the_header_stops_the_emails_too(house: House, kind: DeliveryKind) -> None:
    header = " ".join(str(WAYS[kind].make(house).parsed["List-Unsubscribe"]).split())
    found = re.search(r"<mailto:([^?>]+)\?subject=([^>]+)>", header)
    assert found
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = "another@example.org", found[1], "<one@mail.example.org>"
    message["Subject"] = unquote(found[2])
    assert (taken(house, message).kind, state(house)) == (ReceiptKind.LEAVE, SubscriberState.LEFT)
    house.send()
    assert house.inbox(READER)[-1].subject.startswith("Your emails have stopped")
    number = len(house.inbox(READER))
    assert not taken(house, message).is_new
    message.replace_header("Message-ID", "<two@mail.example.org>")
    assert taken(house, message).outcome is ReceiptOutcome.NOTHING_NEW
    house.send()
    assert len(house.inbox(READER)) == number


def test_a_mail_with_another_subject_stops_nothing(house: House) -> None:
    mail = as_welcome(house)
    token = mail.one_click_url.rpartition("/")[2]
    answers = [
        "Please stop",
        "stop " + token[:-1],
        f"stop {token[:-1]}{'A' if token[-1] != 'A' else 'E'}",
        f"Re: {token}",
    ]
    for number, subject in enumerate([*answers, f"=?utf-8?q?stop_{token[:20]}?=", "=?broken?x?stop?="]):
        message = EmailMessage()
        message["From"], message["Message-ID"] = READER, f"<{number}@mail.example.org>"
        message["Subject"] = subject
        message.set_content(f"You wrote: {mail.one_click_url}")
        taken(house, message)
    assert state(house) is SubscriberState.CONFIRMED


@pytest.mark.parametrize("kind", [kind for kind, ways in WAYS.items() if ways.body], ids=str)
def test_the_way_out_in_the_body_works_as_the_page_offers_it(house: House, kind: DeliveryKind) -> None:
    mail = WAYS[kind].make(house)
    url = mail.link("/leave/")
    assert url in mail.text
    (form,) = [
        found
        for found in re.findall(r"<form.*?</form>", house.browser.get(url).text, re.DOTALL)
        if "Stop these emails" in found
    ]
    action = re.search(r'action="([^"]+)"', form)
    assert action
    assert action[1] == urlsplit(url).path
    fields = dict(re.findall(r'name="(\w+)" value="(\w+)"', form))
    assert fields == ({"sure": "yes"} if kind is DeliveryKind.STILL_ON else {})
    stops(house, url, fields)


@pytest.mark.parametrize("kind", [kind for kind, ways in WAYS.items() if ways.none_because], ids=str)
def test_a_mail_without_a_way_out_begins_and_stops_nothing(house: House, kind: DeliveryKind) -> None:
    mail = WAYS[kind].make(house)
    before = state(house)
    personal = {Purpose.LEAVE: 0, Purpose.MANAGE: 0, Purpose.CONFIRM: 0}
    for link in mail.links:
        if link.startswith(house.runtime.settings.base_url):
            assert house.browser.get(link).status_code == 200
            for purpose in personal:
                personal[purpose] += f"/{purpose.value}/" in link
    is_asking = kind not in (DeliveryKind.GOODBYE, DeliveryKind.ADDRESS_CHANGED)
    is_told = kind is DeliveryKind.ADDRESS_CHANGED  # its link leads to the button that brings them back
    assert personal == {Purpose.LEAVE: int(is_told), Purpose.MANAGE: 0, Purpose.CONFIRM: int(is_asking)}
    assert state(house) is before
    if is_told:
        assert mail.link("/leave/").endswith("/return")
