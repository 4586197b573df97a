"""Long lists, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

#: Rows that one page shows.
ROWS = 50

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Paged(Generic[_Row]):
    """Some rows, and which page of how many they are."""

    rows: Sequence[_Row]
    number: int  # from 1
    pages: int
    total: int


def page_of(rows: Sequence[_Row], number: int, *, size: int = ROWS) -> Paged[_Row]:
    """This page of the rows; the last one where there are fewer pages, the first for a number below."""
    pages = max(1, -(-len(rows) // size))
    number = min(max(number, 1), pages)
    return Paged(rows[(number - 1) * size : number * size], number, pages, len(rows))


def pages_for(total: int, asked: str, *, size: int = ROWS) -> tuple[int, int]:
    """Which page to show for what was asked, and how many there are, where the database counts and cuts."""
    last = max(1, -(-total // size))
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 1
    return min(max(1, number), last), last
