"""An edition on its way through a real mail server, and what comes back of it.

The product hands its mail to a Postfix, which passes it on to where the readers' mailboxes are (a server of the test).
What is refused there comes back from Postfix as a notice, to the envelope sender that only that copy had, and Postfix
hands it to `newsletter receipts take` as it would to any command: through pipe(8), as somebody who is not root.
"""

import csv
import json
import os
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TypeVar

import dkim as verifier
import pytest

from newsletter.rendering import dkim
from tests.fakes import MailServer
from tests.mails import Mail, assert_keeps_the_rules
from tests.newsletter.rendering.test_dkim import RSA, rsa_pem
from tests.postfix import PATIENCE_S, Postfix

SCRIPT = Path(sys.executable).parent / "newsletter"

OUT_OF_REACH = "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2"

#: The end of one message, and what is said for the next.
PIPELINED = re.compile(rb"\r\n\.\r\nMAIL FROM:[^\r]*\r\nRCPT TO:[^\r]*\r\nDATA\r\n$")

#: What Postfix runs: it hands the message over to the test and ends as the command there ended. (The user it runs as
#: may not read the directory that the product is tested from.)
HAND_OVER = """\
#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port} || exit 75
message=$(mktemp) || exit 75
cat > "$message"
stat -c %s "$message" >&3
cat "$message" >&3
rm "$message"
read -r code <&3
exit "${{code:-75}}"
"""


class Newsletter:
    """The product's command, in processes of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: str, typed: bytes | None = None) -> str:
        ended = self.run(*arguments, typed=typed)
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout.decode()

    def run(self, *arguments: str, typed: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [SCRIPT, *arguments], env=self.environment, input=typed, capture_output=True, timeout=120, check=False
        )

    def counts(self, edition: str) -> dict[str, int]:
        """In which states the edition's deliveries are."""
        status = json.loads(self("edition", "status", edition, "--json"))
        return {state: number for state, number in status["counts"].items() if number}

    def readers(self) -> list[str]:
        """Everybody who gets the parents' editions."""
        said = self(
            "subscribers", "export", "parents", "--by", "dpo@example.org", "--second", "admin@example.org",
            "--reason", "to see who gets it",
        )  # fmt: skip
        return [row["email"] for row in csv.DictReader(said.splitlines())]

    def state(self, address: str) -> str:
        """Where the subscriber with this address stands."""
        (row,) = json.loads(self("person", "export", address))["mailing_lists"]
        return str(row["state"])


class TakesReceipts(ThreadingTCPServer):
    """The other end of `HAND_OVER`: runs `newsletter receipts take` with what it gets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, newsletter: Newsletter) -> None:
        self.newsletter = newsletter
        self.taken: list[tuple[bytes, int, str]] = []  # the message, the exit code, what was said
        super().__init__(("127.0.0.1", 0), _Handover)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def said(self, beginning: str) -> list[str]:
        """What the command said, where it began like this."""
        return [said for _, _, said in self.taken if said.startswith(beginning)]


class _Handover(StreamRequestHandler):
    server: TakesReceipts

    def handle(self) -> None:
        raw = self.rfile.read(int(self.rfile.readline()))
        ended = self.server.newsletter.run("receipts", "take", "-", typed=raw)
        assert b"@" not in ended.stderr, "logs carry no address"
        self.server.taken.append((raw, ended.returncode, ended.stdout.decode().strip()))
        self.wfile.write(f"{ended.returncode}\n".encode())


class Tap(ThreadingTCPServer):
    """Sits on the line between the product and a mail server, and remembers in which order it heard whom."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.heard: list[list[tuple[str, bytes]]] = []  # for each connection: "us" or "them", and the bytes
        super().__init__(("127.0.0.1", 0), _Listening)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def said_in_one_go(self) -> Iterator[bytes]:
        """Everything we said before the mail server said the next word."""
        for connection in self.heard:
            said = b""
            for who, data in connection:
                if who == "us":
                    said += data
                elif said:
                    yield said
                    said = b""


S = TypeVar("S", bound=ThreadingTCPServer)


@contextmanager
def listening(server: S) -> Iterator[S]:
    """Let it serve, until the block ends."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Listening(StreamRequestHandler):
    server: Tap

    def handle(self) -> None:
        heard: list[tuple[str, bytes]] = []
        self.server.heard.append(heard)
        with socket.create_connection(("127.0.0.1", self.server.to_port)) as server:
            back = threading.Thread(target=_pass_on, args=("them", server, self.connection, heard), daemon=True)
            back.start()
            _pass_on("us", self.connection, server, heard)
            back.join()


def _pass_on(who: str, one: socket.socket, other: socket.socket, heard: list[tuple[str, bytes]]) -> None:
    try:
        while data := one.recv(65536):
            heard.append((who, data))
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:  # one of them hung up
        pass


def until(happened: Callable[[], object], otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


def complaint_about(mail: Mail) -> bytes:
    """What a mailbox provider sends when its user presses "this is spam" (RFC 5965)."""
    returned = mail.content.decode()
    return (
        f"""\
From: feedback@mailbox.example.org
To: {mail.sender}
Subject: A complaint
Message-ID: <complaint-1@mailbox.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="between"

--between
Content-Type: text/plain

One of our users does not want this message.
--between
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1

--between
Content-Type: message/rfc822

{returned}
--between--
""".replace("\r\n", "\n")
        .replace("\n", "\r\n")
        .encode()
    )


@pytest.fixture
def newsletter(tmp_path: Path) -> Newsletter:
    """The sample partnership and its readers, about to send through SMTP: signed, and with an address for bounces."""
    key = tmp_path / "dkim.key"
    key.write_text(rsa_pem())
    settings = {
        "DATA_DIR": str(tmp_path / "var"),
        "BASE_URL": "http://news.example.org",
        "MAIL_PROVIDER": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_TLS": "none",
        "BOUNCE_ADDRESS": "bounces@bounce.example.org",
        "DKIM_DOMAIN": RSA["domain"],
        "DKIM_SELECTOR": RSA["selector"],
        "DKIM_PRIVATE_KEY_FILE": str(key),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    newsletter = Newsletter({**inherited, **{f"NEWSLETTER_{name}": value for name, value in settings.items()}})
    newsletter("demo")
    return newsletter


@pytest.fixture
def receipts(newsletter: Newsletter) -> Iterator[TakesReceipts]:
    with listening(TakesReceipts(Newsletter(dict(newsletter.environment)))) as receipts:
        yield receipts


@pytest.fixture
def readers(newsletter: Newsletter) -> list[str]:
    return newsletter.readers()


@pytest.fixture
def postfix(mail_server: MailServer, receipts: TakesReceipts, readers: list[str]) -> Iterator[Postfix]:
    """Passes on what is for example.org, hands over what comes back, and does not know the first of the readers."""
    ways = f"inline:{{ example.org=smtp:[127.0.0.1]:{mail_server.port} bounce.example.org=receipts: }}"
    refusals = f"inline:{{ {{ {readers[0]} = 550 5.1.1 No such person }} }}"
    postfix = Postfix(
        {
            "transport_maps": ways,
            "smtpd_recipient_restrictions": f"check_recipient_access {refusals}, permit_mynetworks, reject",
            "relay_domains": "bounce.example.org",
            "relay_recipient_maps": "inline:{ bounces@bounce.example.org=ok }",
            "receipts_destination_recipient_limit": "1",
        },
        services="receipts unix - n n - 2 pipe flags=DORhu user=nobody argv={directory}/hand-over\n",
    )
    script = postfix.directory / "hand-over"
    script.write_text(HAND_OVER.format(port=receipts.port))
    script.chmod(0o755)
    with postfix:
        yield postfix


def test_an_edition_through_a_real_mail_server_and_back(
    newsletter: Newsletter, readers: list[str], postfix: Postfix, mail_server: MailServer, receipts: TakesReceipts
) -> None:
    assert len(readers) >= 60
    unknown, gone, annoyed, *_ = readers
    mail_server.on_recipient = lambda address: "550 5.1.1 No mailbox of this name" if address == gone else None
    receipts.newsletter.environment["NEWSLETTER_DATABASE_URL"] = OUT_OF_REACH

    # Postfix takes all but one, with a round trip for each message and not for each command, and passes them on.
    with listening(Tap(postfix.port)) as tap:
        newsletter.environment["NEWSLETTER_SMTP_PORT"] = str(tap.port)
        newsletter("edition", "approve", "1", "--by", "approver@example.org")
        newsletter("edition", "send", "1", "--now")
        assert newsletter.counts("1") == {"accepted": len(readers) - 1, "rejected": 1}
        assert newsletter.state(unknown) == "suspended"
        at_once = [said for said in tap.said_in_one_go() if PIPELINED.search(said)]
        assert len(at_once) > len(readers) / 2, "a body, then MAIL, RCPT and DATA for the next, without a word between"
    until(lambda: len(mail_server.received) == len(readers) - 2, postfix.said)

    # They arrive once each, whole, and the signature holds.
    assert dict.fromkeys(readers[2:], 1) == mail_server.copies()
    assert len({mail.sender for mail in mail_server.received}) == len(readers) - 2
    record = public_key()
    for mail in mail_server.received[::10]:  # to verify all of them takes as long as everything else
        assert_keeps_the_rules(mail)
        for header in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "DKIM-Signature"):
            assert len(mail.parsed.get_all(header) or []) == 1, header
        assert "list-unsubscribe:list-unsubscribe-post" in "".join(str(mail.parsed["DKIM-Signature"]).lower().split())
        assert verifier.verify(mail.content, dnsfunc=lambda name, timeout=5: record)

    # One was refused at the other end. The notice finds our database away: Postfix keeps it and brings it again.
    until(lambda: "status=deferred" in postfix.said(), postfix.said)
    assert newsletter.counts("1") == {"accepted": len(readers) - 1, "rejected": 1}
    assert {code for _, code, _ in receipts.taken} == {75}
    del receipts.newsletter.environment["NEWSLETTER_DATABASE_URL"]
    postfix.flush()
    until(lambda: receipts.said("bounced"), postfix.said)
    assert receipts.said("bounced") == ["bounced (5.1.1): applied."]
    assert newsletter.counts("1") == {"accepted": len(readers) - 2, "rejected": 1, "bounced": 1}
    assert newsletter.state(gone) == "suspended"

    # One reader says "this is spam" to their mailbox provider, which tells us.
    (mail,) = [mail for mail in mail_server.received if mail.recipients == (annoyed,)]
    with smtplib.SMTP("127.0.0.1", postfix.port) as connection:
        connection.sendmail("feedback@mailbox.example.org", [mail.sender], complaint_about(mail))
    until(lambda: receipts.said("complained"), postfix.said)
    assert newsletter.counts("1") == {"accepted": len(readers) - 3, "rejected": 1, "bounced": 1, "complained": 1}
    assert newsletter.state(annoyed) == "left"
    assert newsletter.readers() == readers[3:]

    # None of them gets another word, and the same notices a second time change nothing.
    for raw, code, _ in receipts.taken:
        assert code == 75 or newsletter("receipts", "take", typed=raw).endswith(": taken before.\n")
    before = len(mail_server.received)
    newsletter("edition", "send", "1", "--now")
    assert len(mail_server.received) == before
    assert newsletter.counts("1") == {"accepted": len(readers) - 3, "rejected": 1, "bounced": 1, "complained": 1}


def public_key() -> bytes:
    """What the DNS says of the key that signs."""
    signer = dkim.load(RSA | {"private_key": rsa_pem()})
    assert signer is not None
    ((_, record),) = signer.records().items()
    return record.encode()
