"""Larger text and more space on an edition's page, kept in its address: no cookie, no script, and it can be passed on.

It comes on top of what the browser does; some people read on devices where they cannot change that.
"""

import enum
from dataclasses import dataclass

from fastapi import Request


class TextSize(enum.StrEnum):
    """The values of `?text=`."""

    NORMAL = "normal"
    LARGE = "large"
    SPACED = "spaced"


_WORDS = {TextSize.NORMAL: "Normal", TextSize.LARGE: "Larger", TextSize.SPACED: "Larger, with more space"}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader has chosen, and what there is to choose from."""

    size: TextSize

    @property
    def css_class(self) -> str:
        return "" if self.size is TextSize.NORMAL else f"app-text-{self.size}"

    @property
    def query(self) -> str:
        """What links to other editions carry on."""
        return "" if self.size is TextSize.NORMAL else f"?text={self.size}"

    @property
    def offered(self) -> list[tuple[TextSize, str]]:
        return list(_WORDS.items())


def chosen(request: Request) -> Choice:
    """As the address says; what it does not know is the normal size."""
    asked = request.query_params.get("text", "")
    return Choice(TextSize(asked) if asked in {size.value for size in TextSize} else TextSize.NORMAL)
