"""Show why an edition was found: the sentences that hold the words, with the words marked."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from newsletter.editions.search_text import fold

#: About how many characters an excerpt has, and how many excerpts an edition gets at most.
LENGTH = 180
MOST = 3


def marked(text: str, words: Sequence[str]) -> Markup:
    """The text as HTML with every one of the (folded) words in a `<mark>`."""
    pattern = _pattern(words)
    if pattern is None:
        return escape(text)
    # A pattern in one group splits into what lies between, what matched, what lies between …
    parts = enumerate(pattern.split(text))
    return Markup("").join(Markup("<mark>{}</mark>").format(part) if place % 2 else part for place, part in parts)


def excerpts(text: str, words: Sequence[str]) -> list[Markup]:
    """Pieces of the text (a paragraph a line, the title first) that hold words, until each word was shown once."""
    lines = text.split("\n")[1:]
    wanted = [word for word in words if any(word in fold(line) for line in lines)]
    shown: list[Markup] = []
    while wanted and len(shown) < MOST:
        best = max(lines, key=lambda line: sum(word in fold(line) for word in wanted))
        shown.append(marked(_around(best, wanted), words))
        wanted = [word for word in wanted if word not in fold(best)]
    return shown


def _around(line: str, words: Sequence[str]) -> str:
    """Not more of a long line than about `LENGTH` characters, from before the first word on, at whole words."""
    if len(line) <= LENGTH:
        return line
    pattern = _pattern(words)
    found = pattern.search(line) if pattern else None
    start = max(0, min((found.start() if found else 0) - LENGTH // 3, len(line) - LENGTH))
    end = start + LENGTH
    if start:
        start = line.find(" ", start) + 1 or start
    if end < len(line):
        end = max(line.rfind(" ", start, end), start + 1)
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    longest_first = sorted(words, key=len, reverse=True)
    choices = "|".join(re.escape(word).replace("'", "['\u2018\u2019\u02bc]") for word in longest_first)
    return re.compile(f"({choices})", re.IGNORECASE) if choices else None
