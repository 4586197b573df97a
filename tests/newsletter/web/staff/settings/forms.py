"""Reads a form off a page, so that a test sends what a browser would send."""

import html
import re

import httpx
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.core.runtime import Runtime
from newsletter.staff.models import AuditEntry

#: What people may type that must do nothing: markup, quotes, a formula.
NASTY = """<script>alert("1")</script> 'O’Hara' =1+1"""


def filled(page: httpx.Response) -> dict[str, str]:
    """The fields of the form with what stands in them."""
    main = page.text.partition("<main")[2]
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", main):
        name, kind = _attribute(tag, "name"), _attribute(tag, "type")
        if kind not in ("checkbox", "radio") or re.search(r"\schecked(?:[\s>]|$)", tag):
            fields[name] = _attribute(tag, "value")
    for tag, text in re.findall(r"<textarea ([^>]*)>(.*?)</textarea>", main, re.DOTALL):
        fields[_attribute(tag, "name")] = html.unescape(text)
    return fields


def errors(page: httpx.Response) -> list[str]:
    """What the error summary says."""
    summary = page.text.partition("govuk-error-summary__list")[2].partition("</ul>")[0]
    return [html.unescape(text).strip() for text in re.findall(r"<a [^>]*>(.*?)</a>", summary, re.DOTALL)]


def logged(runtime: Runtime) -> list[tuple[str, str, str]]:
    """Action, about and detail of every entry of the log, oldest first."""
    with runtime.db.reading() as session:
        rows = session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))
        return [(row.action, row.about, row.detail) for row in rows]


class Counted:
    """How many statements a block of a test sends to the database: `with Counted(runtime) as seen: …; seen.number`."""

    def __init__(self, runtime: Runtime) -> None:
        self._engine = runtime.db.engine
        self.number = 0

    def __enter__(self) -> "Counted":
        sa.event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        self.number += statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
