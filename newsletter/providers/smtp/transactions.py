"""One transaction after the other over one connection, pipelined (RFC 2920) where the server offers it.

While the server reads one message it is already told of the next: `body . MAIL RCPT DATA` go out together, so that a
message costs one round trip. A body never goes out before its own 354. Each reply belongs to the oldest command that
has none; a reply too many, one that cannot be, or silence ends the connection. Until a body is handed over nothing can
have been sent; once it is, only the server's answer tells.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from newsletter.providers.base import Result
from newsletter.providers.smtp import answers
from newsletter.providers.smtp.answers import CLOSING, READY_FOR_BODY
from newsletter.providers.smtp.dialogue import said
from newsletter.providers.smtp.protocol import Line

#: A server may think about a whole message for longer than about a command (RFC 5321, section 4.5.3.2) …
PATIENCE_WITH_MESSAGES = 4
#: … and the line may carry no more than this.
SLOWEST_BYTES_PER_S = 50_000
#: How long a server may take to say goodbye.
GOODBYE_S = 2.0


class _Step(enum.Enum):
    RSET = enum.auto()
    MAIL = enum.auto()
    RCPT = enum.auto()
    DATA = enum.auto()
    BODY = enum.auto()
    NOTHING = enum.auto()  # the empty message after a 354 that came although nobody may have the message


_RSET, _MAIL, _RCPT, _DATA, _BODY, _NOTHING = _Step


@dataclass(slots=True, eq=False)
class Transaction:
    """One message to one recipient. `result` is set as soon as it is known what became of it."""

    key: str
    sender: str
    recipient: str
    pieces: Sequence[bytes]  # with dots doubled where DATA wants that, ending in CRLF
    size_bytes: int
    needs_utf8: bool = False
    result: Result | None = None
    refusal: Result | None = None  # of MAIL, RCPT or DATA; the result as soon as the other commands are answered
    is_refused_sender: bool = False
    may_have_body: bool = False
    interrupted: int = 0  # how many connections the server closed before the body was due


@dataclass(frozen=True, slots=True)
class Offers:
    """What the server said to EHLO."""

    pipelining: bool = False
    smtputf8: bool = False
    size: bool = False
    most_bytes: int = 0  # 0: not said
    starttls: bool = False
    auth: frozenset[str] = frozenset()


class Transactions:
    """A `Listener` that sends. `is_open` turns false as soon as no more may be sent over it."""

    def __init__(self, line: Line, offers: Offers, *, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._offers = offers
        self._timeout_s = timeout_s
        self._expected: deque[tuple[_Step, Transaction]] = deque()
        self._unsaid: deque[tuple[_Step, Transaction, bytes]] = deque()  # what waits for the answers expected
        self._queue: deque[Transaction] = deque()
        self._current: Transaction | None = None  # told of, its body not handed over
        self._handed: Transaction | None = None  # its body handed over, not answered
        self._needs_reset = False
        self._finished: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self.answered = 0  # transactions that the server has decided
        line.listener = self

    @property
    def is_open(self) -> bool:
        return self._line.is_open

    @property
    def ended_because(self) -> str:
        return self._line.ended_because

    async def carry(self, queue: deque[Transaction]) -> None:
        """Send from the left of `queue` until it is empty or the connection is over. What is still in it was certainly
        not sent; everything taken from it has a result."""
        if not self._line.is_open:
            return
        self._queue = queue
        self._finished = self._loop.create_future()
        try:
            self._go_on()
            if not self._finished.done():
                self._look_at_the_clock()
            await self._finished
        finally:
            self._finished = None
            if self._watch is not None:
                self._watch.cancel()
            if self._expected:  # cancelled: nobody is there any more to take the answers
                self.hang_up()

    def hang_up(self) -> None:
        """Cut the connection without a word."""
        self._line.fail("We hung up")

    async def say_goodbye(self) -> None:
        """QUIT, and a moment for the answer, on which nothing depends."""
        if not self._line.is_open:
            return
        self._finished = self._loop.create_future()
        self._line.write(b"QUIT\r\n")
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._finished
        self.hang_up()

    # What the line calls.

    def heard(self, code: int, lines: list[bytes]) -> None:
        """One reply: it belongs to the oldest command that has none."""
        if not self._expected:
            is_end = code == CLOSING
            why = "The server ended the connection" if is_end else "The server said more than it was asked"
            return self._line.fail(why, by_server=is_end)
        step, transaction = self._expected.popleft()
        if step is _BODY:
            self._heard_of_message(transaction, code, said(lines))
        elif code >= 400:
            self._heard_refusal(step, transaction, code, said(lines))
        elif step is _DATA and code == READY_FOR_BODY:
            self._heard_go_ahead(transaction)
        elif step is _DATA or not (code == 250 or (step is _RCPT and code == 251)):
            self._line.fail(f"The server's answer to {step.name} makes no sense ({code})")
        if code == CLOSING:
            self._line.fail(f"The server ended the connection: {said(lines)}", by_server=True)
        return None

    def all_heard(self) -> None:
        """Nothing more has arrived: what comes next may be said if every command has its answer."""
        if not self._expected and self._finished is not None:
            self._go_on()

    def lost(self, why: str) -> None:
        """The connection is over: doubt about a message handed over, none about the one after it."""
        self._expected.clear()
        self._unsaid.clear()
        handed, current = self._handed, self._current
        self._handed = self._current = None
        if handed is not None and handed.result is None:
            handed.result = answers.in_doubt(handed.key, f"No answer after the message: {why}")
        if current is not None:
            refusal, current.refusal = current.refusal, None
            current.is_refused_sender = current.may_have_body = False
            if refusal is not None and refusal.code != str(CLOSING):
                current.result = refusal
                self.answered += 1
            elif self._line.ended_by_server and current.interrupted == 0:
                current.interrupted += 1
                self._queue.appendleft(current)  # nothing of it was handed over: another connection may carry it
            else:
                current.result = refusal or answers.not_sent(current.key, f"Before the message: {why}")
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)

    def _heard_of_message(self, transaction: Transaction, code: int, text: str) -> None:
        self._handed = None
        transaction.result = answers.of_message(transaction.key, code, text)
        if transaction.result is None:
            why = f"An answer that makes no sense: {text}"
            transaction.result = answers.in_doubt(transaction.key, why, code=str(code))
            return self._line.fail("The server's answer to a message makes no sense")
        self.answered += 1
        self._expect_within(self._timeout_s)  # the commands behind the body wait for no more than an answer
        return None

    def _heard_refusal(self, step: _Step, transaction: Transaction, code: int, text: str) -> None:
        if step is _RSET:
            return self._line.fail(f"The server does not reset ({code})", by_server=code == CLOSING)
        self._needs_reset = True
        if transaction.refusal is None:
            self._unsaid.clear()
            transaction.is_refused_sender = step is _MAIL
            refused = {_MAIL: answers.refused_sender, _RCPT: answers.refused_recipient}.get(step, answers.refused_data)
            transaction.refusal = refused(transaction.key, code, text)
        return None

    def _heard_go_ahead(self, transaction: Transaction) -> None:
        if transaction.is_refused_sender:  # an empty message might be accepted in somebody else's name
            self._line.fail("The server wants a message although it refused its sender")
        elif transaction.refusal is not None:  # RFC 2920, section 3.1: end what the server began with nothing
            self._unsaid.append((_NOTHING, transaction, b".\r\n"))
        else:
            transaction.may_have_body = True

    # What is said.

    def _go_on(self) -> None:
        """Every command has its answer: say what comes next."""
        current = self._current
        if current is not None and current.may_have_body:
            return self._hand_over(current)
        if current is not None and not self._unsaid:
            current.result = current.refusal
            self.answered += 1
            self._current = None
        if not self._unsaid:
            self._announce_next()
        if self._unsaid:
            self._line.write(self._next_words())
            self._expect_within(self._timeout_s)
        elif self._finished is not None and not self._finished.done():
            self._finished.set_result(None)
        return None

    def _hand_over(self, transaction: Transaction) -> None:
        self._current, self._handed = None, transaction
        self._expected.append((_BODY, transaction))
        words = [*transaction.pieces, b".\r\n"]
        if self._offers.pipelining:
            self._announce_next()
            words.append(self._next_words())
        self._expect_within(self._timeout_s * PATIENCE_WITH_MESSAGES + transaction.size_bytes / SLOWEST_BYTES_PER_S)
        self._line.write(b"".join(words))

    def _next_words(self) -> bytes:
        """As much of what is unsaid as may be said at once, from now on expected to be answered."""
        words = b""
        while self._unsaid:
            step, transaction, word = self._unsaid.popleft()
            self._expected.append((step, transaction))
            words += word
            if not self._offers.pipelining:
                break
        return words

    def _announce_next(self) -> None:
        """Put the commands for the next message that this server can take among what is unsaid."""
        for transaction in self._takeable():
            self._current = transaction
            mail = f"MAIL FROM:<{transaction.sender}>"
            if self._offers.size:
                mail += f" SIZE={transaction.size_bytes}"
            if transaction.needs_utf8:
                mail += " SMTPUTF8"
            if self._needs_reset:  # nothing of a refused transaction may be left in this one
                self._needs_reset = False
                self._unsaid.append((_RSET, transaction, b"RSET\r\n"))
            self._unsaid.append((_MAIL, transaction, f"{mail}\r\n".encode()))
            self._unsaid.append((_RCPT, transaction, f"RCPT TO:<{transaction.recipient}>\r\n".encode()))
            self._unsaid.append((_DATA, transaction, b"DATA\r\n"))
            return

    def _takeable(self) -> Iterator[Transaction]:
        offers = self._offers
        while self._queue:
            transaction = self._queue.popleft()
            if transaction.needs_utf8 and not offers.smtputf8:
                transaction.result = answers.without_utf8(transaction.key)
            elif 0 < offers.most_bytes < transaction.size_bytes:
                size_bytes = transaction.size_bytes
                transaction.result = answers.over_size(transaction.key, size_bytes, offers.most_bytes)
            else:
                yield transaction

    # How long it may take.

    def _expect_within(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def _look_at_the_clock(self) -> None:
        """One timer for a whole window; one for each command would cost as much as sending it."""
        left_s = self._deadline - self._loop.time()
        if left_s <= 0:
            self._line.fail(f"The server did not answer within {self._timeout_s:g} seconds")
        else:
            self._watch = self._loop.call_later(min(left_s, self._timeout_s), self._look_at_the_clock)
