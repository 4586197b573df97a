"""A mail server that keeps a true account of what it received, and does to its clients what it is told to.

It counts a copy as received from the moment it has the whole message, whether or not it manages to answer; only when it
itself refuses the message in its answer has it received nothing. Every other connection is offered pipelining, the ones
between go in lock-step, so that every fault meets both. A fault strikes at a stage of the conversation, once for a
recipient or at certain turns, and each one that strikes is counted. Whatever a test wants to happen elsewhere at a
message of chance (a kill, a crash) is called from here, before the server does anything else.
"""

import asyncio
import enum
import re
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.faults.waiting import wait_for


class Stage(enum.StrEnum):
    """Where in a conversation something happens, before the server has answered."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # some of the message is here, and more of it to come
    MESSAGE = "message"  # all of it is here
    ANSWERED = "answered"  # and its answer is on the way


@dataclass(frozen=True, slots=True)
class Say:
    """An answer other than the right one; perhaps the last."""

    text: bytes
    then_hang_up: bool = False

    @property
    def refuses(self) -> bool:
        return self.text[:1] in (b"4", b"5")

    @property
    def agrees(self) -> bool:
        return self.text.startswith(b"250 ")


@dataclass(frozen=True, slots=True)
class HangUp:
    """No answer: the connection is closed, or with `reset` torn down."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """No answer, and nothing more is read."""


Fault = Say | HangUp | Stall

_TO = re.compile(rb"^To:[ \t]*<?([^\s<>]+)>?\r\n", re.MULTILINE | re.IGNORECASE)
_SUBJECT = re.compile(rb"^Subject:[ \t]*([^\r\n]*)\r\n", re.MULTILINE | re.IGNORECASE)
_PATH = re.compile(rb"<([^>]*)>")
_GREETING = b"220 mail.example.org\r\n"


class HostileServer:
    """An SMTP server on a free port of this machine, in a thread of its own."""

    def __init__(self) -> None:
        self.copies: Counter[tuple[str, str]] = Counter()  # by subject and recipient
        self.for_somebody_else: list[tuple[str, str]] = []  # envelope and To header, where they differ
        self.turns: Counter[Stage] = Counter()
        self.struck = 0  # faults that were caused
        self.broken: list[BaseException] = []
        self.port = 0
        self._for_recipients: defaultdict[tuple[Stage, str], list[Fault]] = defaultdict(list)
        self._at_turns: dict[tuple[Stage, int], Fault] = {}
        self._calls: defaultdict[tuple[Stage, int], list[Callable[[], None]]] = defaultdict(list)
        self._holds_answers = False
        self._conversations: set[_Conversation] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_ready = threading.Event()

    def start(self) -> "HostileServer":
        self._thread.start()
        assert self._is_ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # What a test asks for.

    def strike_recipients(self, stage: Stage, fault: Fault, addresses: Iterable[str], *, times: int = 1) -> None:
        """When it is about these recipients, for the first `times`. Not at CONNECT or MAIL: nobody is named there."""
        for address in addresses:
            self._for_recipients[stage, address] += [fault] * times

    def strike_turns(self, stage: Stage, fault: Fault, turns: Iterable[int]) -> None:
        """At these turns of a stage, counted from 1 over all connections."""
        for turn in turns:
            self._at_turns[stage, turn] = fault

    def await_turn(
        self,
        stage: Stage,
        further: int,
        call: Callable[[], None] = lambda: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until a stage has come so many turns further, and make the call there and then, before anything is
        answered and with the whole message kept. `meanwhile` keeps the conversation supplied."""
        has_come = threading.Event()

        def at_that_turn() -> None:
            call()
            has_come.set()

        def begin() -> None:
            self._calls[stage, self.turns[stage] + further].append(at_that_turn)

        self._loop.call_soon_threadsafe(begin)

        def come() -> bool:
            meanwhile()
            return has_come.is_set()

        wait_for(lambda: f"{further} more turns of {stage}: {dict(self.turns)}", come)

    def hold_answers(self) -> None:
        """Be slow from here on: answer nothing, read nothing, until `go_on`. To be called at a turn."""
        self._holds_answers = True

    def go_on(self) -> None:
        self._loop.call_soon_threadsafe(self._go_on)

    # What conversations ask.

    def comes_to(self, stage: Stage, recipient: str = "", content: bytes = b"") -> Fault | None:
        """Count this turn and make the calls that wait for it; the fault that strikes, if any. A whole message is kept
        before anybody is told of it: a worker that is killed by such a call has handed it over."""
        self.turns[stage] += 1
        turn = self.turns[stage]
        waiting = self._for_recipients.get((stage, recipient))
        fault = waiting.pop(0) if waiting else self._at_turns.pop((stage, turn), None)
        if fault is not None:
            self.struck += 1
        if content and not (isinstance(fault, Say) and fault.refuses):
            self._keep(recipient, content)
        for call in self._calls.pop((stage, turn), ()):
            call()
        return fault

    def _keep(self, recipient: str, content: bytes) -> None:
        to, subject = _TO.search(content), _SUBJECT.search(content)
        named = to.group(1).decode() if to else ""
        if named != recipient:
            self.for_somebody_else.append((recipient, named))
        self.copies[subject.group(1).decode() if subject else "", recipient] += 1

    @property
    def is_holding(self) -> bool:
        return self._holds_answers

    def _go_on(self) -> None:
        self._holds_answers = False
        for conversation in list(self._conversations):
            conversation.go_on()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda loop, context: self.broken.append(context.get("exception")))  # type: ignore[arg-type]
        listening = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Conversation(self, self._conversations), "127.0.0.1", 0, backlog=512)
        )
        self.port = listening.sockets[0].getsockname()[1]
        self._is_ready.set()
        self._loop.run_forever()
        listening.close()
        for conversation in list(self._conversations):
            conversation.end()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: HostileServer, all_of_them: set["_Conversation"]) -> None:
        self._server = server
        self._all = all_of_them
        self._unread = b""
        self._unsaid = b""
        self._has_sender = False
        self._recipient = ""
        self._is_in_body = False
        self._was_inside = False
        self._is_deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all.add(self)
        self._pipelines = bool(self._server.turns[Stage.CONNECT] % 2)
        if not self._suffers(self._server.comes_to(Stage.CONNECT)):
            self._say(_GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self._is_deaf = True

    def data_received(self, data: bytes) -> None:
        self._unread += data
        self.go_on()

    def go_on(self) -> None:
        if self._unsaid and not self._server.is_holding:
            self._say(b"")
        while self._unread and not self._is_deaf and not self._server.is_holding:
            if not (self._read_body() if self._is_in_body else self._read_command()):
                return

    def end(self) -> None:
        self._is_deaf = True
        self._transport.abort()

    def _read_command(self) -> bool:
        line, end, rest = self._unread.partition(b"\r\n")
        if not end:
            return False
        self._unread = rest
        word = line[:4].upper()
        if word == b"EHLO":
            offers = b"250-PIPELINING\r\n" if self._pipelines else b""
            self._say(b"250-mail.example.org\r\n" + offers + b"250 SMTPUTF8\r\n")
        elif word == b"MAIL":
            self._recipient = ""
            self._has_sender = self._answer(Stage.MAIL, b"250 2.1.0 Go on\r\n", "")
        elif word in (b"RCPT", b"DATA") and not (self._recipient if word == b"DATA" else self._has_sender):
            self._say(b"503 5.5.1 Not before the other commands\r\n")
        elif word == b"RCPT":
            found = _PATH.search(line)
            recipient = found.group(1).decode() if found else ""
            if self._answer(Stage.RCPT, b"250 2.1.5 Go on\r\n", recipient):
                self._recipient = recipient
        elif word == b"DATA":
            if self._answer(Stage.DATA, b"354 Go on\r\n", self._recipient):
                self._is_in_body, self._was_inside = True, False
        elif word == b"RSET":
            self._has_sender, self._recipient = False, ""
            self._say(b"250 2.0.0 Forgotten\r\n")
        elif word == b"QUIT":
            self._say(b"221 2.0.0 Goodbye\r\n")
            self._is_deaf = True
            self._transport.close()
        else:
            self._say(b"502 5.5.2 What?\r\n")
        return True

    def _read_body(self) -> bool:
        if not self._was_inside:
            self._was_inside = True
            if self._suffers(self._server.comes_to(Stage.BODY, self._recipient)):
                return False
        end = 0 if self._unread.startswith(b".\r\n") else self._unread.find(b"\r\n.\r\n") + 2
        if end == 1:
            return False
        content, self._unread = self._unread[:end], self._unread[end + 3 :]
        recipient = self._recipient
        self._is_in_body, self._has_sender, self._recipient = False, False, ""
        if not content:
            self._say(b"554 5.6.0 There is nothing in it\r\n")
        elif not self._suffers(self._server.comes_to(Stage.MESSAGE, recipient, content)):
            self._say(b"250 2.0.0 Kept\r\n")
            self._server.comes_to(Stage.ANSWERED)
        return True

    def _answer(self, stage: Stage, right: bytes, recipient: str) -> bool:
        """The right answer, unless a fault strikes; whether the conversation goes on as the client wished."""
        fault = self._server.comes_to(stage, recipient)
        if self._suffers(fault):
            return isinstance(fault, Say) and fault.agrees
        self._say(right)
        return True

    def _suffers(self, fault: Fault | None) -> bool:
        if fault is None:
            return False
        self._is_deaf = not isinstance(fault, Say) or fault.then_hang_up
        if isinstance(fault, Say):
            self._say(fault.text)
        if isinstance(fault, HangUp) and fault.reset:
            _reset(self._transport)
        elif self._is_deaf and not isinstance(fault, Stall):
            self._transport.close()
        return True

    def _say(self, words: bytes) -> None:
        self._unsaid += words
        if not self._server.is_holding:
            self._transport.write(self._unsaid)
            self._unsaid = b""


def _reset(transport: asyncio.Transport) -> None:
    """Not goodbye, but RST: what is on its way is lost."""
    at_once = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    transport.abort()
