"""One line of plain text: titles, subjects, labels. Longer texts are in restricted Markdown.

A line goes where a line break would do harm: into a mail header, a link, a heading.
"""

import unicodedata

#: Control characters, broken halves of characters, line and paragraph separators.
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})

#: Marks that turn the direction of the text around them, and can make a line read as something else.
_TURNS_AROUND = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """The text without blanks at its ends. Raises `ValueError` with a sentence for the form."""
    line = text.strip()
    if any(unicodedata.category(character) in _NOT_IN_A_LINE for character in line):
        raise ValueError("Must be one line, without tabs or control characters")
    if any(character in _TURNS_AROUND for character in line):
        raise ValueError("Must not have marks that change the direction of writing")
    if "[[" in line:
        raise ValueError("Must not have “[[”, which stands for a personal link in an email")
    return line
