"""Reads a reply to one of our mails and keeps the words alone: no sender, no signature, nothing quoted (REQ-58).

Anybody can send us a mail, also one that was made to be slow to read. So everything here is bounded: what is read of
it, how deeply it is nested, how far a pattern looks.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from html import unescape

from newsletter.core.errors import InvalidInput
from newsletter.feedback.taking import clean

#: Longer replies are cut: what is quoted in ways that nobody recognises should not fill the table.
MAXIMUM_LENGTH = 4000

#: The words come first in a mail; what lies behind these many bytes is quoted or attached.
_MOST_BYTES = 256 * 1024
_MOST_CHARACTERS = 50_000
_MOST_HEADER_CHARACTERS = 500
_MOST_NAMES = 12
#: Parts within parts: a mail of a person has three or four.
_MOST_BOUNDARIES = 20
_BOUNDARY = re.compile(rb"boundary[*\d]*\s*=", re.IGNORECASE)
#: Python knows them as encodings of text; no mail is written in them.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
#: How a file of Outlook's own begins (Compound File Binary), and one that was zipped, as office documents are.
_OUTLOOK, _ZIPPED, _PDF = b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"%PDF"
_UNREADABLE = "This email cannot be read. Paste its words instead."

_CUT_OFF = " […]"

#: From here on a mail repeats what it answers: the line that introduces a quotation (in one line or two), the ones
#: that Outlook writes, and its rule.
_QUOTATION = re.compile(
    r"^(?:On\b(?=[\s\S]{0,150}\b20\d\d\b)[^\n]{0,200}(?:\n[^\n]{1,200}){0,2}?\bwrote:[ \t]*$"
    r"|[^\n]{0,120}<[^<>\s]{1,254}@[^<>\s]{1,254}> wrote:|-{2,} ?(?:Original|Forwarded) Message ?-{2,}|_{8,}"
    r"|Begin forwarded message:|From: [^\n]{1,300}\n(?:Sent|Date|To|Subject): )",
    re.MULTILINE | re.IGNORECASE,
)
#: From here on it says who wrote it.
_SIGNATURE = re.compile(r"^-- ?$|^(?:Sent from (?:my|Outlook)|Get Outlook for)\b.*$", re.MULTILINE | re.IGNORECASE)
_CLOSING = re.compile(
    r"^(?:(?:kind|best|warm|kindest|warmest) (?:regards|wishes)|(?:many )?thanks(?: again)?|thank you|regards|best"
    r"|cheers|yours (?:sincerely|faithfully|truly)|all the best|take care|love)[ ,.!x]*$",
    re.IGNORECASE,
)
#: A closing formula further than this from the end is a sentence of the text.
_CLOSING_LINES = 8

_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr"})
_UNREAD = frozenset({"style", "script", "head", "title"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What is used of a reply."""

    words: str  # without their sender, as they may be kept
    subject: str  # of the mail: tells which edition it answers, and is not kept


def read(content: bytes) -> Reply:
    """What a reply says, out of the bytes of the mail.

    Raises `InvalidInput` when it was written by a machine (RFC 3834), has no words of its own, or is no mail.
    """
    if content.startswith(_OUTLOOK):
        raise InvalidInput("This is a file of Outlook’s own (.msg), which we cannot read. Paste the words instead.")
    if content.startswith((_ZIPPED, _PDF)) or b"\0" in content[:_MOST_BYTES]:
        raise InvalidInput("This file is not an email. Choose a file that ends in .eml, or paste the words.")
    content = content[:_MOST_BYTES]
    if len(_BOUNDARY.findall(content)) > _MOST_BOUNDARIES:
        raise InvalidInput(_UNREADABLE)
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(content)
        is_automatic, text, names = _is_automatic(message), _text(message), _names(message)
        subject = _header(message.get("Subject"))
    except Exception:  # the parser raises whatever it stumbles on in a mail that was made to be wrong
        raise InvalidInput(_UNREADABLE) from None
    if is_automatic:
        raise InvalidInput("This was not written by a person: it is an automatic answer or a bounce.")
    text = _cut(own_words(text), 2 * MAXIMUM_LENGTH)
    for name in names:
        for spelling in {name, name.title(), name.upper()}:  # but "I will" is nobody called Will
            text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", "(name)", text)
    text = clean(text)
    if not text:
        raise InvalidInput("This reply has no words of its own.")
    return Reply(text if len(text) <= MAXIMUM_LENGTH else text[: MAXIMUM_LENGTH - len(_CUT_OFF)] + _CUT_OFF, subject)


def own_words(text: str) -> str:
    """The text of a mail without what it quotes and without its signature."""
    return _CLOSED_UP.sub("\n\n", _above(text[:_MOST_CHARACTERS]))


def _cut(text: str, length: int) -> str:
    """The beginning of a text, which ends with a whole word: half an address would not be recognised as one."""
    return text if len(text) <= length else text[:length].rpartition(" ")[0] or text[:length]


_CLOSED_UP = re.compile(r"\n\s*\n\s*\n")


def _is_automatic(message: Message) -> bool:
    submitted = _header(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    return submitted != "no" or message.get_content_type() == "multipart/report" or "X-Autoreply" in message


def _header(value: object) -> str:
    """A header in words."""
    text = str(value or "")[:_MOST_HEADER_CHARACTERS]
    with suppress(LookupError, ValueError):  # an encoding nobody knows, or a broken one
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _text(message: Message) -> str:
    for kind in ("plain", "html"):
        for part in _parts(message):
            if part.get_content_type() == f"text/{kind}":
                found = _decoded(part)
                found = _words_of(found) if kind == "html" else found
                if found.strip():
                    return found
                break
    return ""


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a mail that are no attachments, from the top: of an attached mail none."""
    waiting: list[Message] = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_disposition() == "attachment":
            continue
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting.extend(reversed(part.get_payload()))  # type: ignore[arg-type]
        elif part.get_content_maintype() == "text":
            yield part


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        charset = codecs.lookup(str(part.get_content_charset("utf-8"))).name
        return content.decode("utf-8" if charset in _NO_CHARSETS else charset, "replace")
    except (LookupError, ValueError):  # a character set nobody knows, or a broken one
        return content.decode("utf-8", "replace")


def _above(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for end in (_QUOTATION, _SIGNATURE):
        found = end.search(text)
        if found is not None:
            text = text[: found.start()]
    lines = [line.rstrip() for line in text.split("\n") if not line.lstrip().startswith(">")]
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines[-_CLOSING_LINES:], start=max(0, len(lines) - _CLOSING_LINES)):
        if _CLOSING.match(line.strip()):
            lines = lines[:number]
            break
    return "\n".join(lines)


def _names(message: Message) -> list[str]:
    """What the sender is called in the headers, whole and in parts, the longest first."""
    found: set[str] = set()
    for header in ("From", "Reply-To", "Sender"):
        values = [str(value)[:_MOST_HEADER_CHARACTERS] for value in message.get_all(header, [])[:2]]
        for shown, address in getaddresses(values):
            words = re.findall(r"[^\s,\"]+", _header(shown)) or re.split(r"[._+-]", address.partition("@")[0].title())
            found |= {" ".join(words), *words}
    names = (name for name in found if len(name) > 1 and not name.isdigit())
    return sorted(names, key=lambda name: (-len(name), name))[:_MOST_NAMES]


_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<is_end>/?)(?P<name>[a-z][a-z0-9]*)[^<>]*>|<[^<>]*>", re.IGNORECASE | re.DOTALL
)
#: How mail programs mark where what they quote begins.
_QUOTED = re.compile(r"gmail_quote|divRplyFwdMsg|appendonsend|moz-cite-prefix")


def _words_of(html: str) -> str:
    """The text of an HTML mail down to what it quotes: people write above that."""
    html, parts, at, unread = html[: 4 * _MOST_CHARACTERS], [], 0, 0
    for tag in _TAG.finditer(html):
        if not unread:
            parts.append(_SPACE.sub(" ", html[at : tag.start()]))
        at, name = tag.end(), (tag["name"] or "").lower()
        if name == "blockquote" or (name and not tag["is_end"] and _QUOTED.search(tag.group())):
            at = len(html)
            break
        if name in _UNREAD:
            unread = max(0, unread - 1) if tag["is_end"] else unread + 1
        if name == "body":
            unread = 0
        if name in _BLOCKS:
            parts.append("\n")
    if not unread:
        parts.append(_SPACE.sub(" ", html[at:]))
    try:
        text = unescape("".join(parts))
    except ValueError:  # a character with a number of thousands of digits
        raise InvalidInput(_UNREADABLE) from None
    return "\n".join(line.strip() for line in text.replace("\xa0", " ").split("\n"))


_SPACE = re.compile(r"\s+")
