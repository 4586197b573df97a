"""RFC 2920: what may be said before it is asked for, and what is done about a server that gets out of step."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from newsletter.core import loops
from newsletter.core.mime import CanonicalMime
from newsletter.providers.base import Outcome, Recipient, Scope
from newsletter.providers.smtp.dialogue import Dialogue
from tests.newsletter.providers.samples import MESSAGE, recipient
from tests.newsletter.providers.smtp.scripted import DROP, LOCK_STEP, scripted
from tests.newsletter.providers.smtp.talking import ONE, THREE, provider, send_to_script

TRANSACTION = ["MAIL", "RCPT", "DATA"]


def test_the_envelope_goes_in_one_piece_and_never_a_body_before_its_354() -> None:
    people = [recipient(number) for number in range(30)]
    results, server = send_to_script({}, people)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert server.words == ["EHLO", *TRANSACTION * 30, "QUIT"]
    assert server.hasty == 0
    assert [address for address, _ in server.kept] == [person.address for person in people]


def test_the_next_envelope_is_on_its_way_with_the_body_and_its_body_is_not() -> None:
    """The server holds its answer to the first message back until it has read the second envelope."""

    async def run() -> list[bytes]:
        heard: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail\r\n")
            await reader.readline()
            writer.write(b"250-mail\r\n250 PIPELINING\r\n")
            heard.extend([await reader.readline() for _ in range(3)])
            writer.write(b"250 OK\r\n250 OK\r\n354 Go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            heard.extend([await reader.readline() for _ in range(3)])
            assert not reader._buffer  # type: ignore[attr-defined]
            writer.write(b"250 Kept\r\n250 OK\r\n250 OK\r\n354 Go on\r\n")
            heard.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"250 Kept\r\n")
            await reader.readline()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ours = provider(server.sockets[0].getsockname()[1])
        results = await ours.send(MESSAGE, THREE[:2])
        await ours.aclose()
        server.close()
        assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 2
        return heard

    heard = loops.run(run())
    assert [line.split()[0] for line in heard[:6]] == [b"MAIL", b"RCPT", b"DATA"] * 2
    assert b"reader-1@" in heard[4]
    assert b"reader-1@" in heard[6]


def test_lock_step_where_the_server_does_not_offer_it() -> None:
    script = {"EHLO": LOCK_STEP, "RCPT": ["550 No", "250 OK"]}
    results, server = send_to_script(script, THREE[:2])
    assert server.words == ["EHLO", "MAIL", "RCPT", "RSET", *TRANSACTION, "QUIT"]
    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.ACCEPTED]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ({"RCPT": ["550 No", "250 OK"]}, Outcome.REJECTED),
        ({"RCPT": ["450 Later", "250 OK"]}, Outcome.DEFERRED),
        ({"DATA": ["554 No", "354 Go on"]}, Outcome.REJECTED),
        ({"DATA": ["451 Later", "354 Go on"]}, Outcome.DEFERRED),
        ({"MAIL": ["452 Full", "250 OK"]}, Outcome.DEFERRED),
    ],
)
def test_a_refusal_is_followed_by_reset_before_the_next_message(script: dict[str, list[str]], outcome: Outcome) -> None:
    results, server = send_to_script(script, THREE[:2])
    assert server.words == ["EHLO", *TRANSACTION, "RSET", *TRANSACTION, "QUIT"]
    assert [result.outcome for result in results] == [outcome, Outcome.ACCEPTED]
    assert [address for address, _ in server.kept] == [THREE[1].address]


def test_a_354_after_a_refused_recipient_is_answered_with_nothing() -> None:
    results, server = send_to_script({"RCPT": ["550 No", "250 OK"], "DATA": "354 Go on"}, THREE[:2])
    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert server.bodies[0] == b".\r\n"
    assert server.words == ["EHLO", *TRANSACTION, "RSET", *TRANSACTION, "QUIT"]


def test_a_354_after_a_refused_sender_ends_the_connection() -> None:
    script = {"MAIL": ["450 Not now", "250 OK"], "RCPT": "250 OK", "DATA": "354 Go on"}
    results, server = send_to_script(script, THREE[:2])
    assert [result.outcome for result in results] == [Outcome.DEFERRED, Outcome.ACCEPTED]
    assert (results[0].code, results[0].scope) == ("450", Scope.BATCH)
    assert server.connections == 2
    assert len(server.bodies) == 1


@pytest.mark.parametrize("said", ["354 Go on\r\n250 OK", "354 Go on\r\n354 Go on", "354 Go on\r\n25"])
def test_a_word_too_many_with_the_354_is_noticed_before_the_body_goes(said: str) -> None:
    results, server = send_to_script({"DATA": said}, ONE)
    if said.endswith("25"):  # half a line, which the server ends with another half
        assert results[0].outcome is not Outcome.ACCEPTED or len(server.kept) == 1
    else:
        assert (results[0].outcome, server.bodies) == (Outcome.DEFERRED, [])


def test_the_answers_to_one_message_are_never_taken_for_those_to_another() -> None:
    """One answer too many after the first message shifts all that follow by one."""
    script = {"body": ["250 Kept\r\n250 Kept", "250 Kept"], "RCPT": ["250 OK", "550 Nobody", "250 OK"]}
    results, server = send_to_script(script, THREE)
    kept = [address for address, _ in server.kept]
    assert kept.count(THREE[0].address) == 1
    assert THREE[1].address not in kept
    assert results[0].outcome is Outcome.ACCEPTED
    assert results[1].outcome is not Outcome.ACCEPTED
    assert (results[2].outcome is Outcome.ACCEPTED) == (THREE[2].address in kept)


@pytest.mark.parametrize("said", ["250-" + "x" * 5000, "\r\n".join(["250-more"] * 300), "2" * 5000])
def test_a_reply_without_end_ends_the_connection(said: str) -> None:
    results, server = send_to_script({"MAIL": said}, THREE)
    assert {result.outcome for result in results} == {Outcome.DEFERRED}
    assert server.bodies == []


def test_a_421_in_the_middle_leaves_the_rest_for_another_connection() -> None:
    script = {"body": ["250 Kept", "421 4.3.2 Shutting down", "250 Kept"]}
    results, server = send_to_script(script, THREE)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.ACCEPTED]
    assert (results[1].code, server.connections) == ("421", 2)


def test_what_the_server_says_of_size_and_letters_is_respected_between_other_messages() -> None:
    wide = recipient(8, address="jürgen@example.org")
    large = recipient(9, mime=b"To: x\r\n\r\n" + b"a line\r\n" * 1000)
    people = [THREE[0], wide, large, THREE[1]]
    results, server = send_to_script({"EHLO": "250-mail\r\n250-PIPELINING\r\n250 SIZE 1000"}, people)
    assert [result.code for result in results] == ["250", "SMTPUTF8", "SIZE", "250"]
    assert server.connections == 1
    assert all("SIZE=" in command for command in server.commands if command.startswith("MAIL"))


def test_only_those_whose_address_needs_it_are_sent_with_smtputf8() -> None:
    wide = recipient(8, address="jürgen@example.org")
    script = {"EHLO": "250-mail\r\n250-PIPELINING\r\n250 SMTPUTF8"}
    results, server = send_to_script(script, [THREE[0], wide])
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    mails = [command for command in server.commands if command.startswith("MAIL")]
    assert ["SMTPUTF8" in command for command in mails] == [False, True]
    assert "RCPT TO:<jürgen@example.org>" in server.commands


def test_a_compiled_message_goes_in_its_pieces_as_it_is() -> None:
    pieces = [b"From: us\r\n", b"", b"To: reader-0@example.org\r\n\r\n", b"Hello=\r\n", b" there\r\n"]
    mime = CanonicalMime(pieces, sum(map(len, pieces)))
    results, server = send_to_script({}, [Recipient("key-0", "reader-0@example.org", mime=mime)] * 2)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert server.bodies == [bytes(mime) + b".\r\n"] * 2
    assert f"SIZE={len(bytes(mime))}" in server.commands[1]


@pytest.mark.parametrize("run", [asyncio.run, loops.run])
def test_a_body_that_does_not_fit_into_the_line_goes_on_where_it_stopped(run: Callable[..., None]) -> None:
    """More than the kernel takes at once, with the next envelope behind it, and nothing doubled or out of order."""
    number = 3
    mimes = [b"".join(b"%020d-%d\r\n" % (each, which) for each in range(500_000)) for which in range(number)]
    taken: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"250-mail\r\n250 PIPELINING\r\n")
        for mime in mimes:
            words = [(await reader.readline()).split()[0] for _ in range(3)]
            assert words == [word.encode() for word in TRANSACTION]
            writer.write(b"250 OK\r\n250 OK\r\n354 Go on\r\n")
            taken.append(await reader.readexactly(len(mime) + 3))
            writer.write(b"250 Kept\r\n")
        await reader.readline()
        writer.close()

    async def send() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ours = provider(server.sockets[0].getsockname()[1], timeout_s="30")
        people = [recipient(each)._replace(mime=CanonicalMime([mime], len(mime))) for each, mime in enumerate(mimes)]
        results = await ours.send(MESSAGE, people)
        await ours.aclose()
        server.close()
        assert [result.outcome for result in results] == [Outcome.ACCEPTED] * number

    run(send())
    assert taken == [mime + b".\r\n" for mime in mimes]


@pytest.mark.parametrize("run", [asyncio.run, loops.run])
def test_what_is_said_next_waits_for_what_did_not_fit(run: Callable[..., None]) -> None:
    """The server makes room between two words, so that the second would find its way past the rest of the first."""
    first, second = b"a" * 20_000_000, b"b\r\n"
    heard = bytearray()

    def hear_the_rest(server: socket.socket) -> None:
        while said := server.recv(1 << 20):
            heard.extend(said)

    async def say(listening: socket.socket) -> None:
        line = Dialogue().line
        connection = socket.create_connection(listening.getsockname())
        await asyncio.get_running_loop().create_connection(lambda: line, sock=connection)
        line.left_in_clear(connection)
        server, _ = listening.accept()
        with server:
            line.write(first)
            assert 0 < line.transport.get_write_buffer_size() < len(first)
            heard.extend(server.recv(1 << 20))
            line.write(second)
            line.transport.close()
            await asyncio.to_thread(hear_the_rest, server)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        run(say(listening))
    assert heard == first + second


class TestConnectionsAreKept:
    """From one window to the next."""

    def test_a_second_window_goes_over_the_same_connection(self) -> None:
        async def run() -> int:
            async with scripted({}) as server:
                ours = provider(server.port)
                await ours.check()
                for _ in range(3):
                    results = await ours.send(MESSAGE, THREE)
                    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
                await ours.aclose()
                assert server.words == ["EHLO", *TRANSACTION * 9, "QUIT"]
                return server.connections

        assert loops.run(run()) == 1

    @pytest.mark.parametrize("end", [DROP, "421 Idle for too long"])
    def test_a_server_that_closed_it_meanwhile_costs_nobody_anything(self, end: str) -> None:
        async def run() -> None:
            async with scripted({"MAIL": ["250 OK", "250 OK", "250 OK", end, "250 OK"]}) as server:
                ours = provider(server.port)
                assert {result.outcome for result in await ours.send(MESSAGE, THREE)} == {Outcome.ACCEPTED}
                assert {result.outcome for result in await ours.send(MESSAGE, THREE)} == {Outcome.ACCEPTED}
                await ours.aclose()
                assert server.connections == 2
                assert len(server.kept) == 6

        loops.run(run())

    def test_there_are_never_more_than_the_settings_say(self) -> None:
        async def run() -> int:
            async with scripted({}) as server:
                ours = provider(server.port, connections="2")
                calls = [ours.send(MESSAGE, [recipient(number)]) for number in range(12)]
                for results in await asyncio.gather(*calls):
                    assert results[0].outcome is Outcome.ACCEPTED
                await ours.aclose()
                return server.connections

        assert loops.run(run()) <= 2

    def test_one_that_is_not_needed_for_a_while_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("newsletter.providers.smtp.pool.IDLE_S", 0.0)

        async def run() -> None:
            async with scripted({}) as server:
                ours = provider(server.port)
                for _ in range(2):
                    await ours.send(MESSAGE, ONE)
                    seen = server.words.count("QUIT")
                    while server.words.count("QUIT") == seen:
                        await asyncio.sleep(0)
                assert server.connections == 2
                assert server.words == ["EHLO", *TRANSACTION, "QUIT"] * 2
                await ours.aclose()

        loops.run(run())

    def test_a_server_that_does_not_say_goodbye_holds_nobody_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("newsletter.providers.smtp.transactions.GOODBYE_S", 0.01)
        results, server = send_to_script({"QUIT": "stall"}, ONE)
        assert results[0].outcome is Outcome.ACCEPTED
        assert server.words[-1] == "QUIT"

    def test_a_call_that_is_cancelled_leaves_nothing_open(self) -> None:
        async def run() -> None:
            async with scripted({"body": "stall"}) as server:
                ours = provider(server.port, connections="1")
                call = asyncio.create_task(ours.send(MESSAGE, ONE))
                while not server.bodies:
                    await asyncio.sleep(0)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                second = asyncio.create_task(ours.send(MESSAGE, [recipient(1)]))
                while len(server.bodies) < 2:  # over a new connection, although there is only one place
                    await asyncio.sleep(0)
                second.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await second
                assert server.connections == 2
                await ours.aclose()

        loops.run(run())
