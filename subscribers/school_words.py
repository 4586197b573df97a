"""The plain words by which a school is found, as they are kept beside its name."""

import unicodedata
from typing import Any

#: Stands between name, town and postcode.
BAR = "|"

_LEFT_OUT = frozenset("'’‘`´ʼ.")


def plain(text: str) -> str:
    """Lower case, without accents, apostrophes and full stops; every other sign is a space between words."""
    letters = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join("" if c in _LEFT_OUT else c if c.isalnum() else " " for c in letters).split())


def words_of(name: str, town: str, postcode: str) -> str:
    """Name, town, and postcode with and without its space, bars between; every word has a space before it."""
    code = plain(postcode)
    return BAR.join(f" {part}" for part in (plain(name), plain(town), f"{code} {code.replace(' ', '')}"))


def words_of_row(context: Any) -> str:
    """The same, for a row that is being inserted without them (a column default of SQLAlchemy's)."""
    row = context.get_current_parameters()
    return words_of(row["name"], row["town"], row["postcode"])
