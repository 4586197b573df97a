"""Servers that misbehave anywhere: whatever they do, the outcomes agree with what they took."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core import loops
from newsletter.providers.base import Outcome, Result
from tests.newsletter.providers.samples import MESSAGE, recipient
from tests.newsletter.providers.smtp.scripted import DROP, KEEP_AND_DROP, LOCK_STEP, PIPELINING, POLITE, scripted
from tests.newsletter.providers.smtp.talking import provider

FAULTS = [
    "450 4.2.0 Later",
    "550 5.1.1 No",
    "421 4.3.2 Closing",
    DROP,
    "250 OK\r\n250 OK",
    "250 OK\r\n550 No",
    "354 Go",
]
FAULTS += ["250-OK\r\n251 OK", "garbage", "250 OK\r\n354 Go", "252 Perhaps", "220 Hello", "530 5.7.0 Sign in", ""]
WINDOW = 12


def answers(usual: str, *faults: str) -> st.SearchStrategy[list[str]]:
    """Mostly what is usual."""
    return st.lists(st.one_of(*[st.just(usual)] * 3, st.sampled_from([*FAULTS, *faults])), min_size=3, max_size=25)


@settings(max_examples=150, deadline=None)
@given(
    ehlo=st.sampled_from([PIPELINING, LOCK_STEP]),
    mail=answers(POLITE["MAIL"]),
    rcpt=answers(POLITE["RCPT"]),
    data=answers(POLITE["DATA"], "354 Go on\r\n250 OK", "354 Go on\r\n550 No"),
    body=answers(POLITE["body"], KEEP_AND_DROP, "250 Kept\r\n250 Kept", "250 Kept\r\n354 Go", "552 5.3.4 Large"),
    rset=answers(POLITE["RSET"]),
    connections=st.integers(1, 3),
)
def test_one_for_accepted_one_at_most_for_unknown_none_for_all_else(
    ehlo: str, mail: list[str], rcpt: list[str], data: list[str], body: list[str], rset: list[str], connections: int
) -> None:
    script = {"EHLO": ehlo, "MAIL": mail, "RCPT": rcpt, "DATA": data, "body": body, "RSET": rset}
    people = [recipient(number) for number in range(WINDOW)]

    async def run() -> tuple[list[Result], list[tuple[str, bytes]]]:
        # An answer that is swallowed leaves both sides waiting, until the time-out.
        async with scripted(script) as server:
            ours = provider(server.port, timeout_s="0.2", connections=str(connections))
            windows = [
                ours.send(MESSAGE, people[first : first + WINDOW // 3]) for first in range(0, WINDOW, WINDOW // 3)
            ]
            results = [result for window in await asyncio.gather(*windows) for result in window]
            await ours.aclose()
            assert server.hasty == 0
            return results, server.kept

    results, kept = loops.run(run())
    copies = Counter(address for address, _ in kept)
    assert [result.key for result in results] == [person.key for person in people]
    for person, result in zip(people, results, strict=True):
        if result.outcome is Outcome.ACCEPTED:
            assert copies[person.address] == 1
        elif result.outcome is Outcome.UNKNOWN:
            assert copies[person.address] <= 1
        else:
            assert copies[person.address] == 0
    for address, message in kept:
        assert f"To: {address}\r\n".encode() in message
