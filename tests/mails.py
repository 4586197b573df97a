"""Reading received mail as a test would: its parts, its links, and the rules every message of ours keeps."""

import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser

#: RFC 5322, section 2.1.1, without the line end.
MAXIMUM_LINE_BYTES = 998
#: Beyond this Gmail cuts a mail off, and with it the link to leave.
MAXIMUM_BYTES = 102_400

#: What would make a mail program fetch something when the mail is opened.
_REMOTE_ATTRIBUTES = {"src", "srcset", "background", "poster", "data"}
_REMOTE_STYLE = re.compile(r"url\s*\(|@import", re.IGNORECASE)


@dataclass(frozen=True)
class Mail:
    """One message as the receiving server got it: envelope and bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def parsed(self) -> EmailMessage:
        message = BytesParser(policy=policy.default).parsebytes(self.content)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def subject(self) -> str:
        return str(self.parsed["Subject"])

    @property
    def to(self) -> str:
        return str(self.parsed["To"])

    def part(self, subtype: str) -> str:
        body = self.parsed.get_body(preferencelist=(subtype,))
        assert body is not None, f"no {subtype} part"
        return str(body.get_content())

    @property
    def text(self) -> str:
        return self.part("plain")

    @property
    def html(self) -> str:
        return self.part("html")

    @property
    def links(self) -> list[str]:
        """Every target in the HTML part, in order."""
        return [target for tag, attributes in _elements(self.html) if tag == "a" and (target := attributes.get("href"))]

    def link(self, containing: str) -> str:
        """The first link whose address contains the text."""
        return next(link for link in self.links if containing in link)

    @property
    def code(self) -> str:
        """The six-digit code of a confirmation."""
        found = re.search(r"\b\d{6}\b", self.text)
        assert found
        return found.group()

    @property
    def one_click_url(self) -> str:
        """The HTTPS (here: HTTP) target of List-Unsubscribe."""
        found = re.search(r"<(https?://[^>]+)>", str(self.parsed["List-Unsubscribe"]))
        assert found
        return found.group(1)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)


def _elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed(html)
    return parser.found


def assert_keeps_the_rules(mail: Mail) -> None:
    """What every message keeps, whatever it says: RFC 5322, one recipient, both parts, nothing remote."""
    message = mail.parsed
    assert not message.defects
    assert len(mail.recipients) == 1
    assert message.get_all("To") == [mail.recipients[0]]
    for header in ("Cc", "Bcc"):
        assert message[header] is None
    for header in ("From", "Subject", "Date", "Message-ID", "MIME-Version", "Reply-To"):
        assert len(message.get_all(header) or []) == 1, header
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.iter_parts()
    pictures: list[EmailMessage] = []
    if rich.get_content_type() == "multipart/related":
        assert rich.get_param("type") == "text/html"
        rich, *pictures = rich.iter_parts()
        assert pictures
    assert [part.get_content_type() for part in (plain, rich)] == ["text/plain", "text/html"]
    assert all(part.get_content_charset() == "utf-8" for part in (plain, rich))
    assert sorted(set(pictures_shown(mail.html))) == sorted(f"cid:{part['Content-ID'][1:-1]}" for part in pictures)
    for part in pictures:
        assert part.get_content_type() in ("image/jpeg", "image/png")
        assert part.get_content_disposition() == "inline"
    assert b"\n" not in mail.content.replace(b"\r\n", b"")
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= MAXIMUM_LINE_BYTES
    assert len(mail.content) - sum(len(bytes(part)) for part in pictures) < MAXIMUM_BYTES
    assert "[[" not in mail.text + mail.html, "a personal value is missing"
    assert_nothing_remote(mail.html)
    assert 'lang="en-GB"' in mail.html
    assert "your child" not in mail.subject.lower()


def pictures_shown(html: str) -> list[str]:
    """Where each picture comes from, in order."""
    return [attributes.get("src") or "" for tag, attributes in _elements(html) if tag == "img"]


def assert_nothing_remote(html: str) -> None:
    """Opening the mail fetches nothing (PECR regulation 6; a remote logo would tell who reads)."""
    parser = _Elements()
    parser.feed(html)
    for tag, attributes in parser.found:
        assert tag not in {"link", "script", "iframe", "object", "embed", "video", "audio", "form"}, tag
        inside = tag == "img" and (attributes.get("src") or "").startswith("cid:")
        remote = {name for name, value in attributes.items() if value} - ({"src"} if inside else set())
        assert not _REMOTE_ATTRIBUTES & remote, (tag, attributes)
        assert not _REMOTE_STYLE.search(attributes.get("style") or ""), attributes
    assert not _REMOTE_STYLE.search(" ".join(parser.styles))
