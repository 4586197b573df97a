"""Reads a reply to one of our mails and keeps the words alone: no sender, no signature, nothing quoted (REQ-58)."""

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from html.parser import HTMLParser

from newsletter.core.errors import InvalidInput
from newsletter.feedback.taking import clean

#: Longer replies are cut: what is quoted in ways that nobody recognises should not fill the table.
MAXIMUM_LENGTH = 4000

_CUT_OFF = " […]"

#: From here on a mail repeats what it answers: the line that introduces a quotation (in one line or two), the ones
#: that Outlook writes, and its rule.
_QUOTATION = re.compile(
    r"^(?:On\b(?=[\s\S]{0,150}\b20\d\d\b)[^\n]{0,200}(?:\n[^\n]{1,200}){0,2}?\bwrote:[ \t]*$"
    r"|[^\n]{0,120}<[^<>\s]+@[^<>\s]+> wrote:|-{2,} ?(?:Original|Forwarded) Message ?-{2,}|_{8,}"
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


def read(content: bytes) -> str:
    """The words of a reply, without its sender, as they may be kept.

    Raises `InvalidInput` when it was written by a machine (RFC 3834) or has no words of its own.
    """
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    if _is_automatic(message):
        raise InvalidInput("This was not written by a person: it is an automatic answer or a bounce.")
    text = _CLOSED_UP.sub("\n\n", _own_words(_text(message)))
    for name in _names(message):
        for spelling in {name, name.title(), name.upper()}:  # but "I will" is nobody called Will
            text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", "(name)", text)
    text = clean(text)
    if not text:
        raise InvalidInput("This reply has no words of its own.")
    return text if len(text) <= MAXIMUM_LENGTH else text[: MAXIMUM_LENGTH - len(_CUT_OFF)] + _CUT_OFF


_CLOSED_UP = re.compile(r"\n\s*\n\s*\n")


def _is_automatic(message: EmailMessage) -> bool:
    submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    return submitted != "no" or message.get_content_type() == "multipart/report" or "X-Autoreply" in message


def _text(message: EmailMessage) -> str:
    for kind in ("plain", "html"):
        part = message.get_body(preferencelist=(kind,))
        if part is None:
            continue
        try:
            found = str(part.get_content())
        except (LookupError, ValueError, KeyError):  # a character set nobody knows, or a broken one
            payload = part.get_payload(decode=True)
            found = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        found = _Words.of(found) if kind == "html" else found
        if found.strip():
            return found
    return ""


def _own_words(text: str) -> str:
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


def _names(message: EmailMessage) -> list[str]:
    """What the sender is called in the headers, whole and in parts, the longest first."""
    found: set[str] = set()
    for header in ("From", "Reply-To", "Sender"):
        for shown, address in getaddresses([str(value) for value in message.get_all(header, [])]):
            words = re.findall(r"[^\s,\"]+", shown) or re.split(r"[._+-]", address.partition("@")[0].title())
            found |= {" ".join(words), *words}
    return sorted((name for name in found if len(name) > 1 and not name.isdigit()), key=lambda name: (-len(name), name))


class _Words(HTMLParser):
    """The text of an HTML mail; what it quotes is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0
        self._is_quoted = False

    @classmethod
    def of(cls, html: str) -> str:
        reader = cls()
        reader.feed(html)
        reader.close()
        return re.sub(r" *\n *", "\n", "".join(reader.parts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        marks = " ".join(value or "" for name, value in attrs if name in ("class", "id"))
        if tag == "blockquote" or re.search(r"gmail_quote|divRplyFwdMsg|appendonsend|moz-cite-prefix", marks):
            self._is_quoted = True  # people write above what they quote; nothing is looked for below it
        self._unread += tag in _UNREAD
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in _UNREAD and self._unread > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unread and not self._is_quoted:
            self.parts.append(re.sub(r"\s+", " ", data))
