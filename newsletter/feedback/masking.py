"""Finds what would name somebody in a text that need not: addresses, phone numbers, NHS numbers, pupil numbers.

It knows shapes, not people: a name in the text is not found. So forms ask not to write one, and whoever reads feedback
sets aside what is about one child.
"""

import re
from collections.abc import Callable

_EMAIL = re.compile(r"[^\s<>()\[\],;:\"]{1,64}@[^\s<>()\[\],;:\"@]{1,255}\.\w{2,}", re.UNICODE)
_PUPIL = re.compile(r"\b[A-HJ-NP-RT-Z]\d{11}[\dA-Z]\b", re.IGNORECASE)
_NHS = re.compile(r"(?<![\d+])\d{3}[ \-.]?\d{3}[ \-.]?\d{4}(?!\d)")
#: British numbers as they are written: 0 or +44, nine or ten more digits, in any grouping.
_PHONE = re.compile(r"(?<![\d])(?:\+|00)?(?:44[ \-.()]{0,3}(?:\(?0\)?[ \-.]?)?|\(?0)(?:[ \-.()]{0,2}\d){9,10}(?!\d)")


def _is_nhs_number(text: str) -> bool:
    """The last of ten digits checks the others, modulus 11 (NHS Data Dictionary, NHS NUMBER)."""
    digits = [int(character) for character in text if character.isdigit()]
    check = 11 - sum(digit * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return check != 10 and check % 11 == digits[9]


#: What is looked for, in this order, and what a person calls it.
_SHAPES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email address", _EMAIL, lambda _: True),
    ("pupil number", _PUPIL, lambda _: True),
    ("NHS number", _NHS, _is_nhs_number),
    ("phone number", _PHONE, lambda _: True),
)


def found(text: str) -> list[str]:
    """What the text seems to have in it: "email address", "phone number", "NHS number", "pupil number"."""
    return _masked(text)[1]


def mask(text: str) -> str:
    """The text with each of them replaced by its name in brackets."""
    return _masked(text)[0]


def _masked(text: str) -> tuple[str, list[str]]:
    kinds = []
    for kind, shape, is_one in _SHAPES:

        def replaced(match: re.Match[str], kind: str = kind, is_one: Callable[[str], bool] = is_one) -> str:
            return f"({kind})" if is_one(match.group()) else match.group()

        masked = shape.sub(replaced, text)
        if masked != text:
            kinds.append(kind)
        text = masked
    return text, kinds
