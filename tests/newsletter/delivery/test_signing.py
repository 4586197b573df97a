"""With a DKIM key in the settings every copy that leaves is signed; with one that cannot be used nothing starts."""

import asyncio
import re
from pathlib import Path

import dkim as verifier
import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError
from newsletter.delivery.sending import Sender
from newsletter.providers import registry
from newsletter.rendering import dkim
from tests.conftest import make_runtime
from tests.fakes import MailServer
from tests.newsletter.delivery.scene import add_readers, opened_edition, set_up, states
from tests.newsletter.rendering.test_dkim import RSA, rsa_pem


def test_what_the_mail_server_gets_can_be_verified(
    sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer
) -> None:
    values = {"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "none"}
    keys = RSA | {"private_key": rsa_pem()}
    values |= {f"dkim_{name}": value for name, value in keys.items()}
    runtime = make_runtime(sqlite_url, clock, tmp_path, mail_provider="smtp", provider_values=values)
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 4)
    edition = opened_edition(runtime, mailing_list)

    async def send() -> None:
        provider = registry.make_configured(runtime)
        await Sender(runtime, provider).send_until_idle()
        await provider.aclose()

    asyncio.run(send())
    assert states(runtime, edition) == {"accepted": 4}
    signer = dkim.load(keys)
    assert signer is not None
    ((_, record),) = signer.records().items()
    for mail in mail_server.received:
        assert verifier.verify(mail.content, dnsfunc=lambda name, timeout=5: record.encode())
        # RFC 8058, section 4: what lets a mail program stop the emails must be signed.
        signed = re.search(r"\bh=([^;]+)", str(mail.parsed["DKIM-Signature"]))
        assert signed
        names = {name.strip().lower() for name in signed[1].split(":")}
        assert {"list-unsubscribe", "list-unsubscribe-post"} <= names
        assert re.fullmatch(
            r"<http://news\.example\.org/leave/[\w-]{43}>, *<mailto:team@example\.org\?subject=stop%20[\w-]{43}>",
            " ".join(str(mail.parsed["List-Unsubscribe"]).split()),
        )
        assert mail.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    runtime.db.dispose()


def test_a_key_that_cannot_be_used_stops_the_sender_before_anything_is_sent(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    values = {"dkim_domain": "example.org", "dkim_selector": "news", "dkim_private_key": rsa_pem(1024)}
    runtime = make_runtime(sqlite_url, clock, tmp_path, provider_values=values)
    with pytest.raises(ConfigurationError, match="1024 bits"):
        Sender(runtime, registry.make_configured(runtime))
    runtime.db.dispose()
