"""Splits a text that somebody pasted, from Word, a web page or an email, into pieces that updates can be made of.

Headings become titles; paragraphs and lists become restricted Markdown. Nothing is left out and nothing is kept: what
becomes of the pieces is for whoever asked.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from newsletter.core.errors import InvalidInput
from newsletter.rendering import from_words

#: Some ten pages; and the pieces that a person can look through in one go.
MOST_CHARACTERS, MOST_PIECES = 20_000, 30
#: What a title may be (`UpdateDraft`), and what still looks like one.
LONGEST_TITLE, MOST_TITLE_WORDS = 120, 18
#: Lines of an email are about so long when it broke them itself.
_BROKEN_LINE = range(50, 91)

_BULLET = re.compile(r"(?:[•‣◦●○▪■□▫♦➢►▶→✓✔·§\uf0b7\uf0a7]\s*|[-–—*+]\s+|o(?:\t|\s{2,}))(?=\S)")
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]\s+(?=\S)")
_MARKED_HEADING = re.compile(r"#{1,6}\s+(?=\S)")
_LINE_ACROSS = re.compile(r"[-–—_*=~#.·•\s]+")
_WRAPPED_IN_MARKS = re.compile(r"(\*{1,3}|_{1,3})(?=\S)(.+?)(?<=\S)\1")


@dataclass(frozen=True, slots=True)
class Piece:
    """What may become one update. `title` is empty where the text has none; `text` is restricted Markdown."""

    title: str
    text: str


@dataclass(slots=True)
class _Part:
    """A heading, paragraph, or list, still in plain words."""

    kind: str  # heading, paragraph, bullet, number
    lines: list[str]
    numbers: list[int] = field(default_factory=list)


def split(text: str) -> list[Piece]:
    """The pieces of a text, in its order. Raises `InvalidInput` when it is empty, or too much to look through."""
    text = text.replace("\r\n", "\n")  # as forms send what people count as one
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(
            f"The text must be {MOST_CHARACTERS:,} characters or fewer. This has {len(text):,}: "
            "take a part out, and bring it in after the first"
        )
    pieces = list(_pieces(_with_headings(list(_parts(from_words.seen(text))))))
    if not pieces:
        raise InvalidInput("Paste the text")
    if len(pieces) > MOST_PIECES:
        raise InvalidInput(
            f"The text has {len(pieces)} headings. Take a part out until there are {MOST_PIECES} or fewer, "
            "and bring it in after the first"
        )
    return pieces


def _parts(text: str) -> Iterable[_Part]:
    """The parts as their lines show them. Lines that an email broke are put together again."""
    waiting: list[str] = []
    lists: _Part | None = None
    for raw in [*text.split("\n"), ""]:
        line = raw.strip()
        if _LINE_ACROSS.fullmatch(line):
            if re.fullmatch("={3,}|-{3,}", line) and len(waiting) == 1 and _may_be_title(waiting[0]):
                yield _Part("heading", [waiting.pop()])
            line = ""
        kind, words, number = _kind(line)
        goes_on = raw[:1].isspace() or line[:1].islower()
        if kind == "text" and lists is not None and goes_on and not waiting:
            lists.lines[-1] += f" {line}"
            continue
        if kind in ("bullet", "number"):
            yield from _paragraphs(waiting)
            waiting = []
            if lists is not None and lists.kind != kind:
                yield lists
                lists = None
            lists = lists or _Part(kind, [])
            lists.lines.append(words)
            lists.numbers.append(number)
            continue
        if kind == "" and lists is not None:
            continue  # an empty line between the items, perhaps
        if lists is not None:
            yield lists
            lists = None
        if kind == "text":
            waiting.append(line)
            continue
        yield from _paragraphs(waiting)
        waiting = []
        if kind == "heading":
            yield _Part(kind, [words])
    if lists is not None:
        yield lists
    yield from _paragraphs(waiting)


def _kind(line: str) -> tuple[str, str, int]:
    """What a line is, its words, and its number in a list."""
    if not line:
        return "", "", 0
    if (found := _MARKED_HEADING.match(line)) and len(line) <= LONGEST_TITLE:
        return "heading", line[found.end() :].strip("# ") or line, 0
    if (found := _WRAPPED_IN_MARKS.fullmatch(line)) and _may_be_title(found[2]):
        return "heading", found[2], 0
    if found := _BULLET.match(line):
        return "bullet", line[found.end() :], 0
    if found := _NUMBER.match(line):
        return "number", line[found.end() :], int(found[1])
    return "text", line, 0


def _paragraphs(lines: Sequence[str]) -> Iterable[_Part]:
    is_broken = len(lines) > 1 and all(len(line) in _BROKEN_LINE for line in lines[:-1])
    together: list[str] = []
    for line in lines:
        if together and not (is_broken or line[:1].islower()):
            yield _Part("paragraph", [" ".join(together)])
            together = []
        together.append(line)
    if together:
        yield _Part("paragraph", [" ".join(together)])


def _with_headings(parts: list[_Part]) -> Iterable[_Part]:
    """The same, where a short line before a longer text is taken for the heading that it is."""
    for part, then in zip_longest(parts, parts[1:]):
        only = part.lines[0] if len(part.lines) == 1 and part.kind in ("paragraph", "number") else ""
        follows = then is not None and (
            then.kind == "bullet" or (then.kind == "paragraph" and not _may_be_title(then.lines[0]))
        )
        if only and follows and _may_be_title(only) and (part.kind == "paragraph" or then and then.kind != "bullet"):
            yield _Part("heading", [f"{part.numbers[0]}. {only}" if part.kind == "number" else only])
        else:
            yield part


def _may_be_title(line: str) -> bool:
    return (
        len(line) <= LONGEST_TITLE
        and len(line.split()) <= MOST_TITLE_WORDS
        and not line[0].islower()
        and (line[-1].isalnum() or line[-1] in "?!)’”\"'…")
        and any(each.isalpha() for each in line)
        and not re.search("https?:|www[.]|@", line, re.IGNORECASE)
    )


def _pieces(parts: Iterable[_Part]) -> Iterable[Piece]:
    title, blocks = "", list[str]()
    for part in parts:
        if part.kind == "heading" and (title or blocks):
            yield Piece(title, "\n\n".join(blocks))
            title, blocks = "", []
        if part.kind == "heading":
            title = from_words.one_line(part.lines[0])
        elif block := "\n".join(_written(part)):
            blocks.append(block)
    if title or blocks:
        yield Piece(title, "\n\n".join(blocks))


def _written(part: _Part) -> Iterable[str]:
    for place, line in enumerate(part.lines):
        words = from_words.written(line)
        if words:
            yield {"bullet": "- ", "number": f"{part.numbers[place]}. " if part.numbers else ""}.get(
                part.kind, ""
            ) + words
