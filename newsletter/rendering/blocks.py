"""The restricted Markdown, read into blocks: headings, paragraphs, inset text and lists. Everything else is refused.

Refused, never dropped: a writer is told in a sentence, with the line, what cannot be used and what to write instead.
Only `newsletter.rendering.markup` uses this.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from newsletter.core.errors import InvalidInput
from newsletter.rendering.mails import SLOTS

#: Far more than an update needs; it keeps a pasted book from holding up a page.
MAXIMUM_LENGTH = 20_000

MARK = re.compile(r"\[\[(" + "|".join(sorted(SLOTS)) + r")\]\]")
FORBIDDEN_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--")
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_BARE = re.compile(r"\bhttps?://|\bwww\.", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:[^@\s?,;]+@[^@\s?,;]+\.[^@\s?,;]+(\?subject=[^&]*)?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_TEL = re.compile(r"tel:\+?[0-9-]{3,20}", re.IGNORECASE)

_REFUSED = {
    "image": "pictures cannot be used here. Say in words what the picture shows",
    "blockquote_open": "“>” cannot be used here. For inset text, start the paragraph with ^",
    "hr": "a line across the page cannot be used here. Use a heading (## Like this) instead",
    "fence": "code cannot be used here. Write it as a plain paragraph",
    "code_inline": "the mark ` cannot be used here. Write the words without it",
}


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    number: int  # tells two neighbouring links with the same target apart


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text of one kind; the text "\\n" is a line break asked for by the writer."""

    text: str
    strong: bool = False
    emphasis: bool = False
    link: Link | None = None


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    depth: int  # 0 for the first and its equals, 1 for the next below: never a level left out
    content: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    content: Line
    inset: bool = False


@dataclass(frozen=True, slots=True)
class ListBlock:
    first: int | None  # the number of the first item; None: bullets
    items: tuple[tuple[Line, ...], ...]  # each item is one or more paragraphs


Block = Heading | Paragraph | ListBlock


@lru_cache(maxsize=1000)
def read(text: str) -> tuple[Block, ...]:
    """The blocks of a text. Raises `InvalidInput` naming the line and what to write instead.

    Kept for a while: an edition's texts are read a dozen times each for one look at it, by the mail, the page, the
    plain text and every check.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidInput(f"The text is longer than {MAXIMUM_LENGTH:,} characters. Shorten it")
    for number, line in enumerate(text.split("\n"), 1):
        if FORBIDDEN_CHARACTER.search(line):
            _refuse(number, "there is a character that cannot be shown. Delete the line and type it again")
    return tuple(_blocks(_PARSER.parse(text)))


def _parser() -> MarkdownIt:
    # Off: HTML and entities are text (and then refused as such), indentation means nothing, a line of dashes makes no
    # heading of the line above, and "[name]: address" does not vanish from the page.
    parser = MarkdownIt("commonmark", {"html": False})
    parser.disable(["html_block", "html_inline", "entity", "code", "lheading", "reference"])
    # Every address is let through to `_checked`, which says what is wrong with it.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


_PARSER = _parser()


def _refuse(line: int, sentence: str) -> NoReturn:
    raise InvalidInput(f"Line {line}: {sentence}")


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    outline: list[int] = []
    first: int | None = None
    items: list[tuple[Line, ...]] = []
    item: list[Line] | None = None
    heading: int | None = None
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        match token.type:
            case "inline":
                content, inset = _line(token, line)
                if heading is not None:
                    if not content:
                        _refuse(line, "this heading has no words. Write some after the #")
                    yield Heading(heading, content)
                elif item is not None:
                    if inset:
                        _refuse(line, "inset text cannot stand in a list. Make it a paragraph of its own")
                    item.append(content)
                elif content:
                    yield Paragraph(content, inset)
            case "heading_open":
                if item is not None:
                    _refuse(
                        line, "a heading cannot stand in a list. Leave an empty line before it and do not indent it"
                    )
                size = len(token.markup)
                while outline and outline[-1] >= size:
                    outline.pop()
                outline.append(size)
                heading = len(outline) - 1
            case "heading_close":
                heading = None
            case "bullet_list_open" | "ordered_list_open":
                if item is not None:
                    _refuse(line, "a list cannot stand in another list. Make one list of it")
                start = token.attrGet("start")
                first = None if token.type == "bullet_list_open" else int(start if start is not None else 1)
                items = []
            case "list_item_open":
                item = []
            case "list_item_close":
                if not any(item or ()):
                    _refuse(line, "this line of the list has no words. Write some, or take it out")
                items.append(tuple(item or ()))
                item = None
            case "bullet_list_close" | "ordered_list_close":
                yield ListBlock(first, tuple(items))
            case "paragraph_open" | "paragraph_close":
                pass
            case other:
                _refuse(line, _REFUSED.get(other, "this cannot be used here. Write it as a plain paragraph"))


def _line(token: Token, line: int) -> tuple[Line, bool]:
    """The spans of an inline token, and whether it is inset text (`^ like this`)."""
    spans: list[Span] = []
    strong = emphasis = links = 0
    link: Link | None = None
    raw = token.content.split("\n")  # tells ^ from \^, which look the same once parsed
    inset = raw[0].startswith("^")
    starts, number = True, 0
    for child in token.children or ():
        match child.type:
            case "text" | "text_special":
                text = child.content
                if starts and text.startswith("^") and raw[number].lstrip().startswith("^"):
                    if not inset:
                        _refuse(line, "leave an empty line before inset text (the paragraph that starts with ^)")
                    text = text[1:].lstrip()
                if text:
                    spans.append(Span(text, strong > 0, emphasis > 0, link))
            case "softbreak" | "hardbreak":
                line += 1
                number = min(number + 1, len(raw) - 1)
                spans.append(Span("\n" if child.type == "hardbreak" else " ", strong > 0, emphasis > 0, link))
            case "strong_open":
                strong += 1
            case "strong_close":
                strong -= 1
            case "em_open":
                emphasis += 1
            case "em_close":
                emphasis -= 1
            case "link_open":
                if child.markup == "autolink":
                    _refuse(line, "give the link words: [See the figures](https://…)")
                if child.attrGet("title") is not None:
                    _refuse(line, "a link takes words and an address, nothing else: [See the figures](https://…)")
                links += 1
                link = Link(_checked(str(child.attrGet("href") or ""), line), links)
            case "link_close":
                if not "".join(span.text for span in spans if span.link == link).strip():
                    _refuse(line, "this link has no words. Write [See the figures](https://…)")
                link = None
            case other:
                _refuse(line, _REFUSED.get(other, "this cannot be used here. Write plain words"))
        starts = child.type in ("softbreak", "hardbreak")
        if spans:
            _check_words(spans[-1].text, line)
    # Once more as a whole: a mark could be put together from pieces of different kinds.
    _check_words("".join(span.text for span in spans), line)
    return (tuple(spans) if any(span.text.strip() for span in spans) else ()), inset


def _check_words(text: str, line: int) -> None:
    if MARK.search(text):
        _refuse(line, "“[[…]]” is kept for personal links. Write it without the square brackets")
    if found := _TAG.search(text):
        _refuse(line, f"“{found[0][:30]}” is HTML, which readers would see as it stands. Take it out")
    if (entity := _ENTITY.search(text)) and html.unescape(entity[0]) != entity[0]:
        _refuse(line, f"“{entity[0]}” is HTML, which readers would see as it stands. Type the character itself")
    if _BARE.search(text):
        _refuse(line, "a web address cannot stand by itself. Give the link words: [See the figures](https://…)")


def _checked(href: str, line: int) -> str:
    """The target of a link in the one form that all outputs can carry; refuses what readers should not be sent to."""
    href = href.replace("(", "%28").replace(")", "%29").replace("'", "%27")
    scheme = href.partition(":")[0].lower()
    if scheme == "http":
        _refuse(
            line, "this link starts with http:, which others can read and change on the way. Use its https: address"
        )
    if scheme not in ("https", "mailto", "tel"):
        _refuse(line, "a link must start with https://, mailto: or tel:")
    if not href.isascii() or not href.isprintable() or MARK.search(href):
        _refuse(line, "the address of this link has characters that cannot be used. Copy it again from the browser")
    if scheme == "mailto" and not _MAILTO.fullmatch(href):
        _refuse(line, "write the email link like [Email us](mailto:send@example.org)")
    if scheme == "tel" and not _TEL.fullmatch(href):
        _refuse(line, "write the phone link like [01234 567890](tel:01234567890)")
    if scheme == "https":
        try:
            parts = urlsplit(href)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if not _HOST.fullmatch(host) or "@" in parts.netloc:
            _refuse(line, "the address of this link is not whole. Copy it again from the browser")
    return href
