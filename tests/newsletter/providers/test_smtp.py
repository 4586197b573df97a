"""SMTP: every way a conversation can fail, and what may be concluded from it."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers import smtp
from newsletter.providers.base import Outcome, ProviderContext, Recipient, Result, Scope
from tests.conftest import START
from tests.fakes import HANG_UP, MailServer
from tests.newsletter.providers.samples import MESSAGE, recipient
from tests.newsletter.providers.scripted import DROP, STALL, Scripted, scripted

ONE = [recipient()]
THREE = [recipient(number) for number in range(3)]


def provider(port: int, /, **config: str) -> smtp.Smtp:
    given = {"host": "127.0.0.1", "port": str(port), "tls": "none", "timeout_s": "5", **config}
    return smtp.make(ProviderContext(given, Path("unused"), ManualClock(START)))


def send(port: int, recipients: Sequence[Recipient], **config: str) -> list[Result]:
    return asyncio.run(provider(port, **config).send(MESSAGE, recipients))


def send_to_script(
    script: Mapping[str, str | Sequence[str]],
    recipients: Sequence[Recipient] = ONE,
    *,
    timeout_s: float = 5,
    cut_body_after: int | None = None,
) -> tuple[list[Result], Scripted]:
    async def run() -> tuple[list[Result], Scripted]:
        async with scripted(script, cut_body_after=cut_body_after) as server:
            return await provider(server.port, timeout_s=str(timeout_s)).send(MESSAGE, recipients), server

    return asyncio.run(run())


def test_a_window_goes_over_one_connection_each_message_to_one_person(mail_server: MailServer) -> None:
    results = send(mail_server.port, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 3
    assert [mail.recipients for mail in mail_server.received] == [(person.address,) for person in THREE]
    assert [mail.content for mail in mail_server.received] == [person.mime for person in THREE]
    assert {mail.sender for mail in mail_server.received} == {"news@example.org"}
    assert mail_server.connections == 1


@pytest.mark.parametrize(
    ("answer", "outcome"), [("451 4.7.1 Come back later", Outcome.DEFERRED), ("550 5.1.1 Nobody", Outcome.REJECTED)]
)
def test_one_refused_recipient_is_that_ones_matter_alone(
    mail_server: MailServer, answer: str, outcome: Outcome
) -> None:
    mail_server.on_recipient = lambda address: answer if address == THREE[1].address else None
    results = send(mail_server.port, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, outcome, Outcome.ACCEPTED]
    assert (results[1].code, results[1].scope) == (answer[:3], Scope.RECIPIENT)
    assert mail_server.copies() == {THREE[0].address: 1, THREE[2].address: 1}


@pytest.mark.parametrize(
    ("answer", "outcome", "scope"),
    [
        ("452 4.2.2 Mailbox full", Outcome.DEFERRED, Scope.RECIPIENT),
        ("554 5.7.1 Looks like spam", Outcome.REJECTED, Scope.RECIPIENT),
        ("552 5.3.4 Too large", Outcome.REJECTED, Scope.BATCH),
        (HANG_UP, Outcome.UNKNOWN, Scope.RECIPIENT),
    ],
)
def test_what_the_answer_to_the_message_means(
    mail_server: MailServer, answer: str, outcome: Outcome, scope: Scope
) -> None:
    mail_server.on_message = lambda mail: answer if mail.recipients == (THREE[1].address,) else None
    results = send(mail_server.port, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, outcome, Outcome.ACCEPTED]
    assert results[1].scope is scope
    assert mail_server.copies()[THREE[0].address] == mail_server.copies()[THREE[2].address] == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [DROP, STALL, "garbage", "250 OK\r\n250 Once more", "421 Closing"])
def test_a_failure_before_the_message_is_certainly_not_sent(step: str, fault: str) -> None:
    results, server = send_to_script({step: fault}, timeout_s=0.1)
    assert [result.outcome for result in results] == [Outcome.DEFERRED]
    assert server.bodies == []


@pytest.mark.parametrize("fault", [DROP, STALL, "garbage", "354 Go on"])
def test_a_failure_after_the_message_leaves_a_doubt_about_that_one_alone(fault: str) -> None:
    results, server = send_to_script({"body": [fault, "250 Kept"]}, THREE, timeout_s=0.1)
    assert [result.outcome for result in results] == [Outcome.UNKNOWN, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert len(server.bodies) == 3


def test_a_connection_cut_inside_the_message_leaves_a_doubt() -> None:
    results, _ = send_to_script({}, [recipient(mime=b"To: x\r\n\r\n" + b"a line\r\n" * 50_000)], cut_body_after=1000)
    assert results[0].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "outcome"), [("421 4.3.2 Closing", Outcome.DEFERRED), ("550 5.7.1 No", Outcome.REJECTED)]
)
def test_an_answer_to_the_message_is_believed_even_when_the_server_then_closes(answer: str, outcome: Outcome) -> None:
    results, server = send_to_script({"body": [answer, "250 Kept"], "RSET": "250 OK"}, THREE)
    assert [result.outcome for result in results] == [outcome, Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_a_server_that_closes_after_each_message_is_called_again() -> None:
    results, server = send_to_script({"MAIL": ["250 OK", "421 Enough", "250 OK"]}, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.ACCEPTED]
    assert server.connections == 2


def test_a_server_that_always_hangs_up_is_left_alone_after_a_few_tries() -> None:
    results, server = send_to_script({"MAIL": DROP}, [recipient(number) for number in range(20)])
    assert {result.outcome for result in results} == {Outcome.DEFERRED}
    assert {result.scope for result in results} == {Scope.BATCH}
    assert server.connections == 3


def test_a_refusal_is_followed_by_reset_before_the_next_message() -> None:
    results, server = send_to_script({"RCPT": ["550 No", "250 OK"]}, THREE[:2])
    words = [command.split()[0] for command in server.commands]
    assert words == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]
    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.ACCEPTED]


@pytest.mark.parametrize("answer", ["530 5.7.0 Authentication required", "535 5.7.8 Bad credentials"])
def test_a_refusal_of_us_is_no_readers_fault(answer: str) -> None:
    results, _ = send_to_script({"MAIL": answer}, THREE)
    assert {(result.outcome, result.scope) for result in results} == {(Outcome.DEFERRED, Scope.ACCOUNT)}


def test_a_server_that_will_not_relay_is_no_readers_fault() -> None:
    results, _ = send_to_script({"RCPT": "554 5.7.1 Relay access denied"})
    assert (results[0].outcome, results[0].scope) == (Outcome.DEFERRED, Scope.ACCOUNT)


@pytest.mark.parametrize(("answer", "scope"), [("421 Busy", Scope.BATCH), ("554 Go away", Scope.ACCOUNT)])
def test_a_greeting_that_turns_us_away(answer: str, scope: Scope) -> None:
    results, _ = send_to_script({"greeting": answer}, THREE)
    assert {(result.outcome, result.scope) for result in results} == {(Outcome.DEFERRED, scope)}
    assert results[0].detail


@pytest.mark.parametrize("fault", [STALL, DROP, "garbage"])
def test_a_server_that_does_not_greet_is_an_account_matter(fault: str) -> None:
    results, _ = send_to_script({"greeting": fault}, THREE, timeout_s=0.1)
    assert {(result.outcome, result.scope) for result in results} == {(Outcome.DEFERRED, Scope.ACCOUNT)}


def test_nobody_there(unused_port: int) -> None:
    results = send(unused_port, THREE)
    assert {(result.outcome, result.scope) for result in results} == {(Outcome.DEFERRED, Scope.ACCOUNT)}
    with pytest.raises(ProviderRefused, match=r"cannot be reached.*NEWSLETTER_SMTP"):
        asyncio.run(provider(unused_port).check())


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_password_the_server_does_not_accept() -> None:
    script = {"EHLO": "250-mail\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 Wrong password"}

    async def run() -> list[Result]:
        async with scripted(script) as server:
            ours = provider(server.port, username="us", password="secret word")
            with pytest.raises(ProviderRefused, match="user name and password") as caught:
                await ours.check()
            assert "secret word" not in str(caught.value)
            return await ours.send(MESSAGE, THREE)

    results = asyncio.run(run())
    assert {(result.outcome, result.scope) for result in results} == {(Outcome.DEFERRED, Scope.ACCOUNT)}
    assert results[0].code == "535"


def test_a_server_without_tls_gets_no_message_when_tls_is_asked_for() -> None:
    async def run() -> tuple[list[Result], Scripted]:
        async with scripted({}) as server:
            return await provider(server.port, tls="starttls").send(MESSAGE, ONE), server

    results, server = asyncio.run(run())
    assert (results[0].outcome, results[0].scope) == (Outcome.DEFERRED, Scope.ACCOUNT)
    assert server.bodies == []


def test_a_server_that_speaks_no_tls_on_a_tls_port() -> None:
    async def run() -> list[Result]:
        async with scripted({}) as server:
            return await provider(server.port, tls="tls", timeout_s="0.3").send(MESSAGE, ONE)

    results = asyncio.run(run())
    assert (results[0].outcome, results[0].scope) == (Outcome.DEFERRED, Scope.ACCOUNT)


def test_a_message_over_the_servers_size_is_not_sent() -> None:
    results, server = send_to_script({"EHLO": "250-mail\r\n250 SIZE 10"})
    assert (results[0].outcome, results[0].scope, results[0].code) == (Outcome.REJECTED, Scope.BATCH, "SIZE")
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_an_address_outside_ascii_needs_a_server_that_takes_it(mail_server: MailServer) -> None:
    person = [recipient(address="jürgen@example.org")]
    assert send(mail_server.port, person)[0].outcome is Outcome.ACCEPTED
    assert mail_server.received[0].recipients == ("jürgen@example.org",)
    results, server = send_to_script({}, person)
    assert (results[0].outcome, results[0].scope) == (Outcome.REJECTED, Scope.RECIPIENT)
    assert "a to z" in (results[0].detail or "")


def test_an_internationalised_domain_travels_in_ascii(mail_server: MailServer) -> None:
    assert send(mail_server.port, [recipient(address="a@bücher.example.org")])[0].outcome is Outcome.ACCEPTED
    assert mail_server.received[0].recipients == ("a@xn--bcher-kva.example.org",)


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a@example.org>",
        "<a@example.org",
        "a b@example.org",
        "a\0@example.org",
        "",
        "a",
        "@example.org",
        "x" * 65 + "@example.org",
        "a@" + "b" * 300,
        "a@example.org\n",
        "a@example.org,b@example.org",
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(mail_server: MailServer, address: str) -> None:
    hostile = Recipient(key="hostile", address=address, mime=b"To: x\r\n\r\nHello\r\n")
    results = send(mail_server.port, [hostile, recipient(1)])
    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert mail_server.copies() == {"reader-1@example.org": 1}


@pytest.mark.parametrize(
    "mime", [b"", b"To: x\n\nHello\n", b"To: x\r\n\r\n.\nQUIT\r\n", b"a\0b\r\n", b"x" * 999 + b"\r\n"]
)
def test_a_message_that_servers_read_in_different_ways_is_not_sent(mail_server: MailServer, mime: bytes) -> None:
    results = send(mail_server.port, [recipient(mime=mime)])
    assert (results[0].outcome, results[0].scope) == (Outcome.REJECTED, Scope.BATCH)
    assert mail_server.received == []


def test_a_message_cannot_end_itself_early(mail_server: MailServer) -> None:
    mime = b".To: x\r\n\r\n.\r\n..\r\nQUIT\r\n.\r\nlast\r\n"
    assert send(mail_server.port, [recipient(mime=mime)])[0].outcome is Outcome.ACCEPTED
    assert [mail.content for mail in mail_server.received] == [mime]


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"host": ""}, "SMTP_HOST"),
        ({"tls": "maybe"}, "SMTP_TLS"),
        ({"port": "0"}, "SMTP_PORT"),
        ({"port": "mail"}, "SMTP_PORT"),
        ({"timeout_s": "-1"}, "SMTP_TIMEOUT_S"),
        ({"connections": "1000"}, "SMTP_CONNECTIONS"),
        ({"host": "mail.example.org", "username": "us"}, "SMTP_TLS"),
    ],
)
def test_settings_that_cannot_be_are_named(config: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        provider(25, **config)


class TestTls:
    """Against aiosmtpd with a certificate of our own making."""

    @pytest.fixture
    def contexts(self, tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        return certificate(tmp_path)

    def test_starttls_and_sign_in(self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        server_side, client_side = contexts
        from aiosmtpd.smtp import SMTP, AuthResult

        kept: list[bytes] = []

        class Handler:
            async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
                kept.append(envelope.content)  # type: ignore[attr-defined]
                return "250 OK"

        def signed_in(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
            right = (data.login, data.password) == (b"us", b"secret word")  # type: ignore[attr-defined]
            return AuthResult(success=right, handled=False)

        async def run(make: Callable[[int], smtp.Smtp]) -> list[Result]:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: SMTP(
                    Handler(), loop=loop, tls_context=server_side, require_starttls=True, auth_required=True,
                    authenticator=signed_in,
                ),
                "127.0.0.1", 0,
            )  # fmt: skip
            try:
                ours = make(server.sockets[0].getsockname()[1])
                await ours.check()
                return await ours.send(MESSAGE, THREE)
            finally:
                server.close()

        def ours(port: int, context: ssl.SSLContext | None = client_side, password: str = "secret word") -> smtp.Smtp:
            config = {"host": "localhost", "port": str(port), "username": "us", "password": password, "timeout_s": "5"}
            return smtp.make(ProviderContext(config, Path("unused"), ManualClock(START)), tls_context=context)

        assert {result.outcome for result in asyncio.run(run(ours))} == {Outcome.ACCEPTED}
        assert len(kept) == 3
        with pytest.raises(ProviderRefused, match="securely|certificate"):
            asyncio.run(run(lambda port: ours(port, context=None)))
        with pytest.raises(ProviderRefused, match="password"):
            asyncio.run(run(lambda port: ours(port, password="another")))


def certificate(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's side of a certificate for localhost."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate_file, key_file)
    return server_side, ssl.create_default_context(cafile=str(certificate_file))
