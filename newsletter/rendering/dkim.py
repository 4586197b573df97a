"""DKIM signatures (RFC 6376, RFC 8463), made while a copy is filled: what all copies share is prepared once.

Both forms are relaxed, so that a relay may refold headers. A body is hashed over canonical pieces that were made when
the message was compiled; for each reader only the personal values are brought into that form. The settings are
`NEWSLETTER_DKIM_DOMAIN`, `DKIM_SELECTOR` and `DKIM_PRIVATE_KEY` or `DKIM_PRIVATE_KEY_FILE`; a second key, to sign with
RSA and Ed25519 at once, has `SECOND_` before `SELECTOR` and `PRIVATE_KEY`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from newsletter.core.errors import ConfigurationError

#: What is signed, where it is there. From twice: nobody can put a second one before ours.
SIGNED = (
    "From", "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
)  # fmt: skip
LEAST_BITS = 2048

_PKCS1, _SHA256 = padding.PKCS1v15(), hashes.SHA256()
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Key:
    """One private key and the name under which its public half is found in the DNS."""

    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, _PKCS1, _SHA256)
        return self.private.sign(hashlib.sha256(data).digest())

    def record(self) -> str:
        """The TXT record that receivers must find."""
        public, encoding = self.private.public_key(), serialization.Encoding
        if isinstance(self.private, RSAPrivateKey):
            written = public.public_bytes(encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(written).decode()}"
        written = public.public_bytes(encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(written).decode()}"


class Signer:
    """Signs for one domain, with each of its keys. Safe to use from several threads."""

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        self.domain = domain
        self.keys = tuple(keys)

    def records(self) -> dict[str, str]:
        """What must stand in the DNS: name to TXT record."""
        return {f"{key.selector}._domainkey.{self.domain}": key.record() for key in self.keys}

    def covers(self, address: str) -> bool:
        """Whether a signature speaks for this sender's address (DMARC's relaxed alignment, towards subdomains)."""
        domain = address.rpartition("@")[2].rstrip("> ").lower()
        return domain == self.domain or domain.endswith(f".{self.domain}")

    def prepare(self, pieces: Sequence[bytes], gaps: Sequence[int]) -> "Signing":
        """Everything about the signatures of a compiled message that all its copies share."""
        return Signing(self, pieces, gaps)


class Signing:
    """Signs the copies of one message. Made by `Signer.prepare`."""

    def __init__(self, signer: Signer, pieces: Sequence[bytes], gaps: Sequence[int]) -> None:
        self._signer = signer
        # The first piece that holds the blank line: the gaps before it are headers, those after it are in the body.
        last = next(index for index, piece in enumerate(pieces) if b"\r\n\r\n" in piece)
        head, _, rest = pieces[last].partition(b"\r\n\r\n")
        self._head_gaps = [index for index in gaps if index < last]
        self._body_gaps = [index for index in gaps if index > last]
        self._shared = _relaxed_headers(b"".join([*pieces[:last], head, b"\r\n"]))
        for index in self._body_gaps:  # a value stands on lines of its own, so it can be taken for itself
            before = rest if index - 1 == last else pieces[index - 1]
            if not (before.endswith(b"\r\n") or (before == b"" and index - 1 == last)):
                raise AssertionError("A personal value does not stand on a line of its own")
            if not pieces[index + 1].startswith(b"=\r\n"):
                raise AssertionError("A personal value is not followed by a soft break")
        body = [_relaxed_body(rest), *[_relaxed_body(piece) for piece in pieces[last + 1 :]]]
        first = self._body_gaps[0] - last if self._body_gaps else len(body)
        self._begun = hashlib.sha256(b"".join(body[:first]))
        self._rest = body[first:]
        self._rest_starts = last + first
        self._heads: dict[tuple[str, ...], list[tuple[Key, bytes, bytes]]] = {}

    def headers(self, pieces: Sequence[bytes]) -> bytes:
        """The `DKIM-Signature` headers of one copy, to stand before everything else in it."""
        present = self._shared | _relaxed_headers(b"".join([pieces[index] for index in self._head_gaps]))
        names = tuple([name for name in SIGNED if name.lower().encode() in present])
        signed = b"".join([present[name.lower().encode()] for name in names[1:]])
        body_hash = binascii.b2a_base64(self._body_hash(pieces), newline=False)
        written = []
        for key, header, relaxed in self._heads.get(names) or self._prepared_heads(names):
            signature = binascii.b2a_base64(key.sign(b"%b%b%b; b=" % (signed, relaxed, body_hash)), newline=False)
            folded = b"\r\n ".join([signature[start : start + 72] for start in range(0, len(signature), 72)])
            written.append(b"%b%b;\r\n b=%b\r\n" % (header, body_hash, folded))
        return b"".join(written)

    def _body_hash(self, pieces: Sequence[bytes]) -> bytes:
        canonical, start = self._rest.copy(), self._rest_starts
        for index in self._body_gaps:
            value = pieces[index]
            canonical[index - start] = _BLANKS.sub(b" ", value) if b" " in value else value
        digest = self._begun.copy()
        digest.update(b"".join(canonical))
        return digest.digest()

    def _prepared_heads(self, names: tuple[str, ...]) -> list[tuple[Key, bytes, bytes]]:
        """For each key the signature's header up to the body hash, as it is written and in relaxed form."""
        heads = []
        for key in self._signer.keys:
            listed = f"{':'.join(names[:8])}:\r\n {':'.join(names[8:])}" if len(names) > 8 else ":".join(names)
            written = (
                f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n"
                f" d={self._signer.domain}; s={key.selector};\r\n h={listed};\r\n bh="
            ).encode()
            (relaxed,) = _relaxed_headers(written + b"\r\n").values()
            heads.append((key, written, relaxed.removesuffix(b"\r\n")))
        self._heads[names] = heads
        return heads


def load(config: Mapping[str, str]) -> Signer | None:
    """The signer that the settings describe (those whose names begin with DKIM), or None where there are none.

    Raises `ConfigurationError` when a key cannot be used, or something is missing. `newsletter doctor` asks here.
    """
    given = {name: value.strip() for name, value in config.items() if value.strip()}
    if not given:
        return None
    keys = [_key(given, "")]
    if any(name.startswith("second_") for name in given):
        keys.append(_key(given, "second_"))
        if keys[0].selector == keys[1].selector:
            raise ConfigurationError("NEWSLETTER_DKIM_SECOND_SELECTOR must differ from NEWSLETTER_DKIM_SELECTOR.")
    domain = given.get("domain", "").lower()
    if not _WORD.fullmatch(domain) or "." not in domain:
        raise ConfigurationError("NEWSLETTER_DKIM_DOMAIN must be the domain of the senders, like example.org.")
    return Signer(domain, keys)


def _key(given: Mapping[str, str], prefix: str) -> Key:
    setting = f"NEWSLETTER_DKIM_{prefix.upper()}"
    selector, text = given.get(f"{prefix}selector", ""), given.get(f"{prefix}private_key", "")
    if not _WORD.fullmatch(selector):
        raise ConfigurationError(f"{setting}SELECTOR must name the key as the DNS does, like news2026.")
    if not text:
        raise ConfigurationError(f"{setting}PRIVATE_KEY_FILE must name the file of the private key.")
    try:
        private = serialization.load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"{setting}PRIVATE_KEY is no private key in PEM form without a password. Make one with: openssl genrsa 2048"
        ) from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ConfigurationError(f"{setting}PRIVATE_KEY must be an RSA or an Ed25519 key; mail uses no others.")
    if isinstance(private, RSAPrivateKey) and private.key_size < LEAST_BITS:
        raise ConfigurationError(
            f"{setting}PRIVATE_KEY has {private.key_size} bits, which receivers do not trust. Make one of "
            f"{LEAST_BITS} bits or more with: openssl genrsa {LEAST_BITS}"
        )
    return Key(selector, private)


def _relaxed_headers(block: bytes) -> dict[bytes, bytes]:
    """RFC 6376, section 3.4.2: by name in small letters, each with its CRLF."""
    found = {}
    for line in _BLANKS.sub(b" ", _FOLD.sub(b"", block)).split(b"\r\n"):
        if line:
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            found[name] = b"%b:%b\r\n" % (name, value.strip())
    return found


def _relaxed_body(piece: bytes) -> bytes:
    """RFC 6376, section 3.4.4, of a piece that starts and ends where a line does or a soft break is."""
    return _BLANKS.sub(b" ", piece).replace(b" \r\n", b"\r\n")
