"""Write each acronym of the glossary out where an edition first uses it: "education, health and care plan (EHCP)".

Only where the author has not done so there. The texts are restricted Markdown, and stay it: targets of links and email
addresses are left alone, and what is put in has no mark in it (`newsletter.content.glossary`).
"""

import re
from collections.abc import Iterable
from functools import partial

from newsletter.rendering.mails import Expansion

#: How far from an acronym its meaning may stand and still count as given there: "a plan, or EHCP", "EHCP (a plan".
_NEARBY = 12

_NOT_WORDS = r"\]\([^)\n]*\)|\S+@\S+"
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s+|\n\s*\n\s*|\n\s*(?=[*+#^-]))(?:[*+#^-]+ ?|\d+[.)] )?[*_\[“‘(\"']*\Z")


def is_acronym(term: str) -> bool:
    """Whether a reader would have to be told: two capitals at least, as in DfE; an ordinary word explains itself."""
    return sum(letter.isupper() for letter in term) >= 2


class Expander:
    """Goes through the texts of one edition in the order in which they are read."""

    def __init__(self, terms: Iterable[Expansion]) -> None:
        self._meanings = {term.term: term.expansion for term in terms if term.expansion and is_acronym(term.term)}
        self._met: set[str] = set()
        self.written_out: list[Expansion] = []
        longest_first = sorted(self._meanings, key=len, reverse=True)
        self._pattern = re.compile(
            rf"{_NOT_WORDS}|(?:\b(?P<article>[Aa]n?) )?(?<![\w@./&’'-])"
            rf"(?P<term>{'|'.join(map(re.escape, longest_first)) or '(?!)'})(?P<tail>s|['’]s)?(?![\w@])"
        )

    def text(self, text: str) -> str:
        """The next text, with what it uses for the first time written out."""
        if not any(map(text.__contains__, self._meanings)):  # most have none: that is seen much sooner so
            return text
        return self._pattern.sub(partial(self._written_out, inside=False), text)

    def _written_out(self, match: re.Match[str], *, inside: bool) -> str:
        term = match["term"]
        if term is None or term in self._met:
            return match[0]
        self._met.add(term)
        meaning = self._meanings[term]
        if _is_given(meaning, match):
            return match[0]
        self.written_out.append(Expansion(term, meaning))
        # What it stands for may use other acronyms: "SEND information, advice and support service".
        words = self._pattern.sub(partial(self._written_out, inside=True), meaning)
        tail = match["tail"] or ""
        written = f"{_with_tail(words, tail)} ({term}{tail})"
        if match["article"]:
            return f"{_article(match['article'], words)} {written}"
        starts = not inside and _SENTENCE_START.search(match.string[: match.start()])
        return written[0].upper() + written[1:] if starts else written


def _is_given(meaning: str, match: re.Match[str]) -> bool:
    """Whether the author says there what it stands for."""
    reach = len(meaning) + _NEARBY
    before = match.string[max(0, match.start("term") - reach) : match.start("term")]
    after = match.string[match.end() : match.end() + reach]
    return any(_plain(meaning) in _plain(near) for near in (before, after))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_\[\]]", "", text).casefold().split())


def _with_tail(words: str, tail: str) -> str:
    """The plural or possessive of the words."""
    if tail == "s":
        return f"{words[:-1]}ies" if re.search(r"[^aeiou]y\Z", words) else f"{words}s"
    return f"{words}{tail}"


def _article(article: str, words: str) -> str:
    """“An NHS …” becomes "A National Health …"; before "u" and "h" the sound decides, and the author's choice stays."""
    first = words[0].lower()
    if first in "uh":
        return article
    return article[0] + ("n" if first in "aeio" else "")
