"""A whole message in the pieces it was compiled to, so that sending it need not look at 65 KB again for each reader.

Whoever makes one vouches for its form; a provider that is given plain bytes has to look for itself.
"""

from collections.abc import Sequence


class CanonicalMime:
    """A message (RFC 5322) of which it is certain that every line ends in CRLF, none starts with a dot, none is longer
    than 998 characters, and no other CR, LF or NUL is in it. Not to be changed once made."""

    __slots__ = ("pieces", "size_bytes")

    def __init__(self, pieces: Sequence[bytes], size_bytes: int) -> None:
        self.pieces = pieces
        self.size_bytes = size_bytes

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)
