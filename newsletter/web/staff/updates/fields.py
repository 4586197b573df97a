"""The fields of an update's form: what they are called, and what was typed into them, checked.

The rules are those of `newsletter.content.updates`; here each thing to mend gets its field, all of them at once.
"""

from collections.abc import Mapping
from datetime import date

from newsletter.content.models import Update
from newsletter.content.updates import UpdateDraft
from newsletter.web import typed_dates
from newsletter.web.staff.settings import filling
from newsletter.web.staff.settings.filling import Form

#: What each field is called, in the order of the page.
LABELS: Mapping[str, str] = {
    "priority_area_id": "Priority area",
    "partner_id": "Organisation",
    "owner": "Owner",
    "from_date": "First day it is news",
    "until_date": "Last day it is news (optional)",
    "evidence_url": "Link to the evidence (optional)",
    "evidence_label": "Words of that link (optional)",
    "parent_title": "Title for parents",
    "parent_body": "Text for parents",
    "professional_title": "Title for professionals",
    "professional_body": "Text for professionals",
    "action": "What professionals should do (optional)",
    "action_by": "By when (optional)",
}

_DAYS = ("from_date", "until_date", "action_by")
_CHOICES = ("priority_area_id", "partner_id")


def bind(typed: Mapping[str, str]) -> tuple[Form, UpdateDraft | None]:
    """The form, and the draft of an update where nothing is to be mended."""
    form, draft = filling.fill(UpdateDraft, typed, LABELS)
    if draft is None:
        clashes = dict(reversed(list(_loosely(form).clashes())))
        # Where nothing else is wrong, the first clash was reported of the whole.
        of_fields = {name: text for name, text in form.errors.items() if text not in clashes.values()}
        found = clashes | {name: _worded(name, text) for name, text in of_fields.items()}
        form.errors = {name: found[name] for name in LABELS if name in found}
    return form, draft


def as_typed(typed: Mapping[str, str]) -> Form:
    """The same, unchecked: to be shown again or kept."""
    form, _ = filling.fill(UpdateDraft, typed, LABELS)
    form.errors = {}
    return form


def showing(update: Update) -> Form:
    """The form of an update as it is stored."""
    return filling.showing(stored(update))


def stored(update: Update) -> dict[str, object]:
    """What is stored, by field."""
    return {name: getattr(update, name) for name in LABELS}


def first(today: date) -> Form:
    """The form for a new one."""
    return filling.showing({**dict.fromkeys(LABELS, ""), "from_date": today})


def day(form: Form, name: str) -> date | None:
    """The day in a field, if it is one."""
    try:
        return typed_dates.day(form.get(name))
    except ValueError:
        return None


def chosen(form: Form, name: str) -> int | None:
    """The number that a choice stands for, if any."""
    return number(form.get(name))


def number(text: str) -> int | None:
    """The number that somebody sent, as far as the databases have such."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _loosely(form: Form) -> UpdateDraft:
    """What was typed, without the checks that each field has by itself."""
    days = {name: day(form, name) for name in _DAYS}
    texts = {name: form.get(name) for name in LABELS if name not in _DAYS}
    return UpdateDraft.model_construct(**{**texts, **days, "from_date": days["from_date"] or date.min})  # type: ignore[arg-type]


def _worded(name: str, text: str) -> str:
    """A sentence of the summary says which text it is about, and a choice is chosen."""
    if name in _CHOICES:
        return f"Choose the {LABELS[name].lower()} from the list"
    return f"{LABELS[name]}, {text[0].lower()}{text[1:]}" if text.startswith("Line ") else text
