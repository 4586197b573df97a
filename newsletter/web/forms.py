"""Forms: what was typed, bound to a pydantic model, with one plain sentence for each thing to mend.

A form that cannot be used is shown again with everything that was typed, so binding never raises. Blank (spaces too)
is the same as missing.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from newsletter.core import addresses
from newsletter.core.errors import InvalidInput
from newsletter.core.texts import visible


class FormModel(BaseModel):
    """A form. Fields stand in the order of the page."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    #: What to say when a field is missing or its choice is not one of those offered.
    sentences: ClassVar[dict[str, str]] = {}

    @classmethod
    def across(cls, typed: Mapping[str, str]) -> dict[str, str]:
        """Errors that concern several fields together, by the field to go to."""
        return {}


F = TypeVar("F", bound=FormModel)


@dataclass
class Bound(Generic[F]):
    """A form as it was sent: `value` when everything is right, else `errors` by field."""

    typed: Mapping[str, str] = field(default_factory=dict)
    value: F | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.typed.get(name, "")

    def error(self, name: str) -> dict[str, str] | None:
        """The shape a component's `errorMessage` has."""
        return {"text": self.errors[name]} if name in self.errors else None

    @property
    def summary(self) -> list[dict[str, str]]:
        """The shape an error summary's `errorList` has."""
        return [{"text": text, "href": f"#{name}"} for name, text in self.errors.items()]


def bind(model: type[F], typed: Mapping[str, str]) -> Bound[F]:
    """Check what was typed against the model."""
    bound: Bound[F] = Bound({name: typed.get(name, "") for name in model.model_fields})
    given = {name: text for name, text in bound.typed.items() if text.strip()}
    found: dict[str, str] = {}
    value: F | None = None
    try:
        value = model.model_validate(given)
    except ValidationError as problem:
        for error in problem.errors(include_url=False, include_context=False, include_input=False):
            name = str(error["loc"][0]) if error["loc"] else next(iter(model.model_fields))
            said = error["msg"] if error["type"] == "sentence" else model.sentences.get(name, "Check this answer")
            found.setdefault(name, said)
    found = model.across(given) | found
    bound.errors = {name: found[name] for name in model.model_fields if name in found}
    bound.value = None if found else value
    return bound


def sentence(text: str) -> PydanticCustomError:
    """An error whose message is shown as it is."""
    return PydanticCustomError("sentence", "{text}", {"text": text})


def _address(text: str) -> str:
    try:
        return addresses.parse(text)
    except InvalidInput as problem:
        raise sentence(str(problem)) from None


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn", "Zl", "Zp") for character in text):
        raise sentence("Write this on one line, using letters, numbers and punctuation")
    return text


def words(what: str, at_most: int) -> AfterValidator:
    """Free text on several lines, of so many characters. `what` begins the sentence when there are more."""

    def check(text: str) -> str:
        text = visible(text)
        if not text:
            raise ValueError("there is nothing to see in it: the form says what it says of a missing answer")
        if len(text) > at_most:
            raise sentence(f"{what} must be {at_most:,} characters or fewer. You have used {len(text):,}")
        return text

    return AfterValidator(check)


#: An email address in the form we keep.
Address = Annotated[str, AfterValidator(_address)]
#: Free text on one line, without anything that cannot be seen.
OneLine = Annotated[str, AfterValidator(_one_line)]
