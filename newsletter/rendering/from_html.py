"""HTML of another website, written as restricted Markdown: its headings, paragraphs, lists and links.

nh3 reads it, so that whatever is wrong or hostile in it is mended or gone first; what is left is words, which
`newsletter.rendering.from_words` writes. Nothing of the HTML itself is kept, and pictures are left out.
"""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import nh3

from newsletter.rendering import from_words

#: More than any update has. Reading stops there, because thousands of tags within each other would take their time.
MOST_CHARACTERS, MOST_TAGS = 50_000, 1_200
#: Enough for some words of it.
_FEW_CHARACTERS, _FEW_TAGS = 4_000, 200

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | {
    "p",
    "div",
    "blockquote",
    "li",
    "tr",
    "br",
    "ul",
    "ol",
    "dt",
    "dd",
    "pre",
    "hr",
    "section",
    "article",
}
_LISTS = frozenset({"ul", "ol"})
#: Kept while reading; the words of all others are kept without them.
_TAGS = set(_BLOCKS | {"a", "td", "th"})
#: What nobody reads on the page either.
_NOT_READ = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "select", "title", "form"}


def written(html: str, *, base: str = "") -> str:
    """The text as restricted Markdown. `base`: the address that its own links count from. Never raises. What is much
    too long ends with “…”."""
    begun = _beginning(html, MOST_CHARACTERS, MOST_TAGS)
    reader = _Reader(base)
    reader.feed(_cleaned(begun))
    reader.close()
    reader.end_block()
    return "\n\n".join("\n".join(block) for block in [*reader.blocks, *([["…"]] if begun != html else [])])


def words(html: str) -> str:
    """The first words alone, on one line."""
    reader = _Reader("")
    reader.feed(re.sub(r"<[^>]*>", " ", _cleaned(_beginning(html, _FEW_CHARACTERS, _FEW_TAGS))))
    reader.close()
    return from_words.one_line("".join(text for text, _ in reader.runs))


def _beginning(html: str, characters: int, tags: int) -> str:
    parts = html[:characters].split("<", tags)
    return "<".join(parts[:tags])


def _cleaned(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_NOT_READ,
        attributes={"a": {"href"}},
        url_schemes={"https", "mailto"},
        link_rel=None,
    )


class _Reader(HTMLParser):
    """Reads what nh3 wrote: well formed, and nothing but the tags above."""

    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[list[str]] = []  # the lines of each
        self.runs: list[tuple[str, str]] = []  # words, and where they lead
        self._base, self._href = base, ""
        self._lists: list[list[int]] = []  # of the lists around: their kind (0: bullets) or the number to come
        self._mark = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.end_block()
        if tag in _LISTS:
            self._lists.append([int(tag == "ol")])
        elif tag == "li":
            self._mark = self._next_mark()
        elif tag in _HEADINGS and not self._lists:
            self._mark = "## "
        elif tag in ("td", "th"):
            self.runs.append((" ", ""))
        elif tag == "a":
            self._href = _joined(self._base, dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_block()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "a":
            self._href = ""

    def handle_data(self, data: str) -> None:
        if self.runs and self.runs[-1][1] == self._href:
            self.runs[-1] = (self.runs[-1][0] + data, self._href)
        else:
            self.runs.append((data, self._href))

    def end_block(self) -> None:
        """What was read becomes a paragraph, a heading, or an item of the list it stands in."""
        line = from_words.written_with_links(self.runs)
        self.runs = []
        if not line:
            return
        mark, self._mark = self._mark, ""
        if not mark and self._lists:  # a second paragraph of an item
            mark = self._next_mark()
        if self.blocks and _kind(mark) and _kind(mark) == _kind(self.blocks[-1][-1]):
            self.blocks[-1].append(mark + line)
        else:
            self.blocks.append([mark + line])

    def _next_mark(self) -> str:
        around = self._lists[-1] if self._lists else [0]
        if not around[0]:
            return "- "
        around[0] += 1
        return f"{around[0] - 1}. "


def _kind(line: str) -> str:
    """Whether a line is an item of a list, and of which kind."""
    found = re.match(r"(-) |\d+(\.) ", line)
    return (found[1] or found[2]) if found else ""


def _joined(base: str, href: str) -> str:
    try:
        return urljoin(base, href.strip()) if href.strip() else ""
    except ValueError:
        return ""
