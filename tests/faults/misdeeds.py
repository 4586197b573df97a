"""What a mail server can do to its client, and at which stage of their conversation."""

import enum
from dataclasses import dataclass


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
