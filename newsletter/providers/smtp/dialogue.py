"""One question, one answer: how a connection is opened (greeting, EHLO, STARTTLS, signing in) and how it is closed."""

import asyncio
from dataclasses import dataclass

from newsletter.providers.smtp.protocol import Line


class Broken(Exception):
    """The connection ended, or the server stopped making sense, before its answer came."""


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    lines: list[bytes]

    @property
    def text(self) -> str:
        return said(self.lines)


class Dialogue:
    """A `Listener` that waits for each answer before it says more."""

    def __init__(self) -> None:
        self.line = Line(self)
        # The greeting comes unasked and may be here before anybody waits for it.
        self._answer: asyncio.Future[Reply] | None = asyncio.get_running_loop().create_future()

    async def ask(self, command: bytes | None = None) -> Reply:
        """The server's answer to one command, or its greeting. Raises `Broken`; the caller sets the time limit."""
        if command is not None:
            if not self.line.is_open:
                raise Broken(self.line.ended_because)
            self._answer = asyncio.get_running_loop().create_future()
            self.line.write(command + b"\r\n")
        assert self._answer is not None
        try:
            return await self._answer
        finally:
            self._answer = None

    def heard(self, code: int, lines: list[bytes]) -> None:
        if self._answer is None or self._answer.done():
            return self.line.fail("The server said more than it was asked")
        self._answer.set_result(Reply(code, lines))

    def all_heard(self) -> None:
        """Whoever asked goes on in its own time."""

    def lost(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(why))


def said(lines: list[bytes]) -> str:
    """What the server said, shortened, in one line."""
    return " ".join([line.decode("utf-8", "replace").strip() for line in lines])[:300]
