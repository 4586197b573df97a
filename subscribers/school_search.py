"""Finding a school by the beginnings of words: in its name first, then in its town and its postcode.

People type "st marys", "O’Hara", "cafe" or "OX11AA" and mean what the register spells St. Mary's, O'Hara's, Café and
OX1 1AA, so what is compared are plain words, kept with each school. One query answers, however many schools there are.
"""

import re
import unicodedata

import sqlalchemy as sa
from sqlmodel import Session, col, select

from subscribers.models import School
from subscribers.school_words import BAR, plain

#: How many are offered at once.
MOST = 20
#: Fewer letters than this find nothing: they begin too many words.
FEWEST_LETTERS = 2
#: More words than this are not looked at; no school needs them.
_MOST_WORDS = 10
_POSTCODE = re.compile(r"[a-z]{1,2}[0-9][a-z0-9]?( ?[0-9][a-z]{2})?", re.ASCII)


def search(session: Session, typed: str, *, limit: int = MOST) -> list[School]:
    """The open schools in which every typed word begins a word, at most `limit`: names that begin with what was typed
    first, then those with all words in the name, then with the town, then with the postcode. Empty for too little."""
    words = _words(typed)
    if not words:
        return []
    text = col(School.words)
    rank = sa.case(
        (text.startswith(" " + " ".join(words)), 0),
        (sa.and_(*(text.like(f"% {word}%{BAR}%{BAR}%") for word in words)), 1),
        (sa.and_(*(text.like(f"% {word}%{BAR}%") for word in words)), 2),
        else_=3,
    )
    found = (
        select(School)
        .where(col(School.is_open).is_(True), *(text.like(f"% {word}%") for word in words))
        .order_by(rank, col(School.name), col(School.urn))
        .limit(limit)
    )
    return list(session.exec(found))


def looks_like_postcode(typed: str) -> bool:
    """Whether this is a postcode, or the first half of one, and so no name."""
    return _POSTCODE.fullmatch(plain(typed)) is not None


def is_same(one: str, other: str) -> bool:
    """Whether two spellings have the same words."""
    return plain(one) == plain(other)


def _words(typed: str) -> list[str]:
    words = plain(unicodedata.normalize("NFC", typed)[:200]).split()[:_MOST_WORDS]
    return words if sum(map(len, words)) >= FEWEST_LETTERS else []
