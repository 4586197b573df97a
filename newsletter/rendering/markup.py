"""The restricted Markdown that people write in: checked, and turned into HTML, plain text and GOV.UK Notify's Markdown.

Headings, paragraphs, lists, links, emphasis and inset text (`^ like this`, a paragraph of its own): nothing else, so
that every output can say the same. All three are written from the same blocks; text never comes from HTML.
What came out is kept for a while, because every look at an edition writes the same texts again.
`newsletter.rendering.blocks` reads; nh3 stands behind the HTML in case a mistake is made here.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

import nh3
from markupsafe import Markup, escape

from newsletter.core.errors import InvalidInput
from newsletter.rendering.blocks import Block, Heading, Line, ListBlock, Paragraph, Span, read

_MAIL_STYLES = {
    "p": "margin:0 0 12px",
    "inset": "margin:0 0 12px;padding:2px 0 2px 14px;border-left:4px solid {colour}",
    "ul": "margin:0 0 12px;padding:0 0 0 22px",
    "ol": "margin:0 0 12px;padding:0 0 0 26px",
    "li": "margin:0 0 4px",
    "h": "margin:16px 0 4px;font-size:18px;line-height:26px",
    "a": "color:{colour}",
}
_PAGE_CLASSES = {
    "p": "govuk-body",
    "inset": "govuk-inset-text",
    "ul": "govuk-list govuk-list--bullet",
    "ol": "govuk-list govuk-list--number",
    "li": "",
    "h": "govuk-heading-s",
    "a": "govuk-link",
}
_TAGS = {"p", "ul", "ol", "li", "a", "strong", "em", "br", "h1", "h2", "h3", "h4", "h5", "h6"}
_ATTRIBUTES = {tag: {"style", "class"} for tag in _TAGS - {"strong", "em", "br"}}
_ATTRIBUTES["a"].add("href")
_ATTRIBUTES["ol"].add("start")
#: How many texts are kept in each form: those of a few editions.
_KEPT = 500
_STYLES = {"margin", "padding", "border-left", "color", "font-size", "line-height"}


def validate(text: str) -> None:
    """Check a text. Raises `InvalidInput` with the line, what is wrong and what to write instead."""
    read(text)


@lru_cache(maxsize=_KEPT)
def to_html(text: str, *, heading_level: int, for_mail: bool, link_colour: str | None = None) -> Markup:
    """The text as HTML. Raises `InvalidInput` as `validate` does.

    Its first heading, and every heading of that rank, becomes a heading of `heading_level`: under an update whose own
    heading is an h3, ask for 4. No level is ever left out. A mail gets inline styles, a page gets GOV.UK classes.
    """
    colour = link_colour or "#1d2b28"

    def attributes(kind: str) -> str:
        if not for_mail:
            return f' class="{_PAGE_CLASSES[kind]}"' if _PAGE_CLASSES[kind] else ""
        if kind == "a" and link_colour is None:
            return ""
        return f' style="{_MAIL_STYLES[kind].format(colour=colour)}"'

    def inline(content: Line) -> str:
        out = []
        for link, spans in groupby(content, key=lambda span: span.link):
            words = "".join(_emphasised(span) for span in spans)
            out.append(f'<a href="{escape(link.href)}"{attributes("a")}>{words}</a>' if link else words)
        return "".join(out)

    def block(part: Block) -> str:
        match part:
            case Heading():
                level = min(heading_level + part.depth, 6)
                return f"<h{level}{attributes('h')}>{inline(part.content)}</h{level}>"
            case Paragraph():
                return f"<p{attributes('inset' if part.inset else 'p')}>{inline(part.content)}</p>"
            case ListBlock():
                tag = "ul" if part.first is None else "ol"
                start = f' start="{part.first}"' if part.first not in (None, 1) else ""
                items = "".join(
                    f"<li{attributes('li')}>{'<br>'.join(inline(line) for line in item)}</li>" for item in part.items
                )
                return f"<{tag}{start}{attributes(tag)}>{items}</{tag}>"

    cleaned = nh3.clean(
        "".join(block(part) for part in read(text)),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"https", "mailto", "tel"},
        filter_style_properties=_STYLES,
        link_rel=None,
    )
    # MJML reads XML: no open <br>, no named entities. A written "&nbsp;" would be "&amp;nbsp;" by now.
    return Markup(cleaned.replace("<br>", "<br/>").replace("&nbsp;", "\u00a0"))  # noqa: S704 (cleaned by nh3)


@lru_cache(maxsize=_KEPT)
def to_text(text: str) -> str:
    """The text as plain text, each link's address after its words. Raises `InvalidInput` as `validate` does."""

    def inline(content: Line) -> str:
        out = []
        for link, spans in groupby(content, key=lambda span: span.link):
            words = "".join(span.text for span in spans)
            target = re.sub(r"^(mailto|tel):", "", link.href.partition("?")[0]) if link else ""
            if link and link.href.lower().startswith("https:"):
                target = link.href
            out.append(f"{words} ({target})" if link and not _same(words, target) else words)
        return _tidy("".join(out))

    def block(part: Block) -> str:
        if isinstance(part, ListBlock):
            return _list_lines(part, (["\n".join(inline(line) for line in item)] for item in part.items))
        return inline(part.content)

    return "\n\n".join(block(part) for part in read(text))


@lru_cache(maxsize=_KEPT)
def to_notify(text: str, *, heading_level: int = 3) -> str:
    """The text in GOV.UK Notify's Markdown, which knows two levels of heading and no emphasis.

    Headings of levels 1 and 2 become `#`, those below `##`. Raises `InvalidInput` as `validate` does.
    """

    def inline(content: Line) -> str:
        out = []
        for link, spans in groupby(content, key=lambda span: span.link):
            words = "".join(span.text for span in spans)
            out.append(notify_link(words, link.href) if link else _without_backslashes(words))
        return notify_line(_tidy("".join(out)))

    def block(part: Block) -> str:
        match part:
            case Heading():
                marks = "#" if heading_level + part.depth <= 2 else "##"
                return f"{marks} {_one_line(inline(part.content))}"
            case Paragraph():
                return f"^ {_one_line(inline(part.content))}" if part.inset else inline(part.content)
            case ListBlock():
                return _list_lines(part, ([_one_line(inline(line)) for line in item] for item in part.items))

    return "\n\n".join(block(part) for part in read(text))


def notify_link(words: str, target: str) -> str:
    """A link in Notify's Markdown; square brackets in its words would end it too soon."""
    return f"[{_one_line(words).replace('[', '(').replace(']', ')')}]({target})"


def notify_line(text: str) -> str:
    """Plain words that Notify must not take for a heading, a list or inset text because of how a line starts."""
    return "\n".join(_unmarked(line) for line in text.split("\n"))


@lru_cache(maxsize=_KEPT)
def to_words(text: str) -> str:
    """The words alone, a paragraph or an item a line: no list marks, no targets of links. Raises `InvalidInput` as
    `validate` does."""
    return "\n".join("".join(span.text for span in line) for line in _lines(read(text)))


def escape_words(words: str) -> str:
    """Plain words as restricted Markdown in which nothing is a mark, to stand anywhere but at the start of a line."""
    return re.sub(r"[\\`*_\[<]", r"\\\g<0>", words)


def words_of(fragment: str) -> str:
    """The words of a piece cut out of a text, on one line; as it stands where it cannot be read by itself."""
    try:
        return _one_line(to_words(fragment)) if fragment.strip() else ""
    except InvalidInput:
        return fragment


def count_words(text: str) -> int:
    """How many words a reader reads: link targets do not count. Raises `InvalidInput` as `validate` does."""
    return len(to_words(text).split())


def _lines(blocks: Iterable[Block]) -> Iterable[Line]:
    for part in blocks:
        if isinstance(part, ListBlock):
            for item in part.items:
                yield from item
        else:
            yield part.content


def _emphasised(span: Span) -> str:
    if span.text == "\n":
        return "<br>"
    words = str(escape(span.text))
    if span.emphasis:
        words = f"<em>{words}</em>"
    return f"<strong>{words}</strong>" if span.strong else words


def _list_lines(part: ListBlock, items: Iterable[list[str]]) -> str:
    marks = (f"{part.first + n}." if part.first is not None else "*" for n in range(len(part.items)))
    return "\n".join(f"{mark} {' '.join(item)}" for mark, item in zip(marks, items, strict=True))


def _same(words: str, target: str) -> bool:
    return words.replace(" ", "") == target.replace(" ", "")


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _without_backslashes(words: str) -> str:
    return re.sub(r"\\(?=[\\`*{}\[\]()#+\-.!_>~|])", r"\\\\", words)


def _unmarked(line: str) -> str:
    if line.startswith("^"):  # Notify cannot escape it: an invisible word joiner hides it from the start of the line
        return "\u2060" + line
    return re.sub(r"^([#*•+-]|\d+(?=\.))", lambda m: f"{m[1]}\\" if m[1].isdigit() else f"\\{m[1]}", line)
