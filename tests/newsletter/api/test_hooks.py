"""What a mail provider tells us counts once, for the right delivery, and only when it comes from that provider."""

import asyncio
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings
from newsletter.delivery.models import DeliveryState, Receipt
from newsletter.delivery.sending import Sender
from newsletter.providers import notify
from newsletter.providers.base import ProviderContext
from subscribers.models import Subscriber, SubscriberState
from tests.conftest import START
from tests.newsletter.api.conftest import problem
from tests.newsletter.delivery.coming_back import receipts
from tests.newsletter.delivery.scene import add_readers, address, assert_counts_are_right, deliveries, opened_edition
from tests.newsletter.delivery.scene import set_up as set_up_list
from tests.newsletter.providers.notify_service import CONFIG, NotifyService
from tests.newsletter.web.conftest import Door

TOKEN = "a token that only Notify and we know"


@dataclass
class Sent:
    """An edition that two readers were sent through Notify, and Notify's way back to us."""

    door: Door
    edition: int
    readers: list[int]
    calls: list[dict[str, Any]]

    def call_back(self, number: int = 0, *, token: str | None = TOKEN, **changed: object) -> httpx.Response:
        call = self.calls[number]
        said = {
            "id": f"740e5834-3a29-46b4-9a6f-16142fde533{number}",
            "reference": call["reference"],
            "to": call["email_address"],
            "status": "delivered",
            "created_at": "2026-11-03T09:00:00.000000Z",
            "completed_at": "2026-11-03T09:00:05.000000Z",
            "sent_at": "2026-11-03T09:00:01.000000Z",
            "notification_type": "email",
            "template_id": "f33517ff-2a88-4f6e-b855-c550268ce08a",
            "template_version": 1,
            **changed,
        }
        return self.post(json.dumps(said).encode(), token=token)

    def post(self, body: bytes, *, token: str | None = TOKEN, provider: str = "notify") -> httpx.Response:
        headers: dict[str, str | bytes] = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {token}".encode("latin-1")} if token else {}
        )
        return self.door.ask("POST", f"/hooks/{provider}", content=body, headers=headers)

    def reader_id(self, number: int) -> int:
        return next(id for n, id in enumerate(self.readers) if address(n) == self.calls[number]["email_address"])

    def state(self, number: int = 0) -> DeliveryState:
        rows = deliveries(self.door.runtime, self.edition)
        return next(row.state for row in rows if row.subscriber_id == self.reader_id(number))

    def reader(self, number: int = 0) -> SubscriberState:
        with self.door.runtime.db.reading() as session:
            return session.get_one(Subscriber, self.reader_id(number)).state

    def receipts(self) -> list[Receipt]:
        with self.door.runtime.db.reading() as session:
            assert_counts_are_right(session)
            return receipts(session)


def with_settings(runtime: Runtime, **provider_values: str) -> Runtime:
    values = {f"notify_{name}": value for name, value in provider_values.items()}
    changed: Settings = runtime.settings.model_copy(update={"mail_provider": "notify", "provider_values": values})
    return replace(runtime, settings=changed)


@pytest.fixture
def sent(runtime: Runtime) -> Sent:
    runtime = with_settings(runtime, callback_token=TOKEN)
    mailing_list = set_up_list(runtime)
    readers = add_readers(runtime, mailing_list, 2)
    edition = opened_edition(runtime, mailing_list)
    service = NotifyService()
    context = ProviderContext(CONFIG, runtime.settings.data_dir, runtime.clock)

    async def send() -> None:
        provider = notify.make(context, transport=httpx.MockTransport(service))
        try:
            await Sender(runtime, provider).send_until_idle()
        finally:
            await provider.aclose()

    asyncio.run(send())
    return Sent(Door(runtime), edition, readers, service.accepted)


@pytest.mark.parametrize(
    ("status", "delivery", "reader"),
    [
        ("delivered", DeliveryState.DELIVERED, SubscriberState.CONFIRMED),
        ("permanent-failure", DeliveryState.BOUNCED, SubscriberState.SUSPENDED),
        ("temporary-failure", DeliveryState.BOUNCED, SubscriberState.CONFIRMED),
        ("technical-failure", DeliveryState.BOUNCED, SubscriberState.CONFIRMED),
        ("sending", DeliveryState.ACCEPTED, SubscriberState.CONFIRMED),
    ],
)
def test_a_receipt_counts_once_for_the_delivery_it_is_about(
    sent: Sent, status: str, delivery: DeliveryState, reader: SubscriberState
) -> None:
    for _ in range(2):
        response = sent.call_back(status=status)
        assert (response.status_code, response.text) == (200, "{}")
        assert "set-cookie" not in response.headers
    assert (sent.state(0), sent.reader(0)) == (delivery, reader)
    assert (sent.state(1), sent.reader(1)) == (DeliveryState.ACCEPTED, SubscriberState.CONFIRMED)
    (receipt,) = sent.receipts()
    assert receipt.source == "notify"
    assert f"status: {status}" in receipt.evidence


def test_what_is_kept_and_logged_names_nobody(sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sent.call_back(status="permanent-failure")
    (receipt,) = sent.receipts()
    everything = repr(receipt) + "".join(str(record.__dict__) for record in caplog.records if "newsl" in record.name)
    for personal in (sent.calls[0]["email_address"], sent.calls[0]["reference"], TOKEN):
        assert personal not in everything


def test_without_the_token_nothing_is_believed(sent: Sent) -> None:
    for token in (None, "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\xe9" * 32):
        refused = sent.call_back(token=token, status="delivered")
        problem(refused, 401, "key-needed")
        assert refused.headers["www-authenticate"] == "Bearer"
    assert sent.receipts() == []


def test_a_receipt_about_somebody_elses_message_changes_nothing(sent: Sent) -> None:
    other = sent.calls[1]["email_address"]
    for changed in ({"reference": "0" * 32}, {"reference": None}, {"to": "stranger@example.org"}, {"to": other}):
        assert sent.call_back(id=str(changed), status="permanent-failure", **changed).status_code == 200
    assert {receipt.outcome.value for receipt in sent.receipts()} == {"no delivery"}
    assert {sent.state(0), sent.state(1)} == {DeliveryState.ACCEPTED}


def test_only_the_provider_in_use_is_listened_to(sqlite_runtime: Runtime) -> None:
    silent = Door(with_settings(sqlite_runtime))
    for door, provider in (
        (silent, "notify"), (silent, "smtp"), (silent, "nobody"), (silent, "base"), (Door(sqlite_runtime), "outbox"),
    ):  # fmt: skip
        refused = door.ask("POST", f"/hooks/{provider}", content=b"{}", headers={"authorization": f"Bearer {TOKEN}"})
        assert refused.status_code == 404
    assert silent.get("/hooks/notify").status_code == 405


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(
        st.sampled_from(["id", "to", "reference", "status", "notification_type"]), each), max_leaves=8,
    ).map(lambda said: json.dumps(said).encode())
)  # fmt: skip
def test_whatever_is_called_in_is_taken_or_refused_and_never_a_fault(sqlite_runtime: Runtime, body: bytes) -> None:
    door = Door(with_settings(sqlite_runtime, callback_token=TOKEN))
    response = door.ask("POST", "/hooks/notify", content=body, headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code in (200, 400)


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLETTER_NOTIFY_CALLBACK_TOKEN"):
        notify.receiver(ProviderContext({"callback_token": "short"}, tmp_path, ManualClock(START)))
