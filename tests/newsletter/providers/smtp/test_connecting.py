"""Opening a connection: TLS that is verified, words slipped in after STARTTLS, signing in where nobody listens."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.core import loops
from newsletter.core.errors import ProviderRefused
from newsletter.providers import smtp
from newsletter.providers.base import Outcome, Result, Scope
from newsletter.providers.smtp.connecting import CannotConnect, Server, connect
from tests.newsletter.providers.samples import MESSAGE, recipient
from tests.newsletter.providers.smtp.scripted import PIPELINING, Scripted, scripted
from tests.newsletter.providers.smtp.talking import ONE, THREE, provider, send_and_close, send_to_script

WITH_TLS = PIPELINING.replace("250 SIZE", "250-STARTTLS\r\n250 SIZE")
ACCOUNT = {(Outcome.DEFERRED, Scope.ACCOUNT)}


def met(results: list[Result]) -> set[tuple[Outcome, Scope]]:
    return {(result.outcome, result.scope) for result in results}


class Certificate:
    """Of a server called `name`, signed by itself."""

    def __init__(self, directory: Path, name: str = "localhost") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()
        certificate_file, key_file = directory / f"{name}.pem", directory / f"{name}.key"
        certificate_file.write_text(self.pem)
        pem, pkcs8, clear = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(pem, pkcs8, clear))
        self.server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server_side.load_cert_chain(certificate_file, key_file)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


class TestStartTls:
    def send(self, certificate: Certificate, **config: str) -> tuple[list[Result], Scripted]:
        given = {"host": "localhost", "tls": "starttls", "ca": certificate.pem, **config}
        return send_to_script({"EHLO": WITH_TLS}, THREE, server_side=certificate.server_side, **given)

    def test_everything_but_the_beginning_is_encrypted(self, certificate: Certificate) -> None:
        results, server = self.send(certificate)
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}
        assert server.words[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
        assert (server.secured, len(server.kept), server.hasty) == (1, 3, 0)

    def test_a_certificate_nobody_vouches_for_is_refused(self, certificate: Certificate) -> None:
        results, server = self.send(certificate, ca="")
        assert met(results) == ACCOUNT
        assert "securely" in (results[0].detail or "")
        assert "MAIL" not in server.words

    def test_a_certificate_of_another_host_is_refused(self, tmp_path: Path) -> None:
        results, server = self.send(Certificate(tmp_path, "mail.example.org"))
        assert met(results) == ACCOUNT
        assert "localhost" in (results[0].detail or "")
        assert "MAIL" not in server.words

    def test_a_server_that_does_not_offer_it_gets_no_message(self) -> None:
        results, server = asked_for_tls({})
        assert met(results) == ACCOUNT
        assert server.words == ["EHLO"]

    @pytest.mark.parametrize("injected", ["250 Injected", "250-Injected", "250 Injected\r\n25", "\0"])
    def test_words_slipped_in_before_the_encryption_end_the_connection(
        self, certificate: Certificate, injected: str
    ) -> None:
        script = {"EHLO": WITH_TLS, "STARTTLS": f"220 Go on\r\n{injected}"}
        config = {"host": "localhost", "tls": "starttls", "ca": certificate.pem}
        results, server = send_to_script(script, ONE, server_side=certificate.server_side, **config)
        assert met(results) == ACCOUNT
        assert "in clear" in (results[0].detail or "")
        assert server.words == ["EHLO", "STARTTLS"]

    def test_half_a_word_slipped_in_ends_the_connection_too(self) -> None:
        class Injecting(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport
                self.answers = [b"250-mail\r\n250 STARTTLS\r\n", b"220 Go on\r\n25"]
                transport.write(b"220 mail\r\n")  # type: ignore[attr-defined]

            def data_received(self, data: bytes) -> None:
                assert self.answers, "It went on"
                self.transport.write(self.answers.pop(0))  # type: ignore[attr-defined]

        async def run() -> list[Result]:
            server = await asyncio.get_running_loop().create_server(Injecting, "127.0.0.1", 0)
            ours = provider(server.sockets[0].getsockname()[1], host="localhost", tls="starttls", timeout_s="2")
            results = await send_and_close(ours, ONE)
            server.close()
            return results

        results = loops.run(run())
        assert met(results) == ACCOUNT
        assert "in clear" in (results[0].detail or "")

    @pytest.mark.parametrize("said", ["454 Not now", "500 What?"])
    def test_a_server_that_offers_it_and_then_does_not_gets_no_message(self, said: str) -> None:
        results, server = asked_for_tls({"EHLO": WITH_TLS, "STARTTLS": said})
        assert results[0].outcome is Outcome.DEFERRED
        assert server.words == ["EHLO", "STARTTLS"]

    def test_what_was_offered_in_clear_does_not_count_afterwards(self, certificate: Certificate) -> None:
        in_clear = WITH_TLS.replace("250-STARTTLS", "250-STARTTLS\r\n250-SMTPUTF8")
        person = [recipient(address="jürgen@example.org")]
        script = {"EHLO": [in_clear, PIPELINING]}
        config = {"host": "localhost", "tls": "starttls", "ca": certificate.pem}

        async def run() -> list[Result]:
            async with scripted(script, tls=certificate.server_side) as server:
                return await send_and_close(provider(server.port, **config), person)

        assert loops.run(run())[0].code == "SMTPUTF8"


def asked_for_tls(script: dict[str, str]) -> tuple[list[Result], Scripted]:
    async def run() -> tuple[list[Result], Scripted]:
        async with scripted(script) as server:
            ours = provider(server.port, host="localhost", tls="starttls", timeout_s="2")
            return await send_and_close(ours, ONE), server

    return loops.run(run())


class TestImplicitTls:
    def test_it_is_verified_too(self, certificate: Certificate) -> None:
        async def run(ca: str) -> list[Result]:
            kept: list[bytes] = []

            class Handler:
                async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
                    kept.append(envelope.content)  # type: ignore[attr-defined]
                    return "250 OK"

            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0, ssl=certificate.server_side
            )
            port = server.sockets[0].getsockname()[1]
            results = await send_and_close(provider(port, host="localhost", tls="tls", ca=ca), THREE)
            server.close()
            assert len(kept) == sum(result.outcome is Outcome.ACCEPTED for result in results)
            return results

        assert met(loops.run(run(certificate.pem))) == {(Outcome.ACCEPTED, Scope.RECIPIENT)}
        assert met(loops.run(run(""))) == ACCOUNT

    def test_a_server_that_speaks_no_tls(self) -> None:
        async def run() -> list[Result]:
            async with scripted({}) as server:
                return await send_and_close(provider(server.port, tls="tls", timeout_s="2"), ONE)

        assert met(loops.run(run())) == ACCOUNT


class TestSigningIn:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
    def test_against_a_real_server(self, certificate: Certificate, mechanism: str) -> None:
        kept: list[bytes] = []

        class Handler:
            async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
                kept.append(envelope.content)  # type: ignore[attr-defined]
                return "250 OK"

        def signed_in(server: object, session: object, envelope: object, used: str, data: object) -> AuthResult:
            right = (data.login, data.password) == (b"us", b"secret word")  # type: ignore[attr-defined]
            return AuthResult(success=right and used == mechanism, handled=False)

        async def run(act: Callable[[smtp.Smtp], Awaitable[object]], password: str = "secret word") -> object:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: SMTP(
                    Handler(), loop=loop, tls_context=certificate.server_side, require_starttls=True,
                    auth_required=True, authenticator=signed_in,
                ),
                "127.0.0.1", 0,
            )  # fmt: skip
            config = {"host": "localhost", "tls": "starttls", "ca": certificate.pem, "auth": mechanism.lower()}
            ours = provider(server.sockets[0].getsockname()[1], username="us", password=password, **config)
            try:
                return await act(ours)
            finally:
                await ours.aclose()
                server.close()

        results = loops.run(run(lambda ours: ours.send(MESSAGE, THREE)))
        assert isinstance(results, list)
        assert met(results) == {(Outcome.ACCEPTED, Scope.RECIPIENT)}
        assert len(kept) == 3
        with pytest.raises(ProviderRefused, match="password") as caught:
            loops.run(run(lambda ours: ours.check(), password="another"))
        assert "another" not in str(caught.value)

    def test_a_password_the_server_does_not_accept_is_an_account_matter(self) -> None:
        script = {"EHLO": "250-mail\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 Wrong password"}
        results, _ = send_to_script(script, THREE, username="us", password="secret word")
        assert met(results) == ACCOUNT
        assert results[0].code == "535"

    def test_a_server_that_cannot_sign_us_in_now_is_asked_again_later(self) -> None:
        script = {"EHLO": "250-mail\r\n250 AUTH PLAIN", "AUTH": "454 4.7.0 Temporary failure"}
        results, _ = send_to_script(script, ONE, username="us", password="secret word")
        assert met(results) == {(Outcome.DEFERRED, Scope.BATCH)}

    def test_a_token_for_xoauth2(self) -> None:
        script = {"EHLO": "250-mail\r\n250 AUTH XOAUTH2 LOGIN", "AUTH": "235 In"}
        results, server = send_to_script(script, ONE, username="us", password="token", auth="xoauth2")
        assert results[0].outcome is Outcome.ACCEPTED
        assert base64.b64decode(server.commands[1].split()[2]) == b"user=us\x01auth=Bearer token\x01\x01"

    def test_a_refused_token_is_said_by_way_of_a_challenge(self) -> None:
        class Refusing(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport
                self.answers = [b"250-mail\r\n250 AUTH XOAUTH2\r\n", b"334 e30=\r\n", b"535 Expired\r\n"]
                transport.write(b"220 mail\r\n")  # type: ignore[attr-defined]

            def data_received(self, data: bytes) -> None:
                self.transport.write(self.answers.pop(0))  # type: ignore[attr-defined]

        async def run() -> list[Result]:
            server = await asyncio.get_running_loop().create_server(Refusing, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            ours = provider(port, username="us", password="token", auth="xoauth2")
            results = await send_and_close(ours, ONE)
            server.close()
            return results

        results = loops.run(run())
        assert (results[0].scope, results[0].code) == (Scope.ACCOUNT, "535")

    @pytest.mark.parametrize("offered", ["", "250-AUTH CRAM-MD5\r\n"])
    def test_no_way_to_sign_in_is_said(self, offered: str) -> None:
        script = {"EHLO": f"250-mail\r\n{offered}250 SIZE"}
        results, server = send_to_script(script, ONE, username="us", password="secret word")
        assert met(results) == ACCOUNT
        assert "AUTH" not in server.words
        assert "NEWSLETTER_SMTP_AUTH" in (results[0].detail or "")

    def test_never_in_clear_to_another_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The settings refuse it; should anybody get around them, the connection does too."""
        monkeypatch.setattr("newsletter.providers.smtp.connecting.is_loopback", lambda host: False)

        async def run() -> Scripted:
            async with scripted({"EHLO": "250-mail\r\n250 AUTH PLAIN"}) as server:
                with pytest.raises(CannotConnect, match="clear"):
                    await connect(Server("127.0.0.1", server.port, "none", 2, username="us", password="word"))
                return server

        assert "AUTH" not in loops.run(run()).words


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way() -> None:
    results, server = send_to_script({"EHLO": "502 5.5.1 What?"}, THREE)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert server.words[:3] == ["EHLO", "HELO", "MAIL"]


@pytest.mark.parametrize("greeting", ["220 mail\r\n250 More", "554 No\r\n220 Yes", "354 Go", "220-mail"])
def test_a_greeting_that_makes_no_sense(greeting: str) -> None:
    results, server = send_to_script({"greeting": greeting}, ONE, timeout_s=0.2)
    assert met(results) == ACCOUNT
    assert server.bodies == []
