"""The line to a mail server: bytes in, whole replies out; anything that is not a reply ends the connection.

Knows nothing of commands. A `Listener` hears each reply, is told when everything that was read has been heard (only
then may it write again, so that a reply nobody waits for is noticed before it is taken for the next one), and learns
once why the connection ended.
"""

import asyncio
import re
import socket
from typing import Protocol, cast

_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ -][^\r\n\0]*)?").fullmatch

#: RFC 5321 allows 512 octets; real servers say more. An end must be in sight all the same.
LONGEST_LINE = 4096
MOST_LINES = 200


class Listener(Protocol):
    """Whoever talks over the line at the moment."""

    def heard(self, code: int, lines: list[bytes]) -> None:
        """One whole reply; `lines` without their codes."""
        ...

    def all_heard(self) -> None:
        """Everything that has arrived was passed on."""
        ...

    def lost(self, why: str) -> None:
        """The connection is over. Said once."""
        ...


class Line(asyncio.BufferedProtocol):
    """One connection. `is_open` is false from the moment it must not be used any more."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.is_open = False
        self.ended_because = ""
        self.ended_by_server = False
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        # Made over by get_buffer: reading into the same bytes again and again spares an allocation for each reply.
        self._space = memoryview(bytearray(16384))
        self._rest = b""
        self._lines: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        self.is_open = True

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        if not self.is_open:
            return
        lines = (self._rest + self._space[:nbytes]).split(b"\r\n")
        self._rest = lines.pop()
        for line in lines:
            if not _LINE(line) or len(line) > LONGEST_LINE:
                return self.fail("The server said something that is no reply")
            code, is_last = line[:3], line[3:4] != b"-"
            if is_last and not self._lines:  # four for each message
                self.listener.heard(int(code), [line[4:]])
            else:
                self._lines.append(line)
                if not is_last:
                    if len(self._lines) > MOST_LINES:
                        return self.fail("The server's reply does not end")
                    continue
                whole, self._lines = self._lines, []
                if any(other[:3] != code for other in whole):
                    return self.fail("The server's reply has two codes")
                self.listener.heard(int(code), [other[4:] for other in whole])
            if not self.is_open:
                return None
        if len(self._rest) > LONGEST_LINE:
            return self.fail("The server's reply does not end")
        return self.listener.all_heard()

    def eof_received(self) -> None:
        """Let asyncio close the connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        why = "The server closed the connection" if exc is None else f"The connection broke ({_kind(exc)})"
        self.fail(why, by_server=True)

    # What the listener calls.

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has arrived beyond the last whole reply."""
        return not self._rest and not self._lines

    def secured(self, transport: asyncio.Transport) -> None:
        """From here on the line is this one, under TLS."""
        self._transport = transport

    def left_in_clear(self, through: socket.socket) -> None:
        """There is no TLS, nor will there be: what is written may go straight into the transport's own socket."""
        self._socket = through

    def write(self, data: bytes) -> None:
        """Say it, after whatever is not on its way yet.

        uvloop keeps Python's lock while the kernel takes the bytes, so that nobody could write the next copies
        meanwhile; a socket lets go of it.
        """
        transport, sent = self.transport, 0
        if self._socket is not None and not transport.get_write_buffer_size():
            try:
                sent = self._socket.send(data)
            except OSError:  # full for the moment; or at its end, which the transport will find as well, and tell
                sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def fail(self, why: str, *, by_server: bool = False) -> None:
        """Hang up, and say why once. `by_server`: it ended the connection as servers may, and makes sense so far."""
        was_open, self.is_open = self.is_open, False
        if self._transport is not None:
            self._transport.abort()
        if was_open:
            self.ended_because, self.ended_by_server = why, by_server
            self.listener.lost(why)


def _kind(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
