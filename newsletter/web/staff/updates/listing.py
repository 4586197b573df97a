"""All updates, found by words and by what they are about, with where each is used; one's own drafts above them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import finding_updates, partners, saved_drafts
from newsletter.content.dates import in_words, london_date
from newsletter.content.finding_updates import Search, Standing
from newsletter.content.models import Update
from newsletter.core.audience import Audience
from newsletter.core.texts import visible
from newsletter.editions import where_used
from newsletter.staff import accounts
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.one_edition import WRITERS, TheReader
from newsletter.web.staff.updates import fields
from newsletter.web.staff.updates.pages import DraftShown, UseShown, own_drafts, shown_use
from subscribers import lists

router = APIRouter()

PAGE_LENGTH = 20
#: Drafts of one's own above all updates; the others have a page.
FIRST_DRAFTS = 5
#: Editions that a row names; how many more there are, it says.
NAMED_USES = 3
#: Characters of what is searched for.
LONGEST_SEARCH = 100

SAID = {"deleted": "The update was deleted.", "thrown-away": "The draft was thrown away."}

#: The words of the tag and its colour.
STANDINGS: Mapping[Standing, tuple[str, str]] = {
    Standing.DUE: ("Due now", "green"),
    Standing.COMING: ("Coming", "blue"),
    Standing.OVER: ("Over", "grey"),
    Standing.ARCHIVED: ("Archived", "grey"),
}
_DRAFTS = "drafts"


@dataclass(frozen=True, slots=True)
class Row:
    """An update as the list shows it."""

    update: Update
    title: str
    about: str  # area, organisation, for whom
    tag: str
    classes: str
    when: str
    author: str
    uses: list[UseShown]
    more_uses: int


@router.get("/staff/updates")
def all_of_them(
    request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages, said: str = "", page: str = "1"
) -> Response:
    asked = request.query_params
    only_drafts = asked.get("state") == _DRAFTS
    search, today = _search(asked), london_date(runtime.clock.now())
    may_write = officer.has(*WRITERS)
    with runtime.db.reading() as session:
        drafts_total = saved_drafts.count(session, officer.id) if may_write else 0
        total = drafts_total if only_drafts else finding_updates.count(session, search, on=today)
        last = max(1, ceil(total / PAGE_LENGTH))
        number = min(max(1, fields.number(page) or 1), last)
        offset = (number - 1) * PAGE_LENGTH
        found: list[Update] = []
        drafts: list[DraftShown] = []
        if only_drafts and may_write:
            drafts = own_drafts(session, officer, limit=PAGE_LENGTH, offset=offset)
        elif not only_drafts:
            found = finding_updates.found(session, search, on=today, limit=PAGE_LENGTH, offset=offset) if total else []
            drafts = own_drafts(session, officer, limit=FIRST_DRAFTS) if may_write else []
        areas = partners.priority_areas(session)
        organisations = partners.partners(session)
        names = accounts.names_of(session, finding_updates.authors(session))
        chosen = {name: asked.get(name, "") for name in ("q", "area", "partner", "for", "state", "author")}
        kept = {name: value for name, value in chosen.items() if value}
        return pages.show(
            request,
            "staff/updates.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            may_write=may_write,
            drafts=drafts,
            more_drafts=drafts_total - len(drafts) if not only_drafts else 0,
            drafts_total=drafts_total,
            only_drafts=only_drafts,
            rows=_rows(session, officer, found, today, names),
            total=total,
            number=number,
            last=last,
            address=f"/staff/updates?{urlencode(kept)}{'&' if kept else ''}page=",
            chosen=chosen,
            is_search=bool(kept),
            areas=areas,
            organisations=organisations,
            authors=sorted(names.items(), key=lambda each: each[1].casefold()),
            states=[*((each.value, words) for each, (words, _) in STANDINGS.items()), (_DRAFTS, "My drafts")],
        )


def _search(asked: Mapping[str, str]) -> Search:
    """What is looked for; what cannot be understood does not matter."""
    state, audience = asked.get("state", ""), asked.get("for", "")
    return Search(
        words=visible(asked.get("q", ""))[:LONGEST_SEARCH],
        priority_area_id=fields.number(asked.get("area", "")),
        partner_id=fields.number(asked.get("partner", "")),
        audience=Audience(audience) if audience in {each.value for each in Audience} else None,
        standing=Standing(state) if state in {each.value for each in Standing} else None,
        author_id=fields.number(asked.get("author", "")),
    )


def _rows(
    session: Session, officer: Officer, found: Sequence[Update], today: date, authors: Mapping[int, str]
) -> list[Row]:
    uses = where_used.uses(session, [update.id or 0 for update in found]) if found else {}
    list_names = {each.id: each.name for each in lists.all_lists(session)} if uses else {}
    areas = {each.id: each for each in partners.priority_areas(session)}
    organisations = {each.id: each.name for each in partners.partners(session)}
    rows = []
    for update in found:
        standing = finding_updates.standing(update, today)
        tag, colour = STANDINGS[standing]
        area, theirs = areas[update.priority_area_id], uses.get(update.id or 0, [])
        readers = [name for name, body in (("parents", update.parent_body), ("professionals", update.professional_body))
                   if body]  # fmt: skip
        rows.append(
            Row(
                update,
                update.parent_title or update.professional_title,
                f"Priority {area.number}: {area.name}. {organisations[update.partner_id]}. For {' and '.join(readers)}",
                tag,
                f"govuk-tag--{colour}",
                _when(update, standing),
                authors.get(update.author_id or 0, ""),
                [shown_use(officer, use, list_names) for use in theirs[:NAMED_USES]],
                max(0, len(theirs) - NAMED_USES),
            )
        )
    return rows


def _when(update: Update, standing: Standing) -> str:
    if standing is Standing.ARCHIVED and update.archived_at is not None:
        return f"since {in_words(london_date(update.archived_at))}"
    if standing is Standing.COMING:
        return f"from {in_words(update.from_date)}"
    if update.until_date is None:
        return f"since {in_words(update.from_date)}"
    return f"{'until' if standing is Standing.DUE else 'ended on'} {in_words(update.until_date)}"
