"""Text that people typed, as it may be kept and shown anywhere: on a page, in a terminal, in a spreadsheet."""

import re
import unicodedata

#: Control characters, broken halves of characters, and what is no character at all.
_UNSEEN = frozenset({"Cc", "Cs", "Cn"})


def visible(text: str) -> str:
    """The text with plain line ends and without what cannot be seen: nothing in it can steer a terminal."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in _UNSEEN).strip()


def short_name(text: str, *, at_most: int, otherwise: str) -> str:
    """The words as a short name for addresses and files: "Early years" becomes "early-years"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:at_most].strip("-") or otherwise
