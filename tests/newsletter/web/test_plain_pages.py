"""Every page that anybody can open is plain: short sentences, one language named, headings in their order."""

import re
from html.parser import HTMLParser

import pytest

from newsletter.editions.plain_words import SENTENCE_WORDS
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door

PATHS = [
    "/", "/parents", "/professionals", "/editions", "/editions/parents", "/editions?words=nothing&since=2026",
    "/editions?since=never", "/editions/parents/2026-11-02", "/editions/parents/2026-11-02/easy-read", "/privacy",
    "/accessibility", "/parents/check-your-email", "/leave/broken", "/nowhere",
]  # fmt: skip


class Blocks(HTMLParser):
    """The texts of the main part, one for each paragraph, item, label, heading and button."""

    ENDS = frozenset({"p", "li", "h1", "h2", "h3", "h4", "label", "legend", "option", "div", "summary", "button"})

    def __init__(self) -> None:
        super().__init__()
        self.texts = [""]
        self.headings: list[int] = []
        self.language = ""
        self._in_main = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs).get("lang") or ""
        if tag == "main":
            self._in_main = True
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in self.ENDS:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._in_main = False
        if tag in self.ENDS:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self._in_main:
            self.texts[-1] += data


def read(door: Door, path: str) -> Blocks:
    blocks = Blocks()
    blocks.feed(door.get(path).text)
    return blocks


@pytest.mark.parametrize("path", PATHS)
def test_sentences_are_short(sqlite_door: Door, path: str) -> None:
    town.add_variants(sqlite_door.runtime, "2026-11-02")
    blocks = read(sqlite_door, path)
    sentences = [sentence for text in blocks.texts for sentence in re.split(r"(?<=[.!?:;])\s+", " ".join(text.split()))]
    assert any(sentences)
    long = [sentence for sentence in sentences if len(sentence.split()) > SENTENCE_WORDS]
    # What the partnership writes itself (its sign-up wording, an edition) is checked where it is written.
    written = " ".join((town.PARENTS_WORDING + town.PROFESSIONALS_WORDING).split())
    assert [sentence for sentence in long if sentence not in written] == []


@pytest.mark.parametrize("path", PATHS)
def test_headings_stand_in_order_and_the_language_is_named(sqlite_door: Door, path: str) -> None:
    town.add_variants(sqlite_door.runtime, "2026-11-02")
    blocks = read(sqlite_door, path)
    assert blocks.language == "en-GB"
    assert blocks.headings.count(1) == 1
