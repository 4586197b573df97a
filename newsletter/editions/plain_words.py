"""How plainly a text is written: long sentences, capitals, words about people, and the age at which it reads.

Everything here is about style, so it warns and never blocks (REQ-52). The texts are plain, as readers get them.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

#: The most words of one sentence.
SENTENCE_WORDS = 25

#: A shorter text has too few sentences for its reading age to mean anything.
SCORED_WORDS = 40

#: A target as plain text shows it behind the words of its link.
ADDRESS_IN_TEXT = re.compile(r"\s*\((?:https://[^()\s]*|[^()\s]+@[^()\s]+|\+?[\d\s-]{5,})\)")

_CAPITALS = re.compile(r"\b[A-Z][A-Z'’]+(?:[\s,]+[A-Z][A-Z'’]+){2,}\b")
_SENTENCE_END = re.compile(r"(?<=[.!?:])[\s\n]+|\n+")

#: Words that make a person into a condition, and what to write instead.
_PEOPLE = (
    (r"(?:SEN|SEND|special needs|autistic|disabled|EHCP) kids", "children with SEND"),
    (r"kids?", "children"),
    (r"(?:SEN|SEND|special[- ]needs|EHCP) (?:child|children|pupils?|students?)", "children with SEND"),
    (r"the disabled", "disabled people"),
    (r"(?:suffer(?:s|ing|ed)? from|victims? of|afflicted (?:with|by))", "has, or lives with"),
    (r"wheelchair[- ]bound|confined to a wheelchair", "uses a wheelchair"),
    (r"handicap(?:s|ped)?", "disabled"),
    (r"(?:high|low)[- ]functioning", "what support somebody needs"),
    (r"able[- ]bodied", "non-disabled"),
    (r"normal (?:child|children|pupils?|people)", "other children"),
    (r"mental age", "what somebody can do"),
    (r"hard[- ]to[- ]reach", "people we have not reached"),
)
_PERSON_LANGUAGE = tuple((re.compile(rf"\b(?:{words})\b", re.IGNORECASE), instead) for words, instead in _PEOPLE)

_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")
#: An ending that is written and not spoken: "late", "plans", "moved"; but not in "little", "houses", "started".
_SILENT = re.compile(r"(?<![aeiouylr])(?<=[a-z])es?\Z|(?<=[aeiou])[lr]es?\Z|(?<![aeioutd])ed\Z")
_KEPT_ES = re.compile(r"(?:[sxz]|ch|sh|[cg])es\Z")


@lru_cache(maxsize=1000)
def findings(what: str, text: str) -> tuple[str, ...]:
    """A sentence for each thing that reads badly; `what` begins it: "The introduction", "“More help by phone”".

    Kept for a while, because every look at an edition reads the same texts again.
    """
    return tuple(_findings(what, text))


def _findings(what: str, text: str) -> Iterator[str]:
    plain = ADDRESS_IN_TEXT.sub("", text)
    for sentence in sentences(plain):
        count = len(sentence.split())
        if count > SENTENCE_WORDS:
            yield f"{what} has a sentence of {count} words; split it (“{' '.join(sentence.split()[:5])} …”)."
    if has_capitals(plain):
        yield f"{what} has words in capitals, which are hard to read and look like shouting."
    seen: set[str] = set()
    for pattern, instead in _PERSON_LANGUAGE:
        for found in pattern.finditer(plain):
            if not any(found[0].casefold() in other for other in seen):
                seen.add(found[0].casefold())
                yield f"{what} says “{found[0]}”: write about the person first, for example “{instead}”."


def has_capitals(text: str) -> bool:
    """Whether three words or more in a row are in capitals."""
    return _CAPITALS.search(text) is not None


def sentences(text: str) -> list[str]:
    """The sentences and the items of lists."""
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def reading_age(text: str) -> int | None:
    """About the age at which it can be read, in years, after Flesch and Kincaid; None for a text too short to say.

    The measure counts words in a sentence and syllables in a word. Names and terms that cannot be avoided raise it, so
    that it is good for comparing two wordings and no more.
    """
    plain = ADDRESS_IN_TEXT.sub("", text)
    words = _WORD.findall(plain)
    if len(words) < SCORED_WORDS:
        return None
    number = sum(1 for sentence in sentences(plain) if _WORD.search(sentence))
    grade = 0.39 * len(words) / number + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return max(5, round(grade) + 5)


@lru_cache(maxsize=10_000)
def syllables(word: str) -> int:
    """About how many syllables an English word has, at least one. An acronym is spelt: a syllable a letter."""
    if len(word) > 1 and word.isupper():
        return len(word)
    folded = re.sub(r"['’]s?\Z", "", word.casefold())
    if "-" in folded:
        return sum(map(syllables, folded.split("-")))
    spoken = folded if _KEPT_ES.search(folded) else _SILENT.sub("", folded)
    return max(1, len(_VOWELS.findall(spoken)))
