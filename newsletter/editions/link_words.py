"""The links of a text: whether a reader can tell from the words where each one goes (REQ-52)."""

import re
from collections.abc import Iterable, Iterator

from newsletter.editions.plain_words import ADDRESS_IN_TEXT

_CLICK_HERE = re.compile(r"\bclick\s+(?:here|this|below|on\s+this)\b", re.IGNORECASE)
_EMPTY = re.compile(r"^(?:here|this|link|this link|more|read more|find out more)$", re.IGNORECASE)
_LINK = re.compile(r"(?<!\\)\[([^\]]*)\]\(\s*<?([^)\s>]*)")
_BARE = re.compile(r"\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE)

#: Services that hide where a link goes. Mail filters distrust them too.
_SHORTENERS = (
    "bit.ly", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "shorturl.at", "t.co",
    "t.ly", "tiny.cc", "tinyurl.com",
)  # fmt: skip
_SHORTENED = re.compile(rf"https?://(?:www\.)?({'|'.join(map(re.escape, _SHORTENERS))})(?=[/?#]|\Z)", re.IGNORECASE)


def of_markdown(text: str) -> list[tuple[str, str]]:
    """Words and target of every link of a text in restricted Markdown."""
    return [(words, target) for words, target in _LINK.findall(text)]


def text_errors(title: str, texts: Iterable[str]) -> Iterator[str]:
    """What is wrong with links as they stand in plain texts."""
    for text in texts:
        if _CLICK_HERE.search(text):
            yield f"“{title}” says “click here”: use words that say where the link goes."
        if _BARE.search(ADDRESS_IN_TEXT.sub("", text)):
            yield f"“{title}” shows a bare web address: put the link behind words that say where it goes."


def link_errors(title: str, links: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with links, given as words and target."""
    given = list(links)
    if any(_EMPTY.match(words.strip()) for words, _ in given):
        yield f"“{title}” has a link whose words do not say where it goes: name the page."
    for service in dict.fromkeys(found[1].lower() for _, target in given if (found := _SHORTENED.match(target))):
        yield f"“{title}” has a link through {service}, which hides where it goes: link to the page itself."


def is_pdf_only(links: Iterable[tuple[str, str]]) -> bool:
    """Whether all that a text links to are PDF files, which phones and screen readers struggle with."""
    targets = [target.partition("?")[0].partition("#")[0].lower() for _, target in links]
    return bool(targets) and all(target.endswith(".pdf") for target in targets)
