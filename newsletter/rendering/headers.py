"""Header lines of a message, each whole with its CRLF; no value can end its line early and start another header.

ASCII as it stands, anything else in encoded words (RFC 2047), folded at 76 characters where there is a space. Only
`newsletter.rendering.message` uses this.
"""

import base64
import re
from datetime import datetime
from email.utils import format_datetime

import idna

from newsletter.core.errors import InvalidInput

_WIDTH = 76
_LONGEST = 998
_NAME = re.compile(r"[!-9;-~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ATOMS = re.compile(rf"{_ATEXT}+(?: {_ATEXT}+)*")
_LOCAL = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
# RFC 6531 lets any character above ASCII stand where an atom may; controls and the like were refused before.
_WIDE_LOCAL = re.compile(r"[^\x00-\x20\"(),:;<>@\[\\\]\x7f.\s]+(?:\.[^\x00-\x20\"(),:;<>@\[\\\]\x7f.\s]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
#: Nearly every address, and every Message-ID: one look is enough.
_PLAIN_ADDRESS = re.compile(f"{_LOCAL.pattern}@{_DOMAIN.pattern}")
_MAILBOX = re.compile(r"(.*?)\s*<([^<>]+)>")
_WEB_URI = re.compile(r"https?://[!-;=?-~]{1,890}")
_MAILTO_URI = re.compile(r"mailto:[!-;=?-~]{1,890}")


def text(name: str, value: str) -> str:
    """A header of free text, read back exactly as given.

    Where a value ends in something in angle brackets (`List-Id`), that part stays outside encoded words.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput("The name of a header has characters that cannot be used")
    _refuse_control(name, value)
    if _plain(value):
        return _fold(name, value)
    bracketed = _MAILBOX.fullmatch(value)
    if bracketed and bracketed[2].isascii():
        return _fold(name, f"{_encoded_words(bracketed[1])} <{bracketed[2]}>")
    return _fold(name, _encoded_words(value))


def mailbox(name: str, value: str) -> str:
    """`From` or `Reply-To`: "Name <address>" or an address alone."""
    _refuse_control(name, value)
    named = _MAILBOX.fullmatch(value.strip())
    if not named:
        return f"{name}: {address(value.strip(), for_header=name)}\r\n"
    phrase, place = named[1].strip(), address(named[2], for_header=name)
    if len(phrase) > 1 and phrase[0] == phrase[-1] == '"':
        phrase = phrase[1:-1]
    if not phrase:
        return f"{name}: {place}\r\n"
    if _ATOMS.fullmatch(phrase):
        written = phrase
    elif _plain(phrase) and len(phrase) < 60:
        escaped = phrase.replace("\\", "\\\\").replace('"', '\\"')
        written = f'"{escaped}"'
    else:
        written = _encoded_words(phrase)
    return _fold(name, f"{written} <{place}>")


def date(value: datetime) -> str:
    """The `Date` header. Raises `InvalidInput` for a time without its zone."""
    if value.tzinfo is None:
        raise InvalidInput("The date of a message must say its time zone")
    return f"Date: {format_datetime(value)}\r\n"


def to(value: str) -> bytes:
    """The `To` header: one address and nothing else.

    An address with letters beyond ASCII before the @ stands there in UTF-8, which only a server that offers SMTPUTF8
    takes; a domain beyond ASCII is otherwise written in its ASCII form.
    """
    return f"To: {address(value, for_header='To', wide=True)}\r\n".encode()


def message_id(value: str) -> bytes:
    """The `Message-ID` header from `left@right`, with or without its angle brackets."""
    bare = value.removeprefix("<").removesuffix(">")
    if not _PLAIN_ADDRESS.fullmatch(bare) or len(bare) > 900:
        raise InvalidInput("A Message-ID must look like letters-and-digits@domain")
    return f"Message-ID: <{bare}>\r\n".encode()


def list_unsubscribe(leave_url: str, leave_mailto: str | None) -> bytes:
    """The headers of RFC 2369 and RFC 8058 that let a mail program show its own way out."""
    if not _WEB_URI.fullmatch(leave_url):
        raise InvalidInput("The leave link must be a whole web address without spaces")
    targets = f"<{leave_url}>"
    if leave_mailto:
        if not _MAILTO_URI.fullmatch(leave_mailto):
            raise InvalidInput("The address for leaving by email must be a mailto: address without spaces")
        targets += f",\r\n <{leave_mailto}>"
    return f"List-Unsubscribe: {targets}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode()


def address(value: str, *, for_header: str, wide: bool = False) -> str:
    """An address as a header may carry it. Raises `InvalidInput`, without repeating the address."""
    if _PLAIN_ADDRESS.fullmatch(value) and len(value) <= 320:
        return value
    local, at, domain = value.rpartition("@")
    if at and not _CONTROL.search(value) and len(value) <= 320:
        ascii_domain = domain if domain.isascii() else _ascii_domain(domain)
        if _LOCAL.fullmatch(local):
            if _DOMAIN.fullmatch(ascii_domain):
                return f"{local}@{ascii_domain}"
        elif wide and _WIDE_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain):
            return value
    raise InvalidInput(f"The address for the header {for_header} cannot be written in a message")


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""


def _refuse_control(name: str, value: str) -> None:
    if _CONTROL.search(value):
        raise InvalidInput(f"The header {name} has a line break or another character that cannot be used")


def _plain(value: str) -> bool:
    """Whether a value means the same written as it stands: ASCII, single spaces, nothing like an encoded word."""
    return value.isascii() and "=?" not in value and value == " ".join(value.split(" ")) == " ".join(value.split())


def _encoded_words(value: str) -> str:
    """Encoded words of whole characters, at most 75 long, which readers join without the spaces between them."""
    words, chunk = [], b""
    for character in value:
        encoded = character.encode()
        if len(chunk) + len(encoded) > 36:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return " ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words if word)


def _fold(name: str, value: str) -> str:
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line.strip() and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    if any(len(line) > _LONGEST for line in lines):
        raise InvalidInput(f"The header {name} has a word that is too long for a message. Shorten it")
    return "\r\n".join(lines) + "\r\n"
