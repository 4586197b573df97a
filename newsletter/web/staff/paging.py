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
