"""One connection to the hostile mail server: SMTP as far as a client needs it, and misdeeds where they are ordered."""

import asyncio
import re
import socket
import struct
from typing import TYPE_CHECKING

from tests.faults.misdeeds import Fault, HangUp, Say, Stage, Stall

if TYPE_CHECKING:
    from tests.faults.hostile import HostileServer

_PATH = re.compile(rb"<([^>]*)>")
_GREETING = b"220 mail.example.org\r\n"


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: "HostileServer", all_of_them: set["Conversation"]) -> None:
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
