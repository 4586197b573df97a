"""Mail servers that drop, refuse, stall and babble: each reader gets the edition once, whatever a server does to us.

Where a server took the whole message and gave no answer that can be understood, nobody can know, and the ledger says
so; everybody else has their copy in the end, or has been refused for good by the server itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.faults import verdict
from tests.faults.conftest import Install
from tests.faults.installation import CONNECTIONS, WINDOW, Installation
from tests.faults.misdeeds import Fault, HangUp, Say, Stage, Stall
from tests.faults.stories import BOTH, side_by_side

#: Two batches, so that two connections are in use at once.
READERS = 600

_HANG_UPS = (HangUp(), HangUp(reset=True))
_CLOSING = Say(b"421 4.3.2 Closing for a while\r\n", then_hang_up=True)
_BABBLE = (
    Say(b"Good morning, and welcome\r\n"),
    Say(bytes(range(256)) + b"\r\n"),
    Say(b"2" * 100_000),
    Say(b"250-this\r\n550 and that\r\n"),
    Say(b"999 9.9.9 Beyond\r\n"),
    Say(b"250 2.0.0 Yes\r\n250 2.0.0 And yes again\r\n"),
    Say(b"250"),
)


@dataclass(frozen=True)
class Strike:
    """Faults at one stage, taken in turn: for so many readers, or (where nobody is named yet) at these turns."""

    stage: Stage
    faults: Sequence[Fault]
    readers: int = 0
    turns: Sequence[int] = ()

    @property
    def number(self) -> int:
        return self.readers + len(self.turns)


@dataclass(frozen=True)
class Case:
    name: str
    strikes: Sequence[Strike]
    unknown: int = 0  # at most
    rejected: int = 0
    timeout_s: float = 20


CASES = (
    Case(
        "connection dropped before a message",
        (
            Strike(Stage.CONNECT, _HANG_UPS, turns=(1, 2, 4)),
            Strike(Stage.MAIL, _HANG_UPS, turns=(7, 8, 30, 77)),
            Strike(Stage.RCPT, _HANG_UPS, readers=8),
            Strike(Stage.DATA, _HANG_UPS, readers=8),
        ),
    ),
    Case("connection dropped inside a message", (Strike(Stage.BODY, _HANG_UPS, readers=15),), unknown=15),
    Case("connection dropped after a message", (Strike(Stage.MESSAGE, _HANG_UPS, readers=15),), unknown=15),
    Case("421 at MAIL", (Strike(Stage.MAIL, (_CLOSING,), turns=range(20, 520, 50)),)),
    Case("421 at RCPT", (Strike(Stage.RCPT, (_CLOSING,), readers=15),)),
    Case("421 after a message", (Strike(Stage.MESSAGE, (_CLOSING,), readers=15),)),
    Case(
        "450 and 452 at RCPT",
        (Strike(Stage.RCPT, (Say(b"450 4.2.1 Busy\r\n"), Say(b"452 4.5.3 Too many\r\n")), readers=60),),
    ),
    Case("554 at DATA", (Strike(Stage.DATA, (Say(b"554 5.7.1 No message for you\r\n"),), readers=15),), rejected=15),
    Case("550 at RCPT", (Strike(Stage.RCPT, (Say(b"550 5.1.1 Nobody here\r\n"),), readers=15),), rejected=15),
    Case("greylisting", (Strike(Stage.RCPT, (Say(b"451 4.7.1 Come back later\r\n"),), readers=READERS),)),
    Case(
        "no answer within the time-out",
        (
            Strike(Stage.CONNECT, (Stall(),), turns=(1,)),
            Strike(Stage.MAIL, (Stall(),), turns=(40,)),
            Strike(Stage.RCPT, (Stall(),), readers=2),
            Strike(Stage.DATA, (Stall(),), readers=2),
            Strike(Stage.BODY, (Stall(),), readers=2),
            Strike(Stage.MESSAGE, (Stall(),), readers=2),
        ),
        unknown=4,
        timeout_s=0.5,
    ),
    Case(
        "babble before a message",
        (
            Strike(Stage.CONNECT, _BABBLE, turns=(1, 2, 3)),
            Strike(Stage.MAIL, _BABBLE, turns=range(10, 500, 70)),
            Strike(Stage.RCPT, _BABBLE, readers=7),
            Strike(Stage.DATA, _BABBLE, readers=7),
        ),
        timeout_s=1,
    ),
    Case("babble after a message", (Strike(Stage.MESSAGE, _BABBLE, readers=14),), unknown=14, timeout_s=0.5),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_reader_gets_it_once_or_is_refused_by_the_server(install: Install, case: Case) -> None:
    def tell(here: Installation) -> None:
        here.with_readers(READERS).open()
        for number, strike in enumerate(case.strikes):
            _plan(here, strike, number)
        here.run_on()
        verdict.give(here, case.name, here.server.struck, unknown_at_most=case.unknown, rejected=case.rejected)
        assert here.server.struck == sum(strike.number for strike in case.strikes)

    side_by_side(tell, [install(kind, timeout_s=case.timeout_s) for kind in BOTH])


def test_a_server_that_keeps_everything_and_answers_nothing_is_left_alone_soon(install: Install) -> None:
    """The product itself pauses the edition, and says why; a person resumes it."""

    def tell(here: Installation) -> None:
        here.with_readers(READERS).open()
        here.server.strike_turns(Stage.MESSAGE, HangUp(), range(101, 161))
        here.run_on()
        found = verdict.give(here, "server answers nothing for a while", here.server.struck, unknown_at_most=60)
        assert here.server.struck == found["unknown"] == 60
        assert here.reasons, "the edition was never paused"
        assert all("smtp" in because for because in here.reasons), here.reasons

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_the_answers_to_a_dead_worker_are_lost_and_nobody_is_sent_a_second_copy(install: Install) -> None:
    """The server is slow: it has a message and has not answered when the worker is killed."""
    kills = 4

    def tell(here: Installation) -> None:
        here.with_readers(200)
        for _ in range(2 * kills):
            here.open()
        for _ in range(kills):
            worker = here.worker()
            here.server.await_turn(Stage.MESSAGE, 25, here.server.hold_answers)
            worker.kill()
            assert worker.wait() == -9, worker.output()
            here.server.go_on()
        here.run_on()
        verdict.give(here, "worker killed, answers held back", kills, unknown_at_most=kills * WINDOW * CONNECTIONS)

    side_by_side(tell, [install(kind) for kind in BOTH])


def _plan(here: Installation, strike: Strike, number: int) -> None:
    for each, fault in enumerate(strike.faults):
        turns = strike.turns[each :: len(strike.faults)]
        here.server.strike_turns(strike.stage, fault, turns)
        if strike.readers:
            chosen = here.some_readers(READERS // strike.readers, min(number, READERS // strike.readers - 1))
            here.server.strike_recipients(strike.stage, fault, chosen[: strike.readers][each :: len(strike.faults)])
