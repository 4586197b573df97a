"""Both wordings of an update as readers will see them while it is being written, with what the checks say of each."""

from dataclasses import dataclass, field, replace
from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlmodel import Session

from newsletter.content import glossary
from newsletter.content.dates import london_date
from newsletter.content.models import Partner, PriorityArea
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput
from newsletter.editions import checks, plain_words
from newsletter.editions.checks import READING_AGES, UPDATE_WORDS, Finding
from newsletter.editions.expanding import Expander
from newsletter.rendering import markup
from newsletter.rendering.mails import Expansion, UpdateBlock
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings.filling import Form
from newsletter.web.staff.updates import fields
from newsletter.web.staff.updates.sent import TheUpdateForm

router = APIRouter()

_PREFIXES = {Audience.PARENTS: "parent", Audience.PROFESSIONALS: "professional"}


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording as its readers will see it. Without a body there is nothing to show yet."""

    audience: Audience
    area: str = ""  # "Priority 2: Early years"
    block: UpdateBlock | None = None
    body: Markup = Markup()
    problem: str = ""  # why the text cannot be shown
    words: int = 0
    reading_age: int | None = None
    most_words: int = UPDATE_WORDS
    most_age: int = 0
    findings: list[Finding] = field(default_factory=list)


@router.post("/staff/updates/preview")
def fragment(
    request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheUpdateForm
) -> Response:
    """The previews alone, for the script that puts them into the page. Nothing is kept."""
    form = fields.as_typed(typed)
    with runtime.db.reading() as session:
        shown = wordings(session, form, on=london_date(runtime.clock.now()))
    return pages.show(request, "staff/update-previews.html", previews=shown)


def wordings(session: Session, form: Form, *, on: date) -> dict[str, Wording]:
    """What was typed, as readers of each audience will see it in an edition of that day."""
    area = session.get(PriorityArea, fields.chosen(form, "priority_area_id") or 0)
    partner = session.get(Partner, fields.chosen(form, "partner_id") or 0)
    terms = [Expansion(term.term, term.expansion) for term in glossary.standing(session, on)]
    heading = f"Priority {area.number}: {area.name}" if area else ""
    return {
        audience.value: _wording(form, audience, heading, partner.name if partner else "", terms, on)
        for audience in Audience
    }


def _wording(
    form: Form, audience: Audience, heading: str, organisation: str, terms: list[Expansion], on: date
) -> Wording:
    prefix = _PREFIXES[audience]
    title, body = form.get(f"{prefix}_title"), form.get(f"{prefix}_body")
    if not (title or body):
        return Wording(audience)
    url = form.get("evidence_url")
    is_for_professionals = audience is Audience.PROFESSIONALS
    typed = UpdateBlock(
        anchor=prefix,
        title=title,
        body=body,
        organisation=organisation,
        evidence_url=url if url.startswith("https://") else "",
        evidence_label=form.get("evidence_label"),
        action=form.get("action") if is_for_professionals else "",
        action_by=fields.day(form, "action_by") if is_for_professionals else None,
    )
    try:
        markup.validate(body)
    except InvalidInput as problem:
        return Wording(audience, heading, typed, problem=f"{problem}.")
    block = _written_out(typed, terms)
    plain = markup.to_words(block.body)
    return Wording(
        audience,
        heading,
        block,
        markup.to_html(block.body, heading_level=5, for_mail=False),
        words=len(plain.split()),
        reading_age=plain_words.reading_age(plain),
        most_age=READING_AGES[audience],
        findings=checks.of_wording(block, audience, on=max(on, fields.day(form, "from_date") or on))
        if title and body
        else [],
    )


def _written_out(block: UpdateBlock, terms: list[Expansion]) -> UpdateBlock:
    """Acronyms written out at their first use, as in an edition that has this update alone."""
    pen = Expander(terms)
    title, action = pen.text(block.title), pen.text(block.action)
    return replace(
        block, title=title, action=action, body=pen.text(block.body), evidence_label=pen.text(block.evidence_label)
    )
