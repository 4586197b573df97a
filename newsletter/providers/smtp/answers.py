"""What a server's answer means for a reader's copy, and how far it reaches."""

from newsletter.providers.base import Outcome, Result, Scope

READY_FOR_BODY = 354
#: The server is shutting the connection down (RFC 5321, section 3.8).
CLOSING = 421
#: Authentication required, needed, failed: whatever the recipient (RFC 4954).
_ABOUT_US = {530, 534, 535, 538}
_TOO_LARGE = 552


def refused_sender(key: str, code: int, text: str) -> Result:
    """MAIL was refused: it is our sender, or our message, so the same for everybody."""
    return _refused(key, code, text, Scope.BATCH)


def refused_recipient(key: str, code: int, text: str) -> Result:
    """RCPT was refused. A server that will not relay for us says so of every recipient; no reader is to blame."""
    about_us = code >= 500 and "relay" in text.lower()
    return _refused(key, code, text, Scope.ACCOUNT if about_us else Scope.RECIPIENT)


def refused_data(key: str, code: int, text: str) -> Result:
    """DATA was refused, so that no message followed."""
    return _refused(key, code, text, Scope.RECIPIENT)


def of_message(key: str, code: int, text: str) -> Result | None:
    """The answer to a whole message; None when it makes no sense."""
    if 200 <= code < 300:
        return Result(key, Outcome.ACCEPTED, code=str(code), detail=text)
    if 400 <= code < 500:
        return Result(key, Outcome.DEFERRED, code=str(code), detail=text)
    if 500 <= code < 600:
        scope = Scope.BATCH if code == _TOO_LARGE else Scope.RECIPIENT
        return Result(key, Outcome.REJECTED, code=str(code), detail=text, scope=scope)
    return None


def without_utf8(key: str) -> Result:
    """The address needs SMTPUTF8 and the server does not offer it."""
    detail = "The mail server takes only addresses written in the letters a to z (no SMTPUTF8)."
    return Result(key, Outcome.REJECTED, code="SMTPUTF8", detail=detail)


def over_size(key: str, size_bytes: int, most_bytes: int) -> Result:
    """The server said beforehand that it does not take so large a message."""
    detail = f"The message has {size_bytes} bytes; the mail server takes {most_bytes} at most."
    return Result(key, Outcome.REJECTED, code="SIZE", detail=detail, scope=Scope.BATCH)


def not_sent(key: str, why: str, *, code: str | None = None, scope: Scope = Scope.BATCH) -> Result:
    """The connection ended before the message was handed over: certainly not sent."""
    return Result(key, Outcome.DEFERRED, code=code, detail=why, scope=scope)


def in_doubt(key: str, why: str, *, code: str | None = None) -> Result:
    """The message was handed over, and no answer to it came that can be understood."""
    return Result(key, Outcome.UNKNOWN, code=code, detail=why)


def _refused(key: str, code: int, text: str, scope: Scope) -> Result:
    if code in _ABOUT_US:
        return Result(key, Outcome.DEFERRED, code=str(code), detail=text, scope=Scope.ACCOUNT)
    if code >= 500 and scope is not Scope.ACCOUNT:
        return Result(key, Outcome.REJECTED, code=str(code), detail=text, scope=scope)
    return Result(key, Outcome.DEFERRED, code=str(code), detail=text, scope=Scope.BATCH if code == CLOSING else scope)
