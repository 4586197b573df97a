"""Keys and what is done with them: addresses encrypted at rest, looked up by keyed hash.

Every key is derived from the one secret with HKDF-SHA256 (RFC 5869), a separate key for each use, so that a value
made for one use can never be taken for another. The secret lives outside the database and must be kept for as long as
the database is: without it no address can be read and no link in a mail works.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from newsletter.core.errors import ConfigurationError

NONCE_BYTES = 12


class Crypto:
    """The keys of one installation."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._addresses = AESGCM(self.derive("addresses at rest", 32))
        self._look_up = self.derive("address look-up", 32)

    def derive(self, use: str, length_bytes: int) -> bytes:
        """A key for one use, always the same for the same secret."""
        return HKDF(algorithm=SHA256(), length=length_bytes, salt=b"send-newsletter", info=use.encode()).derive(
            self._secret
        )

    def encrypt(self, text: str) -> bytes:
        """AES-256-GCM under a fresh nonce; two encryptions of one address differ."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._addresses.encrypt(nonce, text.encode(), None)

    def decrypt(self, sealed: bytes) -> str:
        """Undo `encrypt`. Raises `ConfigurationError` when the secret is not the one it was sealed with."""
        try:
            return self._addresses.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()
        except InvalidTag:
            raise ConfigurationError(
                "NEWSLETTER_SECRET_KEY is not the secret this database was written with; restore the right one."
            ) from None

    def keyed_hash(self, text: str, *, context: str) -> bytes:
        """A 32-byte BLAKE2b keyed hash. The `context` separates namespaces: the same address on two mailing lists
        gives two hashes that nobody without the secret can connect."""
        return self.hasher(context)(text)

    def hasher(self, context: str) -> Callable[[str], bytes]:
        """`keyed_hash` for many texts of one context, which is taken in once."""
        begun = hashlib.blake2b(context.encode() + b"\0", key=self._look_up, digest_size=32)

        def hashed(text: str) -> bytes:
            each = begun.copy()
            each.update(text.encode())
            return each.digest()

        return hashed

    def same(self, one: bytes, other: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(one, other)
