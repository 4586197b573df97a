"""Reads what other mail servers write to us: notices of delivery (RFC 3464), complaints (RFC 5965), and bounces in
forms of their own, which flufl.bounce knows; and what mail programs write to stop the emails (RFC 2369).

Nothing is looked up and nothing believed here. A message that cannot be read, whatever its bytes, is a message of
another kind, and never an error: it came from outside.
"""

import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.message import Message

from flufl.bounce import all_failures

from newsletter.delivery.models import ReceiptKind

log = logging.getLogger(__name__)
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # a message it cannot read is no news

#: The fields that are kept as evidence: none that is made to hold an address.
_KEPT = (
    "Feedback-Type", "Reporting-MTA", "Arrival-Date", "Action", "Status", "Diagnostic-Code", "Remote-MTA",
    "Last-Attempt-Date", "Will-Retry-Until", "User-Agent", "Reported-Domain", "Incidents",
)  # fmt: skip
#: Fields that name the reader.
_NAMING = ("Original-Recipient", "Final-Recipient", "Original-Rcpt-To", "X-Failed-Recipients")
#: A notice says which message it is about; nobody needs to read further than this to find that.
_MOST_BYTES = 1_000_000
_MOST_PARTS, _MOST_CLUES, _LONGEST_FIELD, _MOST_WORDS = 100, 10, 1000, 4000

_ACTIONS = {"failed": ReceiptKind.BOUNCED, "delayed": ReceiptKind.DELAYED, "delivered": ReceiptKind.DELIVERED}
_CLASSES = {"5": ReceiptKind.BOUNCED, "4": ReceiptKind.DELAYED, "2": ReceiptKind.DELIVERED}
#: Of several recipients (a forwarded mail) the one that tells most.
_WEIGHT = (ReceiptKind.BOUNCED, ReceiptKind.DELIVERED, ReceiptKind.DELAYED)
_COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list"}

#: Not part of an IP address, nor of a longer number.
_ENHANCED = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\w|\.\d)")
_BASIC = re.compile(r"(?<![\w.])([245])\d\d(?![\w.])")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]+@[^\s<>\"'(),:;\[\]]+")
_OUR_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@[^<>\s]{1,255}>")
_LEAVE = re.compile(r"(?:/leave/|stop%20)([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])")
#: The subject that mail programs write for the mailto address in List-Unsubscribe (`delivery.headers.leave_mailto`).
_STOP = re.compile(r"\bstop ([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message says, taken at its word. Texts are as they came: scrub them before they are written anywhere."""

    kind: ReceiptKind
    source: str
    fingerprint: str  # the same whenever the same message comes, by whatever way
    status: str | None = None
    detail: str = ""
    evidence: str = ""
    addresses: tuple[str, ...] = ()  # of the reader it is about
    heads: str = ""  # the header of the notice itself, where the address it was sent to stands
    text: str = ""  # all of it
    message_keys: tuple[str, ...] = ()  # what may be our reference for a delivery
    leave_tokens: tuple[str, ...] = ()  # from List-Unsubscribe of the mail that came back, or was answered


def read(raw: bytes) -> Notice:
    """What this message says. Never raises."""
    text = raw[:_MOST_BYTES].decode("ascii", "replace")
    fingerprint = text
    try:
        message = message_from_bytes(raw[:_MOST_BYTES])
        fingerprint = _fingerprint(message, text)
        found = _complaint(message) or _delivery_status(message) or _other_bounce(message)
        if found is not None:
            kind, source, status, detail, evidence, addresses = found
            heads = "\n".join(f"{name}: {value}" for name, value in message.items())
            keys, leaves = dict.fromkeys(_OUR_MESSAGE_ID.findall(text.lower())), dict.fromkeys(_LEAVE.findall(text))
            return Notice(
                kind,
                source,
                fingerprint,
                status,
                detail,
                evidence,
                addresses,
                heads,
                text,
                message_keys=tuple(keys)[:_MOST_CLUES],
                leave_tokens=tuple(leaves)[:_MOST_CLUES],
            )
        if asked := _STOP.search(str(make_header(decode_header(_field(message, "Subject"))))):
            return Notice(ReceiptKind.LEAVE, "mail", fingerprint, leave_tokens=(asked[1],))
    except Exception as error:  # the ways in which a message can be broken have no end
        log.warning("A message could not be read", extra={"error": type(error).__name__})
    return Notice(ReceiptKind.OTHER, "mail", fingerprint)


def enhanced_status(*said: str | None) -> str | None:
    """The enhanced status code (RFC 3463) in the first of these texts that has one which says something; else one made
    of a plain reply code, which says no more than for now or for good."""
    vague = None
    for text in said:
        for found in _ENHANCED.finditer(text or ""):
            if found.group(2).strip("0"):
                return ".".join(str(int(number)) for number in found.groups())
            vague = vague or f"{found.group(1)}.0.0"
    for text in said if vague is None else ():
        if plain := _BASIC.search(text or ""):
            return f"{plain.group(1)}.0.0"
    return vague


_Found = tuple[ReceiptKind, str, str | None, str, str, tuple[str, ...]]


def _complaint(message: Message) -> _Found | None:
    for part in _parts(message, "message/feedback-report"):
        for block in _blocks(part):
            said = _field(block, "Feedback-Type").lower()
            if said:
                kind = ReceiptKind.COMPLAINED if said in _COMPLAINTS else ReceiptKind.OTHER
                return kind, "arf", None, said, _evidence([block]), _addresses([block])
    return None


def _delivery_status(message: Message) -> _Found | None:
    blocks = [
        block
        for part in _parts(message, "message/delivery-status", "message/global-delivery-status")
        for block in _blocks(part)
    ]
    said = [(kind, block) for block in blocks if (kind := _kind(block)) is not None]
    if not said:
        return None
    kind, block = min(said, key=lambda each: _WEIGHT.index(each[0]))
    detail = _plain_part(_field(block, "Diagnostic-Code"))
    status = enhanced_status(_field(block, "Status"), detail)
    general = [each for each in blocks if "Reporting-MTA" in each and each is not block]
    return kind, "dsn", status, detail, _evidence([*general[:1], block]), _addresses([block])


def _other_bounce(message: Message) -> _Found | None:
    if not message.get("From"):  # it relies on one
        message["From"] = "nobody@example.org"
    passing, for_good = all_failures(message)
    if not passing and not for_good:
        return None
    kind = ReceiptKind.BOUNCED if for_good else ReceiptKind.DELAYED
    addresses = tuple(sorted(address.decode("utf-8", "replace") for address in for_good | passing))
    # The reason stands in the first lines; the mail that came back, below them.
    status = enhanced_status(" ".join(_texts(message))[:_MOST_WORDS])
    if status is None or status.startswith("2"):
        status = "5.0.0" if for_good else "4.0.0"
    return kind, "bounce", status, "", f"Status: {status}", (*addresses, *_addresses([message]))


def _kind(block: Message) -> ReceiptKind | None:
    action = _field(block, "Action").lower().split(" ")[0]
    if action:
        return _ACTIONS.get(action)
    return _CLASSES.get(_field(block, "Status")[:1])


def _parts(message: Message, *types: str) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        if part.get_content_type() in types:
            yield part


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields in a machine-readable part, whichever way the parser took it apart."""
    payload = part.get_payload()
    inner = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    yield from inner
    for each in inner or [part]:
        rest = each.get_payload(decode=True)
        if isinstance(rest, bytes):
            if _field(part, "Content-Transfer-Encoding").lower() == "base64" and each is not part:
                rest = b64decode(rest)  # not allowed, and seen; the parser took it for the text after the fields
            for text in re.split(r"\r?\n\r?\n", rest.decode("utf-8", "replace")):
                if ":" in text:
                    yield message_from_string(text.strip())


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())[:_LONGEST_FIELD]


def _plain_part(value: str) -> str:
    """The value without its type: "smtp; 550 …" → "550 …"."""
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and " " not in kind.strip() else value


def _evidence(blocks: Iterable[Message]) -> str:
    groups = ("\n".join(f"{name}: {_field(block, name)}" for name in _KEPT if _field(block, name)) for block in blocks)
    return "\n\n".join(group for group in groups if group)


def _addresses(blocks: Iterable[Message]) -> tuple[str, ...]:
    values = (_plain_part(_field(block, name)) for block in blocks for name in _NAMING)
    return tuple(dict.fromkeys(address for value in values for address in _ADDRESS.findall(value)))


def _texts(message: Message) -> Iterator[str]:
    for part in _parts(message, "text/plain"):
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield payload.decode("utf-8", "replace")


def _fingerprint(message: Message, text: str) -> str:
    """Its own Message-ID; where it has none, its body: what servers add on its way stands in the header."""
    own = _field(message, "Message-ID")
    return own or text.replace("\r\n", "\n").partition("\n\n")[2] or text
