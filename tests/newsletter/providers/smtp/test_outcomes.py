"""SMTP: every way a conversation can fail, and what may be concluded from it."""

import socket

import pytest

from newsletter.core import loops
from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers.base import Outcome, Recipient, Scope
from tests.fakes import HANG_UP, MailServer
from tests.newsletter.providers.samples import recipient
from tests.newsletter.providers.smtp.scripted import DROP, KEEP_AND_DROP, STALL
from tests.newsletter.providers.smtp.talking import THREE, provider, send, send_to_script

both_ways = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "lock-step"])


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


@both_ways
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "fault",
    [DROP, STALL, "garbage", "250 OK\r\n250 Once more", "250-OK\r\n251 OK", "421 Closing", "220 OK", "99 OK", "250_OK"],
)
def test_a_failure_before_the_message_is_certainly_not_sent(step: str, fault: str, pipelining: bool) -> None:
    results, server = send_to_script({step: fault}, timeout_s=0.1, pipelining=pipelining)
    assert [result.outcome for result in results] == [Outcome.DEFERRED]
    assert server.bodies == []


@both_ways
@pytest.mark.parametrize("fault", [DROP, KEEP_AND_DROP, STALL, "garbage", "354 Go on", "250-OK\r\n251 OK"])
def test_a_failure_after_the_message_leaves_a_doubt_about_that_one_alone(fault: str, pipelining: bool) -> None:
    results, server = send_to_script({"body": [fault, "250 Kept"]}, THREE, timeout_s=0.1, pipelining=pipelining)
    assert results[0].outcome is Outcome.UNKNOWN
    if fault == STALL and pipelining:  # the next one waited behind it; after silence nothing is tried again at once
        assert results[1].outcome is Outcome.DEFERRED
    else:
        assert results[1].outcome in (Outcome.ACCEPTED, Outcome.DEFERRED)
    assert results[2].outcome is Outcome.ACCEPTED
    accepted = [result.outcome for result in results].count(Outcome.ACCEPTED)
    assert len(server.bodies) == 1 + accepted


def test_a_connection_cut_inside_the_message_leaves_a_doubt() -> None:
    results, _ = send_to_script({}, [recipient(mime=b"To: x\r\n\r\n" + b"a line\r\n" * 50_000)], cut_body_after=1000)
    assert results[0].outcome is Outcome.UNKNOWN


@both_ways
@pytest.mark.parametrize(
    ("answer", "outcome"), [("421 4.3.2 Closing", Outcome.DEFERRED), ("550 5.7.1 No", Outcome.REJECTED)]
)
def test_an_answer_to_the_message_is_believed_even_when_the_server_then_closes(
    answer: str, outcome: Outcome, pipelining: bool
) -> None:
    results, _ = send_to_script({"body": [answer, "250 Kept"]}, THREE, pipelining=pipelining)
    assert [result.outcome for result in results] == [outcome, Outcome.ACCEPTED, Outcome.ACCEPTED]


@both_ways
@pytest.mark.parametrize("end", ["421 Enough", DROP])
def test_a_server_that_closes_after_each_message_is_called_again(end: str, pipelining: bool) -> None:
    people = [recipient(number) for number in range(6)]
    results, server = send_to_script({"MAIL": ["250 OK", end] * 9}, people, pipelining=pipelining)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert [address for address, _ in server.kept] == [person.address for person in people]
    assert server.connections == 6


def test_nothing_is_tried_more_than_twice_in_one_go() -> None:
    results, server = send_to_script({"MAIL": ["250 OK", DROP, DROP, "250 OK"]}, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.ACCEPTED]
    assert server.connections == 3


@both_ways
def test_a_server_that_always_hangs_up_is_left_alone_after_a_few_tries(pipelining: bool) -> None:
    people = [recipient(number) for number in range(20)]
    results, server = send_to_script({"MAIL": DROP}, people, pipelining=pipelining)
    assert {result.outcome for result in results} == {Outcome.DEFERRED}
    assert {result.scope for result in results} == {Scope.BATCH}
    assert server.connections == 3


@both_ways
@pytest.mark.parametrize("answer", ["530 5.7.0 Authentication required", "535 5.7.8 Bad credentials"])
def test_a_refusal_of_us_is_no_readers_fault(answer: str, pipelining: bool) -> None:
    results, _ = send_to_script({"MAIL": answer}, THREE, pipelining=pipelining)
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
        loops.run(provider(unused_port).check())


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


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
        ({"auth": "ntlm"}, "SMTP_AUTH"),
        ({"tls": "tls", "ca": "no certificate"}, "SMTP_CA_FILE"),
        ({"host": "mail.example.org", "username": "us"}, "SMTP_TLS"),
    ],
)
def test_settings_that_cannot_be_are_named(config: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        provider(25, **config)
