"""Reads rendered mails as their readers' programs do: what is seen, in which order and colours, and where links go."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from newsletter.rendering.colours import contrast

_VOID = {"br", "meta", "img", "hr", "link", "input"}
_UNSEEN = {"style", "title", "head", "xml", "noscript"}
_TARGETS = re.compile(r"\((?:https?|mailto|tel):[^\s)]*\)|(?:https?|mailto):\S+|\[\[\w+\]\](?:[/?][\w=]+)?")


@dataclass
class Seen:
    """A run of text as it shows: its element, and the colours it inherited."""

    element: str
    text: str
    colour: str
    background: str

    @property
    def contrast(self) -> float:
        return contrast(self.colour, self.background)


@dataclass
class Page(HTMLParser):
    html: str
    seen: list[Seen] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._stack: list[tuple[str, dict[str, str], bool]] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.elements.append((tag, values))
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag in _VOID:
            return
        declarations = (part.partition(":") for part in values.get("style", "").split(";"))
        style = {name.strip(): value.strip() for name, colon, value in declarations if colon}
        hidden = tag in _UNSEEN or style.get("display") == "none"
        self._stack.append((tag, style, hidden))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            while self._stack and self._stack.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(hidden for _, _, hidden in self._stack):
            colour, background = "#000000", "#ffffff"
            for _, style, _ in self._stack:
                colour = style.get("color", colour)
                background = style.get("background-color", style.get("background", background))
            self.seen.append(Seen(self._stack[-1][0] if self._stack else "", data, colour, background))

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.elements if re.fullmatch("h[1-6]", tag)]

    @property
    def words(self) -> list[str]:
        return words(" ".join(run.text for run in self.seen))


def words(text: str) -> list[str]:
    """The words of a text in order, without link targets, marks and punctuation."""
    return re.findall(r"\w+", _TARGETS.sub(" ", text))
