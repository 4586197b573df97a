"""A sheet: one form of settings, described by its fields, shown by one template and saved in one way.

Whoever saves is told when somebody else saved meanwhile, with both texts before them: nothing is overwritten unseen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel
from sqlmodel import Session

from newsletter.core.db import Table
from newsletter.core.errors import InvalidInput
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.pages import Pages
from newsletter.web.staff.settings import filling
from newsletter.web.staff.settings.filling import MEANWHILE, SHOWN, Form

_Draft = TypeVar("_Draft", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind`: line, text (several lines), day, time, number, email, colour, yes (one box), choice (of those
    listed), select (of a long list: those listed, then the page's `picks`) or audiences (two boxes: this one, and the
    next field's)."""

    name: str
    label: str
    hint: str = ""
    kind: str = "line"
    choices: tuple[tuple[str, str, str], ...] = ()  # value, words, hint
    group: str = ""  # the heading that begins with this field
    when: str = ""  # where it belongs to some choices of another field: "place: online both"


@dataclass(frozen=True, slots=True)
class Sheet(Generic[_Draft]):
    """A form and what becomes of it."""

    draft: type[_Draft]
    fields: tuple[Field, ...]
    more: tuple[str, ...] = ()  # fields the template shows by itself

    @property
    def labels(self) -> dict[str, str]:
        return {one.name: one.label for one in self.fields}

    @property
    def groups(self) -> list[tuple[str, list[Field]]]:
        """The fields under their headings."""
        found: list[tuple[str, list[Field]]] = []
        for one in self.fields:
            if one.group or not found:
                found.append((one.group, []))
            found[-1][1].append(one)
        return found

    def fill(self, typed: Mapping[str, str]) -> tuple[Form, _Draft | None]:
        """What was typed, and its draft where everything is right."""
        return filling.fill(self.draft, typed, self.labels, more=self.more)

    def changed(self, before: Mapping[str, Any], draft: _Draft) -> list[str]:
        """The names of the fields that another value was saved in."""
        return filling.changed(before, draft.model_dump())

    def stored(self, row: Table | None) -> dict[str, Any]:
        """What is kept, by field."""
        return {name: getattr(row, name) for name in self.draft.model_fields} if row is not None else {}


@dataclass(slots=True)
class Outcome:
    """What came of saving: `status` 0 when it was kept, else the page is shown again with it."""

    form: Form
    status: int = 0
    meanwhile: Sequence[tuple[str, str]] = ()
    shown: str = ""
    changed: list[str] = field(default_factory=list)


def save(
    session: Session,
    sheet: Sheet[_Draft],
    row: Table | None,
    typed: Mapping[str, str],
    keep: Callable[[_Draft], object],
) -> Outcome:
    """Give the draft to `keep`, unless something has to be mended first. `row`: what is changed; None: it is new."""
    form, draft = sheet.fill(typed)
    if row is not None:
        session.refresh(row, with_for_update={"key_share": True})
    before = sheet.stored(row)
    shown = filling.mark(before)
    if row is not None and typed.get(SHOWN, "") != shown:
        form.errors = {sheet.fields[0].name: MEANWHILE} | form.errors
        return Outcome(form, 409, filling.theirs(form, before, sheet.labels), shown)
    if draft is None:
        return Outcome(form, 422, shown=shown)
    try:
        keep(draft)
    except InvalidInput as problem:
        return Outcome(filling.refuse(form, problem), 422, shown=shown)
    return Outcome(form, changed=sheet.changed(before, draft))


def page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    sheet: Sheet[Any],
    *,
    title: str,
    back: tuple[str, str],
    row: Table | None = None,
    outcome: Outcome | None = None,
    form: Form | None = None,
    template: str = "staff/settings/form.html",
    said: str | None = None,
    **more: Any,
) -> HTMLResponse:
    """The form: with what is stored, or as it was sent. `back`: the address and words of the page before."""
    stored = sheet.stored(row)
    if outcome is None:
        outcome = Outcome(form or filling.showing(stored), shown=filling.mark(stored))
    return pages.show(
        request,
        template,
        site.current(session),
        status=outcome.status or 200,
        officer=officer,
        said=said,
        sheet=sheet,
        form=outcome.form,
        shown=outcome.shown,
        meanwhile=outcome.meanwhile,
        title=title,
        back=back,
        is_new=row is None,
        **more,
    )


def redirect(to: str, said: str) -> RedirectResponse:
    """After a form was sent: the page to show, and what it says was done (a key of its own sentences)."""
    return RedirectResponse(f"{to}?said={said}", status_code=303)
