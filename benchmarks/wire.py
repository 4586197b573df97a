"""What it takes to bring an edition to a mail server (`python -m benchmarks.wire`): messages a second, processor time.

Senders take turns, round after round, in this process; the server is a sink that checks what it gets (`sink.c`). The
baselines are what most Python code does: an `EmailMessage` for each recipient through smtplib or aiosmtplib. A run
counts only if every message arrived once, at the right recipient, and the sink had less to do than the sender.
"""

import asyncio
import gc
import smtplib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import aiosmtplib
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from benchmarks.rendering import edition
from benchmarks.reports import Report
from benchmarks.sinks import NoSink, NotAsSent, Sink, running
from newsletter.core import loops
from newsletter.core.clock import SystemClock
from newsletter.providers import smtp
from newsletter.providers.base import Message, Outcome, ProviderContext, Recipient, Result
from newsletter.rendering import dkim, message
from newsletter.rendering.engine import Engine, templates_directory

ROUNDS = 3
CONNECTIONS = 10
WINDOW = 100
UPDATES = 25
#: The names of the wire alone and of what most Python code does, which others compare themselves with.
ALONE, BASELINE = "ours, the wire alone", "aiosmtplib, EmailMessage for each"
_TOKEN = "a1B2c3D4" * 8
_SENDER = "Example SEND news <news@example.org>"
_RENDERED = Engine(templates_directory()).render(edition(UPDATES))
_MESSAGE = Message(_RENDERED.subject, "", "", "", _SENDER, "send-news@example.org")


def _signer(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> dkim.Signer:
    pem, pkcs8, clear = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text = private.private_bytes(pem, pkcs8, clear).decode()
    made = dkim.load({"domain": "example.org", "selector": "bench", "private_key": text})
    assert made is not None
    return made


def _compiled(signer: dkim.Signer | None = None) -> message.CompiledMessage:
    return message.compile(
        _RENDERED,
        sender=_SENDER,
        reply_to="send-news@example.org",
        headers={"List-Id": "SEND news <parents.news.example.org>", "Feedback-ID": "3:parents:newsletter:example"},
        date=datetime(2026, 11, 3, 9, tzinfo=UTC),
        signer=signer,
    )


def _address(number: int) -> str:
    return f"r{number}@example.org"


def _links(number: int) -> dict[str, str]:
    token = f"{_TOKEN}{number:08d}"
    return {name: f"https://news.example.org/{name}/{token}" for name in ("leave_url", "manage_url")}


def _recipient(compiled: message.CompiledMessage, number: int) -> Recipient:
    slots = _links(number)
    mime = compiled.fill(
        to=_address(number),
        message_id=f"d{number}.e3@news.example.org",
        slots=slots,
        leave_url=slots["leave_url"],
        leave_mailto="mailto:send-news@example.org?subject=stop",
    )
    return Recipient(f"d{number}", _address(number), slots, mime, slots["leave_url"])


def _built(number: int) -> EmailMessage:
    """The mail as most code builds it, with the standard library, for each recipient anew."""
    text, html = _RENDERED.text, _RENDERED.html
    for name, value in _links(number).items():
        text, html = text.replace(f"[[{name}]]", value), html.replace(f"[[{name}]]", value)
    one = EmailMessage(policy=SMTP)
    one["From"], one["To"] = _SENDER, _address(number)
    one["Subject"], one["Message-ID"] = _RENDERED.subject, f"<d{number}.e3@news.example.org>"
    one["List-Unsubscribe"] = f"<{_links(number)['leave_url']}>"
    one.set_content(text, cte="quoted-printable")
    one.add_alternative(html, subtype="html", cte="quoted-printable")
    return one


@dataclass
class Sender:
    """One way to send. `prepare` is not measured; what it returns is called and measured."""

    name: str
    number: int
    prepare: Callable[[Sink, int], Callable[[], None]]
    round_trip_ms: float = 0
    rates: list[float] = field(default_factory=list)
    costs_us: list[float] = field(default_factory=list)
    sink_us: list[float] = field(default_factory=list)

    def run(self, sink: Sink) -> None:
        """Send once, and check what arrived. Raises `NotAsSent` when that is not what was sent."""
        act = self.prepare(sink, self.number)
        sink.set_round_trip(self.round_trip_ms)
        sink.forget()
        gc.collect()
        cpu_s, start_s = process_time(), perf_counter()
        act()
        took_s, cpu_s = perf_counter() - start_s, process_time() - cpu_s
        counts = sink.counts()
        counts.must_be(self.number)
        if counts.cpu_s >= cpu_s:
            raise NotAsSent(
                f"{self.name}: the sink had more to do than the sender, which took {cpu_s:.2f} s: {counts}."
            )
        self.rates.append(self.number / took_s)
        self.costs_us.append(cpu_s / self.number * 1e6)
        self.sink_us.append(counts.cpu_s / self.number * 1e6)


def _ours(
    *, filled_before: bool = False, tls: bool = False, signer: dkim.Signer | None = None
) -> Callable[[Sink, int], Callable[[], None]]:
    compiled = _compiled(signer)

    def prepare(sink: Sink, number: int) -> Callable[[], None]:
        recipients: Iterable[Recipient] = (_recipient(compiled, each) for each in range(number))
        if filled_before:
            recipients = list(recipients)
        config = {"host": "localhost" if tls else "127.0.0.1", "port": str(sink.tls_port if tls else sink.port)}
        config |= {"tls": "tls" if tls else "none", "ca": sink.certificate, "connections": str(CONNECTIONS)}
        return lambda: loops.run(_send(config, recipients))

    return prepare


async def _send(config: dict[str, str], recipients: Iterable[Recipient]) -> None:
    """Windows over all connections at once, as the sender of the product keeps them."""
    provider = smtp.make(ProviderContext(config, Path("unused"), SystemClock()))
    waiting = iter(recipients)

    def window() -> list[Recipient]:
        return [recipient for _, recipient in zip(range(WINDOW), waiting, strict=False)]

    async def work() -> None:
        while part := window():
            _check(await provider.send(_MESSAGE, part))

    await asyncio.gather(*[work() for _ in range(CONNECTIONS)])
    await provider.aclose()


def _check(results: Sequence[Result]) -> None:
    for result in results:
        if result.outcome is not Outcome.ACCEPTED:
            raise NotAsSent(f"A message was not accepted: {result}")


def _aiosmtplib(*, compiled_once: bool) -> Callable[[Sink, int], Callable[[], None]]:
    compiled = _compiled()

    async def send(port: int, number: int) -> None:
        waiting = iter(range(number))

        async def work() -> None:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
                for each in waiting:
                    if compiled_once:
                        mime = bytes(_recipient(compiled, each).mime)
                        await client.sendmail("news@example.org", [_address(each)], mime)
                    else:
                        await client.send_message(_built(each))

        await asyncio.gather(*[work() for _ in range(CONNECTIONS)])

    return lambda sink, number: lambda: asyncio.run(send(sink.port, number))


def _smtplib(sink: Sink, number: int) -> Callable[[], None]:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", sink.port) as client:
            for each in range(number):
                client.send_message(_built(each))

    return send


def senders() -> list[Sender]:
    """Everything that is compared. The first is the wire alone, the last are the baselines."""
    rsa_signer = _signer(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    ed25519_signer = _signer(ed25519.Ed25519PrivateKey.generate())
    return [
        Sender(ALONE, 6000, _ours(filled_before=True)),
        Sender("ours, the wire alone, TLS", 6000, _ours(filled_before=True, tls=True)),
        Sender("ours, filled and sent", 6000, _ours()),
        Sender("ours, filled and sent, TLS", 6000, _ours(tls=True)),
        Sender("ours, filled, signed (RSA) and sent", 1500, _ours(signer=rsa_signer)),
        Sender("ours, filled, signed (Ed25519) and sent", 3000, _ours(signer=ed25519_signer)),
        Sender("ours, filled, signed (RSA) and sent, TLS", 1500, _ours(signer=rsa_signer, tls=True)),
        Sender("ours, filled and sent, 20 ms", 1000, _ours(), 20),
        Sender("ours, filled and sent, TLS, 20 ms", 1000, _ours(tls=True), 20),
        Sender("ours, filled, signed (RSA) and sent, 20 ms", 1000, _ours(signer=rsa_signer), 20),
        Sender("aiosmtplib, EmailMessage for each, 20 ms", 150, _aiosmtplib(compiled_once=False), 20),
        Sender("aiosmtplib, compiled once, 20 ms", 150, _aiosmtplib(compiled_once=True), 20),
        Sender("aiosmtplib, compiled once", 600, _aiosmtplib(compiled_once=True)),
        Sender("smtplib, EmailMessage for each, 1 connection", 150, _smtplib),
        Sender(BASELINE, 200, _aiosmtplib(compiled_once=False)),
    ]


_COLUMNS = (
    ("", "sender", ""),
    ("messages/s", "rate", ",.0f"),
    ("CPU µs", "cpu_us", ",.1f"),
    ("sink µs", "sink_cpu_us", ",.1f"),
)


def main(report: Report) -> None:
    """Measure and print one plain table; takes about a minute. Raises `NoSink`, or `NotAsSent`."""
    with running() as sink:
        compared = [each for each in senders() if sink.tls_port or "TLS" not in each.name]
        for _ in range(ROUNDS):
            for sender in compared:
                sender.run(sink)
    size = len(bytes(_recipient(_compiled(), 1).mime))
    title = f"The wire: an edition of {size:,} bytes over {CONNECTIONS} connections; medians of {ROUNDS} rounds"
    report.table("wire", title, _COLUMNS, [{**_row(sender), "message_bytes": size} for sender in compared])
    named = {sender.name: sender for sender in compared}
    last = named[BASELINE]
    for name in (ALONE, "ours, filled and sent"):
        times = median(last.costs_us) / median(named[name].costs_us)
        faster = median(named[name].rates) / median(last.rates)
        report.say(f"{name} against {BASELINE}: {faster:,.0f} times as fast, 1/{times:,.0f} of the processor time")


def _row(sender: Sender) -> dict[str, object]:
    return {
        "sender": sender.name,
        "rate": median(sender.rates),
        "cpu_us": median(sender.costs_us),
        "sink_cpu_us": median(sender.sink_us),
        "messages": sender.number,
        "round_trip_ms": sender.round_trip_ms,
        "rates": sender.rates,
        "cpu_us_each": sender.costs_us,
    }


if __name__ == "__main__":
    try:
        main(Report("python -m benchmarks.wire"))
    except (NoSink, NotAsSent) as error:
        sys.exit(str(error))
