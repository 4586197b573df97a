"""Reads the entries of an RSS or Atom feed. They come from another website, so nothing in them is trusted.

Python's own expat, held short: whoever declares an entity is refused (they are what bombs are made of), nothing is
ever fetched, and depth, number and length end somewhere. Names of elements are looked at without their namespaces,
which feeds get wrong too often, but for the few that mean something else there.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, NoReturn
from urllib.parse import urljoin
from xml.parsers import expat

from newsletter.core.errors import InvalidInput
from newsletter.core.texts import visible
from newsletter.rendering import from_html

#: Entries that are read; a feed has its newest first.
MOST_ENTRIES = 50
LONGEST_TITLE, LONGEST_SUMMARY, LONGEST_URL = 120, 300, 500
#: Elements within elements: feeds have four or five, some HTML in Atom more.
_DEEPEST = 100
#: Bytes of one piece of text that are kept.
_LONGEST = 200_000

_ATOM = "http://www.w3.org/2005/Atom"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
#: Namespaces whose elements count; those of others (pictures, places, comments) have the same names at times.
_OURS = frozenset(
    {
        "",
        _ATOM,
        _CONTENT,
        "http://purl.org/rss/1.0/",
        "http://purl.org/dc/elements/1.1/",
        "http://backend.userland.com/rss2",
    }
)
_ENTRIES = frozenset({"item", "entry"})
_ROOTS = frozenset({"rss", "feed", "RDF"})
#: What is read of an entry, by the name of its element; the better ones first.
_TEXTS = ("encoded", "content", "description", "summary")
_DATES = ("published", "pubDate", "date", "updated", "issued", "modified")
NOT_A_FEED = (
    "There is no feed at this address. It may be an ordinary web page: look for a link called “RSS” or “Atom” on it"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news. `key` is the same each time it is read; `url` is empty unless it is https."""

    key: str
    title: str
    url: str
    text: str  # restricted Markdown
    summary: str  # the first words, plain
    at: datetime | None = None


def read(content: bytes, *, url: str) -> list[Entry]:
    """What the feed in these bytes, which came from that address, has; newest first. Raises `InvalidInput` with a
    sentence."""
    reader = _Reader()
    try:
        reader.parser.Parse(content.lstrip(b" \t\r\n\0"), True)
    except _Enough:
        pass
    except (expat.ExpatError, ValueError, LookupError):
        if not reader.entries:
            _refuse(
                NOT_A_FEED
                if not reader.is_feed
                else "The feed is damaged: it cannot be read from its beginning to its end"
            )
    if not reader.is_feed:
        _refuse(NOT_A_FEED)
    entries = {entry.key: entry for entry in (_entry(raw, url) for raw in reader.entries) if entry is not None}
    return sorted(entries.values(), key=lambda entry: entry.at or datetime.min.replace(tzinfo=UTC), reverse=True)


class _Enough(Exception):
    """No more has to be read."""


@dataclass(slots=True)
class _Raw:
    """An entry as it was found: texts by name; links by what they are to it."""

    texts: dict[str, str] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)  # names of those that are plain text for sure
    links: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Collects the entries while expat reads."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._skipped
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.UseForeignDTD(True)  # or "&nbsp;", which belongs to HTML, would end the reading
        self.entries: list[_Raw] = []
        self.is_feed = False
        self._path: list[str] = []
        self._raw: _Raw | None = None
        self._within = 0  # how deep the text that is read began
        self._text: list[str] = []
        self._size = 0

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        space, _, name = full.rpartition(" ")
        if not self._path:
            self.is_feed = name in _ROOTS
            if not self.is_feed:
                _refuse(NOT_A_FEED)
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise ValueError("too deep")
        if self._within:  # HTML that is written as XML
            self._add(f"<{name}{_attributes(attributes)}>")
        elif self._raw is None and name in _ENTRIES and space in _OURS:
            if len(self.entries) >= MOST_ENTRIES:
                raise _Enough
            self._raw = _Raw()
        elif self._raw is not None and space in _OURS:
            self._begin(self._raw, name, attributes, usual="text" if space == _ATOM else "")

    def _begin(self, raw: _Raw, name: str, attributes: dict[str, str], usual: str) -> None:
        if name == "link" and (href := attributes.get("href")):
            raw.links.setdefault(attributes.get("rel", "alternate"), href)
            return
        self._within, self._text, self._size = len(self._path), [], 0
        if attributes.get("type", usual) in ("text", "text/plain") and name not in raw.texts:
            raw.plain.add(name)

    def _end(self, full: str) -> None:
        name = full.rpartition(" ")[2]
        if self._within and len(self._path) > self._within:
            self._add(f"</{name}>")
        elif self._raw is not None and self._within:
            self._raw.texts.setdefault(name, "".join(self._text).strip())
            self._within = 0
        elif self._raw is not None and name in _ENTRIES:
            self.entries.append(self._raw)
            self._raw = None
        self._path.pop()

    def _words(self, text: str) -> None:
        if self._within:
            self._add(html.escape(text) if len(self._path) > self._within else text)

    def _add(self, text: str) -> None:
        self._size += len(text)
        if self._size <= _LONGEST:
            self._text.append(text)

    def _skipped(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self._words(html.unescape(f"&{name};"))

    def _entity(self, *_declared: Any) -> NoReturn:
        _refuse("The feed has parts (entities) that could make it swell. It is not read")


def _entry(raw: _Raw, feed_url: str) -> Entry | None:
    """What an entry says; None for one that says nothing."""
    link = _link(raw, feed_url)
    name = next((name for name in _TEXTS if raw.texts.get(name)), "")
    text = from_html.written(_html(raw, name), base=link or feed_url) if name else ""
    short = next((name for name in reversed(_TEXTS) if raw.texts.get(name)), "")
    summary = from_html.words(_html(raw, short)) if short else ""
    title = _title(_html(raw, "title")) or _cut(summary, LONGEST_TITLE)
    if not title and not text:
        return None
    known_by = raw.texts.get("id") or raw.texts.get("guid") or link or f"{title}\n{text}"
    return Entry(
        key=sha256(known_by.encode("utf-8", "replace")).hexdigest(),
        title=title,
        url=link if link.startswith("https://") and len(link) <= LONGEST_URL else "",
        text=text,
        summary=_cut(summary, LONGEST_SUMMARY),
        at=next((at for at in _moments(raw) if at is not None), None),
    )


def _html(raw: _Raw, name: str) -> str:
    text = raw.texts.get(name, "")
    return html.escape(text).replace("\n", "<br>") if name in raw.plain else text


def _link(raw: _Raw, feed_url: str) -> str:
    found = raw.links.get("alternate") or raw.texts.get("link") or ""
    if not found and raw.texts.get("guid", "").startswith("https://"):
        found = raw.texts["guid"]
    try:
        link = urljoin(feed_url, found.strip()) if found else ""
    except ValueError:
        return ""
    return link if re.fullmatch(r"https?://[\x21-\x7e]+", link) and not re.search(r"[<>\"\\^`{|}]", link) else ""


def _title(text: str) -> str:
    return _cut(from_html.words(text), LONGEST_TITLE)


def _cut(text: str, at_most: int) -> str:
    """So many characters at most, whole words of them, with a sign that there was more."""
    text = " ".join(visible(text).split())
    if len(text) <= at_most:
        return text
    begun = text[: at_most - 1]
    return f"{(begun.rpartition(' ')[0] or begun).rstrip(' ,;:')}…"


def _moments(raw: _Raw) -> Iterator[datetime | None]:
    for name in _DATES:
        if text := raw.texts.get(name, "").strip():
            yield _moment(text)


def _moment(text: str) -> datetime | None:
    for reads in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = reads(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f' {name.rpartition(" ")[2]}="{html.escape(value)}"' for name, value in attributes.items())


def _refuse(sentence: str) -> NoReturn:
    raise InvalidInput(sentence)
