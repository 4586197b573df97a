"""MIME, compiled once: a rendered mail becomes ready bytes with gaps, and each recipient's copy only fills the gaps.

What makes this safe as well as fast is checked when a mail is compiled. Every line ends in CRLF and has at most 76
characters of ASCII, none starts with a dot (so the same bytes serve SMTP's DATA and BDAT) or with "From " (which
mailbox files would change, breaking a signature). Each personal value stands on soft-broken lines of its own, so the
folding of everything else never depends on it. The boundaries hold "=_", which neither quoted-printable nor base64 can
produce. Pictures stand behind the HTML that shows them, in a `multipart/related` (RFC 2387), the same in every copy.
"""

import binascii
import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.core.errors import InvalidInput
from newsletter.core.mime import CanonicalMime
from newsletter.rendering import headers as header
from newsletter.rendering.blocks import MARK
from newsletter.rendering.dkim import Signer, Signing
from newsletter.rendering.mails import PICTURES, InlinePicture, Rendered

_WIDTH = 76
_QUOTED = {byte: chr(byte) if 32 <= byte < 127 and byte != 61 else f"={byte:02X}" for byte in range(256)}
_PLAIN_VALUE = re.compile(r"(?![.F])[!-<>-~]{0,75}")
_UNQUOTED = re.compile(r"[!-<>-~]+")
#: What needs no other spelling, neither in HTML nor in quoted-printable: our own links.
_LINK = re.compile(r"https?://[A-Za-z0-9:/._~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: The gaps of the head, beside those of the two bodies.
_TO, _MESSAGE_ID, _UNSUBSCRIBE = _HEAD = ("head", "to"), ("head", "message_id"), ("head", "unsubscribe")

_Gap = tuple[str, str]  # ("text" | "html" | "head", name)


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """A message for everybody, with gaps for what is personal. Made by `compile`."""

    pieces: tuple[bytes, ...]  # with an empty piece for each gap
    head: tuple[int, int, int]  # which pieces are To, Message-ID and List-Unsubscribe
    places: Mapping[str, tuple[tuple[int, str], ...]]  # for each slot which pieces, and of which body
    shared_bytes: int  # how many bytes all copies have in common
    signing: Signing | None = None

    @property
    def slots(self) -> frozenset[str]:
        """The personal values that `fill` must be given."""
        return frozenset(self.places)

    def fill(
        self,
        *,
        to: str,
        message_id: str,
        slots: Mapping[str, str],
        leave_url: str | None = None,
        leave_mailto: str | None = None,
    ) -> CanonicalMime:
        """One recipient's message, ready for the wire (RFC 5322, CRLF), signed if it was compiled with a signer.

        `message_id` is `left@right`, `leave_mailto` a whole `mailto:` address. The RFC 8058 headers are there when
        `leave_url` is. Slots that the mail does not use are ignored.

        Raises `InvalidInput` when a value cannot stand where it must, or a slot has no value.
        """
        own = (
            header.to(to),
            header.message_id(message_id),
            header.list_unsubscribe(leave_url, leave_mailto) if leave_url else b"",
        )
        pieces, size_bytes = list(self.pieces), self.shared_bytes
        for index, value in zip(self.head, own, strict=True):
            pieces[index] = value
            size_bytes += len(value)
        for name, places in self.places.items():
            given = slots.get(name)
            # A link is written in the same way in both bodies, so only once.
            link = _long(given) if given is not None and _LINK.fullmatch(given) else None
            for index, part in places:
                value = pieces[index] = _value(part, name, slots) if link is None else link
                size_bytes += len(value)
        if self.signing is not None:
            signatures = self.signing.headers(pieces)
            pieces.insert(0, signatures)
            size_bytes += len(signatures)
        return CanonicalMime(pieces, size_bytes)


def compile(
    rendered: Rendered,
    *,
    sender: str,
    reply_to: str,
    headers: Mapping[str, str],
    date: datetime,
    signer: Signer | None = None,
) -> CompiledMessage:
    """Compile a mail for all its recipients. The same mail always gives the same bytes.

    `sender` is "Name <address>" or an address alone, `headers` are those that all copies share (List-Id and so on).
    Raises `InvalidInput` when a header value holds a line break or anything else that could start another header, and
    when the HTML shows other pictures than are given with it.
    """
    _check_pictures(rendered)
    digest = hashlib.sha256("\0".join((rendered.subject, rendered.html, rendered.text)).encode(errors="replace"))
    boundary = f"=_{digest.hexdigest()[:32]}"
    builder = _Builder()
    builder.add(_shared_head(rendered.subject, sender, reply_to, date))
    builder.gap(_TO)
    builder.gap(_MESSAGE_ID)
    builder.gap(_UNSUBSCRIBE)
    builder.add(_own_head(headers))
    builder.add(f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n')
    builder.text(boundary, "plain", "text", rendered.text)
    if rendered.pictures:
        related = f"=_{digest.hexdigest()[32:]}"
        builder.add(
            f'--{boundary}\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="{related}"\r\n\r\n'
        )
        builder.text(related, "html", "html", rendered.html)
        builder.pictures(related, rendered.pictures)
    else:
        builder.text(boundary, "html", "html", rendered.html)
    builder.add(f"--{boundary}--\r\n")
    return builder.finish(signer)


_SHOWN = re.compile(r'<img [^<>]*?src="([^"]*)"')


def _check_pictures(rendered: Rendered) -> None:
    """Nothing in a mail is fetched from elsewhere, and nothing that it shows is missing."""
    shown, given = set(_SHOWN.findall(rendered.html)), {picture.cid for picture in rendered.pictures}
    if shown != given:
        raise InvalidInput("The mail shows other pictures than travel inside it. They have to be the same")


def _shared_head(subject: str, sender: str, reply_to: str, date: datetime) -> str:
    return (
        header.mailbox("From", sender)
        + header.mailbox("Reply-To", reply_to)
        + header.text("Subject", subject)
        + header.date(date)
    )


_OURS = frozenset(
    {"from", "reply-to", "subject", "date", "to", "cc", "bcc", "message-id", "mime-version", "content-type",
     "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post"}
)  # fmt: skip


def _own_head(extra: Mapping[str, str]) -> str:
    for name in extra:
        if name.lower() in _OURS:
            raise InvalidInput(f"The header {name} is written by the message compiler. Leave it out")
    return "".join(header.text(name, value) for name, value in extra.items())


class _Builder:
    """Collects pieces and gaps, and checks the whole at the end."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = [b""]
        self._gaps: list[tuple[int, _Gap]] = []

    def add(self, piece: str) -> None:
        self._pieces[-1] += piece.encode("ascii")

    def gap(self, gap: _Gap) -> None:
        self._gaps.append((len(self._pieces), gap))
        self._pieces += [b"", b""]

    def text(self, boundary: str, subtype: str, part: str, text: str) -> None:
        """A whole part of text."""
        self.add(
            f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        self.body(part, text)
        self.add("\r\n")

    def pictures(self, boundary: str, pictures: Sequence[InlinePicture]) -> None:
        """The pictures, each a part that the HTML before them refers to, and the end of the related parts."""
        for number, picture in enumerate(pictures, 1):
            name = f"picture-{number}.{picture.extension}"
            self.add(
                f"--{boundary}\r\n"
                f'Content-Type: {picture.media_type}; name="{name}"\r\n'
                "Content-Transfer-Encoding: base64\r\n"
                f"Content-ID: <{picture.sha256}@{PICTURES}>\r\n"
                f'Content-Disposition: inline; filename="{name}"\r\n\r\n'
            )
            encoded = binascii.b2a_base64(picture.content, newline=False).decode()
            lines = (encoded[start : start + _WIDTH] for start in range(0, len(encoded), _WIDTH))
            self.add("\r\n".join(lines) + "\r\n")
        self.add(f"--{boundary}--\r\n")

    def body(self, part: str, text: str) -> None:
        """A body in quoted-printable, each slot on soft-broken lines of its own."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput("There is a character that cannot be sent in a mail. Type the text again") from None
        between = MARK.split(text.replace("\r\n", "\n").replace("\r", "\n"))
        for number, piece in enumerate(between):
            if number % 2:
                self.gap((part, piece))
                self.add("=\r\n")
            else:
                slot_follows = number < len(between) - 1
                lines = list(_lines(piece, slot_follows))
                self.add("\r\n".join(lines))

    def finish(self, signer: Signer | None) -> CompiledMessage:
        whole = b"".join(self._pieces)
        for line in whole.split(b"\r\n"):
            if len(line) > 998 or line.startswith((b".", b"From ")) or b"\r" in line or b"\n" in line or b"\0" in line:
                raise AssertionError(f"The compiled message has a line that is not canonical: {line[:80]!r}")
        signing = signer.prepare(self._pieces, [index for index, _ in self._gaps]) if signer else None
        where = {gap: index for index, gap in self._gaps if gap in _HEAD}
        places: dict[str, tuple[tuple[int, str], ...]] = {}
        for index, (part, name) in self._gaps:
            if part != "head":
                places[name] = (*places.get(name, ()), (index, part))
        head = (where[_TO], where[_MESSAGE_ID], where[_UNSUBSCRIBE])
        return CompiledMessage(tuple(self._pieces), head, places, len(whole), signing)


def _lines(text: str, slot_follows: bool) -> Iterator[str]:
    """The lines of a quoted-printable text that starts at the beginning of a line, without their CRLF.

    When a slot follows, the last line is soft-broken and an empty one comes after it, for the slot to stand on.
    """
    logical = text.split("\n")
    for number, line in enumerate(logical):
        joined = slot_follows and number == len(logical) - 1
        if joined and not line:
            yield ""  # the slot starts the line by itself
            return
        encoded = "".join([_QUOTED[byte] for byte in line.encode()])
        if not joined and encoded.endswith(" "):
            encoded = encoded[:-1] + "=20"
        yield from _folded(encoded, soft_end=joined)
    if slot_follows:
        yield ""


def _folded(encoded: str, *, soft_end: bool) -> Iterator[str]:
    while True:
        encoded = _guarded(encoded)
        if len(encoded) <= (_WIDTH - 1 if soft_end else _WIDTH):
            yield encoded + "=" if soft_end else encoded
            return
        end = _WIDTH - 1
        # Never inside an escape such as =C3.
        end = end - 1 if encoded[end - 1] == "=" else end - 2 if encoded[end - 2] == "=" else end
        yield encoded[:end] + "="
        encoded = encoded[end:]


def _guarded(encoded: str) -> str:
    """A line with its first character escaped where it would mean something else to a mail server or mailbox."""
    if encoded.startswith("."):
        return "=2E" + encoded[1:]
    return "=46" + encoded[1:] if encoded.startswith("From ") else encoded


def _value(part: str, name: str, slots: Mapping[str, str]) -> bytes:
    """A personal value for a body, ending where the soft break that the compiled text holds takes over."""
    try:
        value = slots[name]
    except KeyError:
        raise InvalidInput(f"The mail has a place for {name}, and no value was given for it") from None
    if part == "html":
        value = html.escape(value)
    if _PLAIN_VALUE.fullmatch(value):
        return value.encode()
    plain = _UNQUOTED.fullmatch(value)  # a long link: nothing to write in another way, only to be folded
    if not plain and _CONTROL.search(value):
        raise InvalidInput(f"The value for {name} has a line break or another character that cannot be used")
    encoded = value if plain else "".join([_QUOTED[byte] for byte in value.encode()])
    return _long(encoded)


def _long(encoded: str) -> bytes:
    """Folded where it is too long for a line. The compiled text closes the last one with its own soft break."""
    if len(encoded) < _WIDTH - 1:
        return _guarded(encoded).encode()
    return "\r\n".join(_folded(encoded, soft_end=True))[:-1].encode()
