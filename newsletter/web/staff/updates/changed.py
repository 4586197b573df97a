"""When an update was saved meanwhile, by somebody else or in another window: both texts, side by side, and what can be
done. Nothing is lost."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import saved_drafts, updates
from newsletter.content.models import Partner, PriorityArea
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.pages import Pages
from newsletter.web.staff.settings import filling
from newsletter.web.staff.settings.filling import Form
from newsletter.web.staff.updates import fields


@dataclass(frozen=True, slots=True)
class Row:
    """One field in both texts."""

    label: str
    mine: str
    theirs: str

    @property
    def differs(self) -> bool:
        return filling.plain(self.mine) != filling.plain(self.theirs)


def page(request: Request, runtime: Runtime, pages: Pages, officer: Officer, update_id: int, form: Form) -> Response:
    """What is saved now and what was typed, with 409."""
    with runtime.db.reading() as session:
        update = updates.by_id(session, update_id)
        names = accounts.names_of(session, [update.editor_id])
        who: str = names.get(update.editor_id or 0, "Somebody")
        when: datetime = update.updated_at
        rows = both(session, form, fields.showing(update))
        return pages.show(
            request,
            "staff/update-changed.html",
            site.current(session),
            status=409,
            officer=officer,
            update=update,
            who="You, in another window," if update.editor_id == officer.id else who,
            when=when,
            typed=form.typed,
            form_key=saved_drafts.new_key(),
            differing=[row for row in rows if row.differs],
            same=[row for row in rows if not row.differs],
        )


def both(session: Session, mine: Form, theirs: Form) -> list[Row]:
    """Every field in both texts, in the order of the form."""
    return [
        Row(label.removesuffix(" (optional)"), _shown(session, mine, name), _shown(session, theirs, name))
        for name, label in fields.LABELS.items()
    ]


def _shown(session: Session, form: Form, name: str) -> str:
    """A field in words."""
    if name == "priority_area_id":
        area = session.get(PriorityArea, fields.chosen(form, name) or 0)
        return f"Priority {area.number}: {area.name}" if area else ""
    if name == "partner_id":
        partner = session.get(Partner, fields.chosen(form, name) or 0)
        return partner.name if partner else ""
    return form.get(name)
