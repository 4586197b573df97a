"""The envelope sender of each copy (VERP): an address of ours that only says which delivery it was, and only to us.

What comes back about a copy (a bounce, a notice of delivery, a complaint) is sent to its envelope sender. So each copy
gets `bounces+TOKEN@…`: the token is the delivery's id, edition and kind, encrypted and authenticated with AES-SIV
(RFC 5297), so that it tells nobody anything and nobody can make one up. It is written in base32, because mail servers
may fold the case of a local part, and 40 characters long, so that the part before the @ stays within 64 octets.
"""

import re
from base64 import b32decode, b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from newsletter.core.crypto import Crypto
from newsletter.delivery.models import DeliveryKind

#: 16 bytes that authenticate, 5 for the delivery, 3 for the edition, 1 for the kind: 25 bytes are 40 characters.
_DELIVERY_BYTES, _EDITION_BYTES = 5, 3

#: Numbers that stand in addresses out in the world: never change one, only add.
_NUMBERS = {
    DeliveryKind.EDITION: 0,
    DeliveryKind.CONFIRM: 1,
    DeliveryKind.ALREADY: 2,
    DeliveryKind.WELCOME: 3,
    DeliveryKind.GOODBYE: 4,
    DeliveryKind.REMINDER: 5,
    DeliveryKind.NEW_ADDRESS: 6,
    DeliveryKind.ADDRESS_CHANGED: 7,
    DeliveryKind.STILL_ON: 8,
    DeliveryKind.STILL_YOU: 9,
    DeliveryKind.STILL_YOU_REMINDER: 10,
    DeliveryKind.HAND_OVER: 11,
}
_KINDS = {number: kind for kind, number in _NUMBERS.items()}

#: Wherever it stands: forwarders put whole addresses into their own (SRS, BATV).
_TOKEN = re.compile(r"\+([a-z2-7]{40})(?![a-z2-7])", re.IGNORECASE)

#: How many tokens of one message are tried. Real ones repeat the same one a few times.
_MOST_TRIED = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Which delivery something came back for."""

    delivery_id: int
    edition_id: int | None  # None: a letter
    kind: DeliveryKind


class ReturnPaths:
    """Makes and reads the envelope senders of one installation. `address` is where bounces are taken; empty: the
    envelope sender stays the list's own address. Reading works in any case, also after the setting has changed."""

    def __init__(self, crypto: Crypto, address: str = "") -> None:
        self._cipher = AESSIV(crypto.derive("return paths", 32))
        self._local, _, self._domain = address.rpartition("@")

    def writer(self, kind: DeliveryKind, edition_id: int | None) -> Callable[[int], str] | None:
        """What gives each delivery of one edition, or of one kind of letter, its envelope sender by its id; None where
        there is no address for bounces."""
        if not self._domain:
            return None
        rest = (edition_id or 0).to_bytes(_EDITION_BYTES) + bytes([_NUMBERS[kind]])
        before, after, encrypt = f"{self._local}+", f"@{self._domain}", self._cipher.encrypt

        def write(delivery_id: int) -> str:
            sealed = encrypt(delivery_id.to_bytes(_DELIVERY_BYTES) + rest, None)
            return before + b32encode(sealed).decode().lower() + after

        return write

    def find(self, text: str) -> Origin | None:
        """The delivery that a genuine token in this text belongs to, however the address around it was changed."""
        for number, token in enumerate(_tokens(text)):
            if number >= _MOST_TRIED:
                break
            try:
                opened = self._cipher.decrypt(b32decode(token, casefold=True), None)
            except InvalidTag:
                continue
            kind = _KINDS.get(opened[-1])
            if kind is not None:
                edition_id = int.from_bytes(opened[_DELIVERY_BYTES:-1]) or None
                return Origin(int.from_bytes(opened[:_DELIVERY_BYTES]), edition_id, kind)
        return None


def _tokens(text: str) -> Iterator[str]:
    seen: set[str] = set()
    for found in _TOKEN.finditer(text):
        token = found.group(1).lower()
        if token not in seen:
            seen.add(token)
            yield token
