"""The opaque part of personal links: confirm, manage, leave, still you?

A token is self-contained (list, subject, time of issue), encrypted and authenticated with AES-SIV (RFC 5297), so it is
short, reveals nothing when a mail is forwarded, cannot be forged (RFC 8058, section 3.1), needs no row to stay valid,
and works for years. The purpose is authenticated with it: a leave token is no good on the confirm page. Reading a token
does not use it up, because mail scanners open links before people do.
"""

import enum
import struct
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from newsletter.core.crypto import Crypto
from newsletter.core.errors import ExpiredToken, InvalidToken

_LAYOUT = struct.Struct(">IQI")  # list id, subject id, issued at (seconds since 1970, UTC)
_SIV_BYTES = 16
#: Longest token ever made; anything longer is refused before any work is done.
TOKEN_LENGTH = 43


class Purpose(enum.StrEnum):
    """Which page a token opens."""

    CONFIRM = "confirm"
    LEAVE = "leave"
    MANAGE = "manage"
    STILL_YOU = "still-you"


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `subject_id` is a subscriber's id; the person may since have been erased."""

    list_id: int
    subject_id: int
    issued_at: datetime


class Tokens:
    """Makes and reads tokens for one installation."""

    def __init__(self, crypto: Crypto) -> None:
        self._cipher = AESSIV(crypto.derive("link tokens", 64))

    def make(self, purpose: Purpose, *, list_id: int, subject_id: int, issued_at: datetime) -> str:
        """A URL-safe token of 43 characters."""
        return self.maker((purpose,), list_id)(subject_id, int(issued_at.timestamp()))[0]

    def maker(self, purposes: Sequence[Purpose], list_id: int) -> Callable[[int, int], list[str]]:
        """What makes, for one subject of a list by its id, a token for each purpose, all issued at the same second
        (since 1970, UTC). What they have in common is worked out once, because it runs for every message."""
        encrypt, pack, associated = self._cipher.encrypt, _LAYOUT.pack, [[purpose.encode()] for purpose in purposes]

        def made(subject_id: int, issued_at_s: int) -> list[str]:
            payload = pack(list_id, subject_id, issued_at_s)
            return [_encode(encrypt(payload, with_it)) for with_it in associated]

        return made

    def read(self, purpose: Purpose, text: str, *, now: datetime, max_age: timedelta | None = None) -> Token:
        """What the token says.

        Raises `InvalidToken` when it is not one of ours for this purpose, `ExpiredToken` when it is older than
        `max_age` (no limit when None).
        """
        try:
            sealed = (
                urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if len(text) == TOKEN_LENGTH else b""
            )
            if len(sealed) != _LAYOUT.size + _SIV_BYTES or _encode(sealed) != text:  # base64 has several spellings
                raise InvalidToken("This link is not complete. Copy the whole link from the email.")
            list_id, subject_id, issued = _LAYOUT.unpack(self._cipher.decrypt(sealed, [purpose.encode()]))
        except (InvalidTag, Base64Error, UnicodeEncodeError, ValueError):
            raise InvalidToken("This link is not complete. Copy the whole link from the email.") from None
        issued_at = datetime.fromtimestamp(issued, UTC)
        if max_age is not None and now - issued_at > max_age:
            raise ExpiredToken("This link has expired.", list_id=list_id, subject_id=subject_id)
        return Token(list_id=list_id, subject_id=subject_id, issued_at=issued_at)


def _encode(sealed: bytes) -> str:
    return b2a_base64(sealed, newline=False).translate(_URL_SAFE, b"=").decode()
