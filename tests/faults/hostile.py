"""A mail server that keeps a true account of what it received, and does to its clients what it is told to.

It counts a copy as received from the moment it has the whole message, whether or not it manages to answer; only when it
itself refuses the message in its answer has it received nothing. Every other connection is offered pipelining, the ones
between go in lock-step, so that every fault meets both. A fault strikes at a stage of the conversation, once for a
recipient or at certain turns, and each one that strikes is counted. Whatever a test wants to happen elsewhere at a
message of chance (a kill, a crash) is called from here, before the server does anything else.
"""

import asyncio
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from tests.faults.conversation import Conversation
from tests.faults.misdeeds import Fault, Say, Stage
from tests.faults.waiting import wait_for

_TO = re.compile(rb"^To:[ \t]*<?([^\s<>]+)>?\r\n", re.MULTILINE | re.IGNORECASE)
_SUBJECT = re.compile(rb"^Subject:[ \t]*([^\r\n]*)\r\n", re.MULTILINE | re.IGNORECASE)


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
        self._conversations: set[Conversation] = set()
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
            self._loop.create_server(lambda: Conversation(self, self._conversations), "127.0.0.1", 0, backlog=512)
        )
        self.port = listening.sockets[0].getsockname()[1]
        self._is_ready.set()
        self._loop.run_forever()
        listening.close()
        for conversation in list(self._conversations):
            conversation.end()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
