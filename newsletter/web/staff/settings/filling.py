"""Forms of settings: what was typed becomes the draft that a service takes, or one sentence for each thing to mend.

The rules stand in the drafts, so that the command line and the pages refuse the same. Here their refusals get the
words of the page, and nothing that was typed is lost.
"""

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from newsletter.content.fields import Misfit
from newsletter.core.errors import InvalidInput
from newsletter.core.texts import visible
from newsletter.web import typed_dates
from newsletter.web.forms import Bound, FormModel

Form = Bound[FormModel]

#: The hidden field that says what the form showed when it was opened.
SHOWN = "shown"

#: Said when somebody else saved something else meanwhile.
MEANWHILE = (
    "Somebody else changed this while you were writing. See below what they saved. "
    "Save again to put your text in its place"
)

_Draft = TypeVar("_Draft", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Read:
    """Fields of a draft that the page asks for in another way, as a moment by its day and its time: `values` by field
    of the draft, `errors` by field of the page, and which field of the page stands for one of the draft."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)


def fill(
    draft: type[_Draft],
    typed: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    more: tuple[str, ...] = (),
    read: Read | None = None,
) -> tuple[Form, _Draft | None]:
    """The form, and its draft where everything is right. `labels`: what each field is called, in the order of the page;
    `more`: fields that are not of the draft; `read`: what was read already."""
    form: Form = Bound({name: visible(typed.get(name, "")) for name in (*more, *labels)})
    read = read or Read()
    values: dict[str, Any] = dict(read.values)
    errors: dict[str, str] = dict(read.errors)
    for name, asked in draft.model_fields.items():
        if name in read.stands_for:
            continue
        text = form.get(name)
        kind = _kind(asked.annotation)
        if kind is bool:
            values[name] = text == "yes"
        elif not text:
            continue
        elif kind is date:
            try:
                values[name] = typed_dates.day(text)
            except ValueError:
                errors[name] = f"{_plainly(labels[name])} must be a real date, like 27/3/2027"
        else:
            values[name] = text
    made: _Draft | None = None
    try:
        made = draft.model_validate(values)
    except ValidationError as problem:
        for error in problem.errors(include_url=False):
            name = str(error["loc"][0]) if error["loc"] else _field_of(error, labels)
            if name in read.stands_for and error["type"] == "missing":
                continue  # why it could not be read is known
            name = read.stands_for.get(name, name)
            errors.setdefault(name, _sentence(error, labels.get(name, name)))
    form.errors = {name: errors[name] for name in labels if name in errors}
    return form, None if errors else made


def refuse(form: Form, problem: InvalidInput) -> Form:
    """The form with what a service found wrong with it."""
    form.errors = {problem.field or next(iter(form.typed)): str(problem).rstrip(".")}
    return form


def showing(values: Mapping[str, Any]) -> Form:
    """A form with what is stored."""
    return Bound({name: _as_typed(value) for name, value in values.items()})


def mark(values: Mapping[str, Any]) -> str:
    """What stands for these values in the hidden field: the same values, the same mark."""
    whole = json.dumps({name: _as_typed(value) for name, value in values.items()}, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of what differs, in words: for the log, which must not hold the values."""
    return [name.replace("_", " ") for name in after if _as_typed(before.get(name)) != _as_typed(after[name])]


def theirs(form: Form, stored: Mapping[str, Any], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is stored where something else was typed: label and text."""
    return [
        (label, _as_typed(stored[name]))
        for name, label in labels.items()
        if name in stored and plain(form.get(name)) != plain(_as_typed(stored[name]))
    ]


def _as_typed(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    return typed_dates.as_typed(value) if isinstance(value, date) else str(value)


def plain(text: str) -> str:
    """A text without what nobody sees at the ends of its lines: browsers send those otherwise than they are stored."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _kind(annotation: Any) -> Any:
    """The type of a field, without "or none"."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(each for each in typing.get_args(annotation) if each is not type(None))
    return annotation


def _plainly(label: str) -> str:
    return label.removesuffix(" (optional)")


def _field_of(error: ErrorDetails, labels: Mapping[str, str]) -> str:
    """Where to go with a refusal that concerns several fields."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Misfit):
        return cause.field
    return "until_date" if "until_date" in labels else next(iter(labels))


def _sentence(error: ErrorDetails, label: str) -> str:
    within, label = error.get("ctx", {}), _plainly(label)
    match error["type"]:
        case "missing" | "string_too_short" if label.endswith("?"):
            return f"Answer “{label}”"
        case "missing" | "string_too_short":
            article = "" if label.startswith(("What", "Where", "When")) else "the "
            return f"Enter {article}{label[0].lower()}{label[1:]}"
        case "string_too_long" | "too_long":
            return f"{label} must be {within['max_length']:,} characters or fewer"
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            return f"{label} must be a whole number"
        case "greater_than_equal":
            return f"{label} must be {within['ge']:,} or more"
        case "less_than_equal":
            return f"{label} must be {within['le']:,} or less"
        case "less_than":
            return f"{label} must be less than {within['lt']:,}"
        case "value_error":
            return error["msg"].removeprefix("Value error, ").rstrip(".")
        case _:
            return f"Check {label[0].lower()}{label[1:]}"
