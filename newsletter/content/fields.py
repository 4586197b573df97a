"""What a person may type into a field of the content: a line, a text in restricted Markdown, a secure link."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput
from newsletter.rendering import markup

_SECURE_URL = re.compile(r"https://[^\s/?#@]+\.[^\s@]+")


class Misfit(ValueError):
    """Two fields do not go together. `field` is the one to go to, where a form can lead there."""

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.field = field


_Draft = TypeVar("_Draft", bound=BaseModel)


def _prose(text: str) -> str:
    try:
        markup.validate(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return text


def _secure_url(url: str) -> str:
    if url and not _SECURE_URL.fullmatch(url):
        raise ValueError("Must be a full address that starts with https://")
    return url


Line = Annotated[str, AfterValidator(one_line)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000), AfterValidator(_prose)]
#: The number of a row, as large as the databases have them.
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
SecureUrl = Annotated[str, AfterValidator(one_line), AfterValidator(_secure_url), Field(max_length=500)]


def read(draft: type[_Draft], values: Mapping[str, Any]) -> _Draft:
    """The draft with these values. Raises `InvalidInput` with the first sentence that is for the writer, and the field
    it belongs to."""
    try:
        return draft.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else None
        sentence = first["msg"].removeprefix("Value error, ")
        shown = f"{field.replace('_', ' ').capitalize()}: {sentence}" if field else sentence
        raise InvalidInput(f"{shown.rstrip('.')}.", field=field) from None
