"""What reads differently in one page of an edition than in another, word by word: for whoever approves it again."""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from difflib import SequenceMatcher

from newsletter.content.dates import in_words
from newsletter.editions.composing import EditionPage
from newsletter.rendering.mails import EventBlock, PictureBlock, ResponseBlock, UpdateBlock

#: Comparing takes time that grows with the square of the words; a longer text is shown whole, before and after.
MOST_WORDS = 3_000
#: So many words that stayed are not told apart when others changed on both sides of them.
FEW_WORDS = 2

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
#: What readers see of each block beside its title, in the order in which they see it.
_UNSEEN = frozenset({"anchor", "title", "theme", "outcome", "page_path", "calendar_path", "day", "doing_by"})


class Kind(enum.StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words, and whether they are new, gone, or in both."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that reads differently."""

    place: str  # "Subject", or the title of an update
    pieces: tuple[Piece, ...]

    @property
    def is_new(self) -> bool:
        return all(piece.kind is Kind.ADDED for piece in self.pieces)

    @property
    def is_gone(self) -> bool:
        return all(piece.kind is Kind.REMOVED for piece in self.pieces)


def between(old: EditionPage, new: EditionPage) -> list[Difference]:
    """Every place that differs, in the order of the new page; what is gone stands last."""
    before, after = dict(_places(old)), dict(_places(new))
    found = []
    for key in [*after, *(key for key in before if key not in after)]:
        was, now = before.get(key, ("", "")), after.get(key, ("", ""))
        if was[1] != now[1]:
            found.append(Difference(now[0] or was[0], tuple(pieces(was[1], now[1]))))
    if not found and list(before) != list(after):
        order = "\n".join(after[key][0] for key in after if key.partition("-")[0] in _TITLED)
        found.append(Difference("Order", (Piece(Kind.ADDED, order),)))
    return found


def pieces(old: str, new: str) -> Iterator[Piece]:
    """The words of both texts. A few words that stayed between two changes go with these, because single words that
    are marked in turn cannot be read."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) + len(after) > MOST_WORDS:
        yield from _both(old, new)
        return
    was = now = ""
    blocks = SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    for place, (tag, start, end, new_start, new_end) in enumerate(blocks):
        gone, come = "".join(before[start:end]), "".join(after[new_start:new_end])
        if tag == "equal" and (not (was or now) or place == len(blocks) - 1 or _words(gone) > FEW_WORDS):
            yield from _both(was, now)
            was = now = ""
            yield Piece(Kind.SAME, gone)
        else:
            was, now = was + gone, now + come
    yield from _both(was, now)


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _both(old: str, new: str) -> Iterator[Piece]:
    if old:
        yield Piece(Kind.REMOVED, old)
    if new:
        yield Piece(Kind.ADDED, new)


_TITLED = frozenset({"update", "response", "event"})


def _places(page: EditionPage) -> Iterator[tuple[str, tuple[str, str]]]:
    """Key, name and text of everything that readers see, from top to bottom."""
    yield "subject", ("Subject", page.title)
    yield "preheader", ("Line after the subject", page.preheader)
    yield "introduction", ("Introduction", page.introduction)
    for section in page.sections:
        yield section.anchor, ("Heading of a section", section.heading)
        for update in section.updates:
            yield update.anchor, (update.title, _text(update.title, update))
    for response in page.responses:
        yield response.anchor, (response.theme, _text(response.theme, response))
    for event in page.events:
        yield event.anchor, (event.title, _text(event.title, event))
    yield "help", ("Where to get help", page.help_text)
    imprint = [page.partnership, page.publisher, page.postal_address, page.phone, page.contact_email]
    imprint += [_told(page.logo, "Logo")] if page.logo else []
    yield "imprint", ("Who publishes it", "\n".join(imprint))


def _text(title: str, block: UpdateBlock | ResponseBlock | EventBlock) -> str:
    lines = [title]
    for each in fields(block):
        if each.name not in _UNSEEN and (value := getattr(block, each.name)):
            lines.append(_told(value))
    return "\n".join(lines)


def _told(value: object, picture: str = "Picture") -> str:
    match value:
        case True:
            return "Cancelled"
        case date():
            return in_words(value)
        case PictureBlock():  # another picture with the same words is told apart by the beginning of its hash
            return f"{picture} {value.sha256[:8]}: {value.alt}"
        case _:
            return str(value)
