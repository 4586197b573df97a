"""The page of one update, or of a new one: the form for those who write, what it says for those who read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import finding_updates, partners, saved_drafts
from newsletter.content.dates import london_date
from newsletter.content.models import Partner, PriorityArea, SavedDraft, Update
from newsletter.core.runtime import Runtime
from newsletter.editions import where_used
from newsletter.editions.where_used import AGREED, GONE, Use
from newsletter.staff import accounts
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.pages import Pages
from newsletter.web.staff import writing_scope
from newsletter.web.staff.edition_states import TAGS
from newsletter.web.staff.one_edition import READERS, WRITERS
from newsletter.web.staff.settings.filling import Form
from newsletter.web.staff.updates import changed, fields, preview
from subscribers import lists

#: Drafts of new updates that the form for a new one offers to go on with.
OFFERED_DRAFTS = 3


@dataclass(frozen=True, slots=True)
class UseShown:
    """An edition that has an update, in words."""

    words: str  # "Edition 3 of SEND news for parents"
    href: str  # empty: not for this officer
    tag: str
    classes: str
    has_own_words: bool
    is_without_picture: bool


@dataclass(frozen=True, slots=True)
class DraftShown:
    """A saved draft of one's own, as a list shows it."""

    draft: SavedDraft
    title: str
    href: str


def show(
    request: Request,
    session: Session,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    form: Form,
    *,
    revision: int,
    form_key: str,
    update: Update | None = None,
    draft: SavedDraft | None = None,
    status: int = 200,
    said: str | None = None,
    offers_drafts: bool = False,
) -> Response:
    """The form as it is typed. `draft`: what of it is kept already; `offers_drafts`: of other new updates."""
    today = london_date(runtime.clock.now())
    standing_in = where_used.uses(session, [update.id or 0]).get(update.id or 0, []) if update else []
    others = _others(session, officer, update)
    offered = own_drafts(session, officer, limit=OFFERED_DRAFTS, only_new=True) if offers_drafts else []
    areas, organisations = _choices(session, form, today)
    names = accounts.names_of(session, [update.author_id, update.editor_id]) if update else {}
    both = changed.both(session, form, fields.showing(update)) if update and draft else []
    return pages.show(
        request,
        "staff/update.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=form,
        update=update,
        revision=revision,
        form_key=form_key,
        draft=draft,
        saved_otherwise=[each for each in both if each.differs],
        is_outdated=update is not None and revision != update.revision,
        others=others,
        offered=offered,
        areas=areas,
        organisations=organisations,
        labels=fields.LABELS,
        previews=preview.wordings(session, form, on=today),
        # Whoever was refused keeps the form, with what they typed.
        may_write=bool(form.errors) or may_write(session, officer, update),
        is_for_others=officer.has(*WRITERS) and not may_write(session, officer, update),
        standing=finding_updates.standing(update, today) if update else None,
        author=names.get(update.author_id or 0) if update else None,
        editor=names.get(update.editor_id or 0) if update else None,
        uses=shown_uses(session, officer, standing_in),
        agreed=[use for use in standing_in if use.state in AGREED],
        gone=[use for use in standing_in if use.state in GONE],
        may_delete=update is not None and not standing_in and where_used.may_be_deleted(session, update.id or 0),
    )


def may_write(session: Session, officer: Officer, update: Update | None) -> bool:
    """Whether somebody writes updates, and this one is for none but readers that they may write for."""
    if not officer.has(*WRITERS):
        return False
    return update is None or writing_scope.may_write(writing_scope.audiences_of(session, officer), update)


def shown_uses(session: Session, officer: Officer, uses: Sequence[Use]) -> list[UseShown]:
    """The editions in words."""
    names = {each.id: each.name for each in lists.all_lists(session)} if uses else {}
    return [shown_use(officer, use, names) for use in uses]


def shown_use(officer: Officer, use: Use, names: dict[int | None, str]) -> UseShown:
    tag, colour = TAGS[use.state]
    may_look = officer.has(*READERS, mailing_list_id=use.mailing_list_id)
    return UseShown(
        f"Edition {use.number} of {names.get(use.mailing_list_id, 'a list')}",
        f"/staff/editions/{use.edition_id}" if may_look else "",
        tag,
        f"govuk-tag--{colour}",
        use.has_own_words,
        use.is_without_picture,
    )


def own_drafts(
    session: Session, officer: Officer, *, limit: int, offset: int = 0, only_new: bool = False
) -> list[DraftShown]:
    """Some of what they have not saved, the one typed last first."""
    found = saved_drafts.of_officer(session, officer.id, only_new=only_new, limit=limit, offset=offset)
    return [
        DraftShown(
            draft,
            saved_drafts.title(draft),
            f"/staff/updates/{draft.update_id}" if draft.update_id else f"/staff/updates/new?draft={draft.id}",
        )
        for draft in found
    ]


def _others(session: Session, officer: Officer, update: Update | None) -> list[tuple[str, object]]:
    """Who else has begun to change it, and when."""
    if update is None:
        return []
    found = saved_drafts.others(session, update.id or 0, staff_id=officer.id)
    names = accounts.names_of(session, [staff_id for staff_id, _ in found])
    return [(names.get(staff_id, "Somebody"), since) for staff_id, since in found]


def _choices(session: Session, form: Form, on: date) -> tuple[list[PriorityArea], list[Partner]]:
    """What can be chosen: what is in force, and what was chosen when it still was."""

    def stands(row: PriorityArea | Partner, chosen: int | None) -> bool:
        return row.id == chosen or (row.from_date <= on and (row.until_date is None or row.until_date >= on))

    area, partner = fields.chosen(form, "priority_area_id"), fields.chosen(form, "partner_id")
    return (
        [each for each in partners.priority_areas(session) if stands(each, area)],
        [each for each in partners.partners(session) if stands(each, partner)],
    )
