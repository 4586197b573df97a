"""Every copy has an envelope sender of its own: read by us alone, whatever the mail servers on its way made of it."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core import settings
from newsletter.core.clock import ManualClock
from newsletter.core.crypto import Crypto
from newsletter.core.errors import ConfigurationError
from newsletter.delivery.models import DeliveryKind
from newsletter.delivery.return_paths import Origin, ReturnPaths
from newsletter.delivery.sending import Sender
from newsletter.providers import registry
from tests.conftest import SECRET, make_runtime
from tests.fakes import MailServer
from tests.newsletter.delivery.scene import add_readers, opened_edition, set_up, states

PATHS = ReturnPaths(Crypto(SECRET), "bounces@bounce.example.org")

deliveries = st.integers(1, 2**40 - 1)
editions = st.none() | st.integers(1, 2**24 - 1)
kinds = st.sampled_from(DeliveryKind)


def path(delivery_id: int, edition_id: int | None, kind: DeliveryKind) -> str:
    write = PATHS.writer(kind, edition_id)
    assert write is not None
    return write(delivery_id)


def sent_by(sqlite_url: str, clock: ManualClock, data_dir: Path, server: MailServer, **more: object) -> str:
    """Send an edition to five readers through the mail server; the name of the sender's address."""
    values = {"smtp_host": "127.0.0.1", "smtp_port": str(server.port), "smtp_tls": "none"}
    runtime = make_runtime(sqlite_url, clock, data_dir, mail_provider="smtp", provider_values=values, **more)
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 5)
    edition = opened_edition(runtime, mailing_list)

    async def send() -> None:
        provider = registry.make_configured(runtime)
        await Sender(runtime, provider).send_until_idle()
        await provider.aclose()

    asyncio.run(send())
    assert states(runtime, edition) == {"accepted": 5}
    runtime.db.dispose()
    return str(server.received[0].parsed["From"].addresses[0].addr_spec)


def test_each_copy_leaves_with_an_envelope_sender_of_its_own(
    sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer
) -> None:
    sent_by(sqlite_url, clock, tmp_path, mail_server, bounce_address="bounces@bounce.example.org")
    senders = {mail.sender for mail in mail_server.received}
    assert len(senders) == 5
    origins = [PATHS.find(sender) for sender in sorted(senders)]
    assert {(found.edition_id, found.kind) for found in origins if found} == {(1, DeliveryKind.EDITION)}
    assert len({found.delivery_id for found in origins if found}) == 5
    for mail in mail_server.received:
        assert mail.sender.startswith("bounces+")
        assert mail.sender.endswith("@bounce.example.org")
        assert mail.parsed["Return-Path"] is None, "whoever receives it writes that"
        assert b"bounces+" not in mail.content


def test_without_an_address_for_bounces_the_envelope_sender_is_that_of_the_list(
    sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer
) -> None:
    sender = sent_by(sqlite_url, clock, tmp_path, mail_server)
    assert {mail.sender for mail in mail_server.received} == {sender}


@given(deliveries, editions, kinds)
def test_it_says_which_delivery_it_was_and_fits_into_an_envelope(
    delivery_id: int, edition_id: int | None, kind: DeliveryKind
) -> None:
    address = path(delivery_id, edition_id, kind)
    assert len(address.partition("@")[0]) <= 64
    assert PATHS.find(address) == Origin(delivery_id, edition_id, kind)


@pytest.mark.parametrize(
    "changed",
    ["{}", "<{}>", "rfc822; {}", "SRS0=mB9f=XQ=bounce.example.org={}", "prvs=1234567890={}", "one@example.org, {}"],
)
@pytest.mark.parametrize("fold", [str, str.lower, str.upper, str.title])
def test_it_is_read_whatever_mail_servers_made_of_it(changed: str, fold: type[str]) -> None:
    address = path(7, 3, DeliveryKind.EDITION)
    assert PATHS.find(changed.format(fold(address))) == Origin(7, 3, DeliveryKind.EDITION)
    local = address.partition("@")[0]
    assert PATHS.find(f"{fold(local)}@forwarder.example.org") == Origin(7, 3, DeliveryKind.EDITION)


def test_it_is_read_after_the_setting_was_taken_away() -> None:
    assert ReturnPaths(Crypto(SECRET)).find(path(7, None, DeliveryKind.WELCOME)) == Origin(
        7, None, DeliveryKind.WELCOME
    )


@given(deliveries, st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_nobody_can_make_one_up(delivery_id: int, position: int, letter: str) -> None:
    address = path(delivery_id, 1, DeliveryKind.EDITION)
    at = len("bounces+") + position
    changed = address[:at] + letter + address[at + 1 :]
    assert changed == address or PATHS.find(changed) is None
    assert ReturnPaths(Crypto("quite another secret than the one before")).find(address) is None


@given(st.text())
def test_any_other_text_belongs_to_nothing(text: str) -> None:
    assert PATHS.find(text) is None


@pytest.mark.parametrize(
    "address",
    ["bounces", "@bounce.example.org", "bounces+more@bounce.example.org", "bounces@localhost", "a b@example.org",
     "a-very-long-name-for-bounces@bounce.example.org", "Bounces <bounces@bounce.example.org>", "bounces@ex ample.org"],
)  # fmt: skip
def test_an_address_for_bounces_that_cannot_carry_a_token_is_refused(tmp_path: Path, address: str) -> None:
    given = {"NEWSLETTER_DATA_DIR": str(tmp_path), "NEWSLETTER_BOUNCE_ADDRESS": address}
    with pytest.raises(ConfigurationError, match="NEWSLETTER_BOUNCE_ADDRESS"):
        settings.load(given, env_file=None)


def test_the_longest_address_for_bounces_still_fits(tmp_path: Path) -> None:
    address = "newsletter.bounces-2026@bounce.example.org"
    given = {"NEWSLETTER_DATA_DIR": str(tmp_path), "NEWSLETTER_BOUNCE_ADDRESS": address}
    assert settings.load(given, env_file=None).bounce_address == address
    write = ReturnPaths(Crypto(SECRET), address).writer(DeliveryKind.EDITION, 1)
    assert write is not None
    assert len(write(1).partition("@")[0]) == 64
