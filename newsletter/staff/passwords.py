"""Passwords of staff: long, not among those that are guessed first, hashed with argon2id (REQ-84).

After NIST SP 800-63B and the NCSC's advice: at least 12 characters, pasted or typed, without rules about which
characters, and without an end. Checking one takes some 20 MB and tens of milliseconds, so that few are checked at once.
"""

import threading
import unicodedata

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from newsletter.core.errors import InvalidInput

SHORTEST, LONGEST = 12, 200
#: zxcvbn's measure of how soon it would be guessed, 0 to 4: 3 holds for ten thousand million guesses.
SAFE = 3

# OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
_HASHES = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_ONE_BY_ONE = threading.BoundedSemaphore(2)
#: Looked at when there is no account, so that the answer takes as long.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$c2VuZCBuZXdzbGV0dGVy$7dTyfkL9+Vq2a0SC6/N4mW9sHcA1pTIsSwqAQ0XfHH8"


def check(password: str, *, told: tuple[str, ...] = ()) -> None:
    """Raises `InvalidInput` when the password is too short or would be guessed soon. `told`: what others know of its
    owner, such as their address."""
    if len(password) < SHORTEST:
        raise InvalidInput(
            f"Use {SHORTEST} characters or more. Three words that do not belong together are good.", field="password"
        )
    if len(password) > LONGEST:
        raise InvalidInput(f"Use {LONGEST} characters or fewer.", field="password")
    from zxcvbn import zxcvbn  # its lists of words take 15 MB, which no worker needs

    if zxcvbn(password[:72], user_inputs=["newsletter", "send", *told])["score"] < SAFE:
        raise InvalidInput(
            "This password would be guessed soon. Use words that do not belong together, not a name, a date or keys "
            "that lie side by side.",
            field="password",
        )


def hashed(password: str) -> str:
    """As it is kept."""
    with _ONE_BY_ONE:
        return _HASHES.hash(_same(password))


def is_right(password: str, kept: str | None) -> bool:
    """Whether this is the password. Takes as long when there is none."""
    if len(password) > LONGEST:
        password = password[:LONGEST]
    with _ONE_BY_ONE:
        found = _HASHES.verify(_same(password), kept or _NOBODYS)
    return found and kept is not None


def _same(password: str) -> str:
    """Keyboards write the same letter in two ways."""
    return unicodedata.normalize("NFKC", password)
