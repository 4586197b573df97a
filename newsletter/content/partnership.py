"""Change what the partnership is called, where it can be reached, and its colours. One row, made when it is not there.

What an edition was approved with stays in the edition; everything else follows at once. A colour on which words could
not be read is refused, with the contrast it has (WCAG 2.2, success criterion 1.4.3).
"""

import re
from datetime import date
from math import floor
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlmodel import Session, select

from newsletter.content.fields import Line, Prose, SecureUrl
from newsletter.content.models import Partnership
from newsletter.core import addresses
from newsletter.core.errors import InvalidInput
from newsletter.rendering.colours import AA, AAA, contrast, readable

_HEX = re.compile(r"#[0-9a-f]{6}")
_WHITE, _INK, _QUIET = "#ffffff", "#1d2b28", "#50605c"


def _colour(text: str) -> str:
    colour = text.strip().lower()
    if not _HEX.fullmatch(colour):
        raise ValueError("Write the colour as # and six digits, like #00594c")
    return colour


def _address(text: str) -> str:
    try:
        return addresses.parse(text)
    except InvalidInput as problem:
        raise ValueError(str(problem)) from None


def _address_if_any(text: str) -> str:
    return _address(text) if text.strip() else ""


Colour = Annotated[str, AfterValidator(_colour)]


class PartnershipDraft(BaseModel):
    """What a person typed about the partnership."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(min_length=1, max_length=120)
    area: Line = Field(min_length=1, max_length=80)
    publisher: Line = Field(min_length=1, max_length=120)
    postal_address: Line = Field(min_length=1, max_length=300)
    phone: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9+ ()-]{3,40}$")]
    contact_email: Annotated[str, AfterValidator(_address)]
    data_protection_email: Annotated[str, AfterValidator(_address_if_any)] = ""
    website: SecureUrl = Field(min_length=1, max_length=300)
    local_authority_code: int = Field(ge=1, le=999)
    help_text: Prose = Field(min_length=1)
    brand_colour: Colour
    tint_colour: Colour
    accessibility_problems: Prose = ""
    accessibility_reviewed_on: date | None = None


def colour_problems(brand: str, tint: str) -> dict[str, str]:
    """Why these colours cannot be used, by field; each says the contrast they have and offers a colour that will do."""
    found: dict[str, str] = {}
    on_white = contrast(brand, _WHITE)
    if on_white < AA:
        found["brand_colour"] = _refusal("White words on this colour", on_white, AA, _other_brand(brand, tint))
    ink, quiet = contrast(_INK, tint), contrast(_QUIET, tint)
    if ink < AAA or quiet < AA:
        words, ratio, least = ("Text", ink, AAA) if ink < AAA else ("Small print", quiet, AA)
        found["tint_colour"] = _refusal(f"{words} on this background", ratio, least, readable(tint, _QUIET, ratio=5.2))
    elif not found and (ratio := contrast(brand, tint)) < AA:
        found["tint_colour"] = _refusal("Links on this background", ratio, AA, readable(tint, brand, ratio=AA))
    return found


def _other_brand(brand: str, tint: str) -> str:
    """The colour nearest to this one that can be read on white, and on the background too where that is pale."""
    darker = readable(brand, _WHITE)
    return readable(darker, tint) if contrast(_INK, tint) >= AAA else darker


def edit(session: Session, draft: PartnershipDraft, *, now_on: date) -> Partnership:
    """Replace what is known of the partnership; `now_on` is today. Raises `InvalidInput` for colours that cannot be
    read and for a review that has not happened yet."""
    for field, sentence in colour_problems(draft.brand_colour, draft.tint_colour).items():
        raise InvalidInput(sentence, field=field)
    if draft.accessibility_reviewed_on is not None and draft.accessibility_reviewed_on > now_on:
        raise InvalidInput("The accessibility check cannot lie in the future", field="accessibility_reviewed_on")
    values: dict[str, Any] = draft.model_dump()
    row = session.exec(select(Partnership).order_by(Partnership.id)).first()  # type: ignore[arg-type]
    if row is None:
        row = Partnership(**values)
    for name, value in values.items():
        setattr(row, name, value)
    row.accessibility_prepared_on = row.accessibility_prepared_on or row.accessibility_reviewed_on
    session.add(row)
    session.flush()
    return row


def _refusal(what: str, ratio: float, least: float, other: str) -> str:
    return (
        f"{what} would be hard to read: the contrast is {floor(ratio * 100) / 100:.2f} to 1, and {least:g} to 1 is the "
        f"least. {other} would do"
    )
