"""An edition and its choices, put into words: what the mail's templates and the public page are made of.

`compose` reads the database; the public page of an approved edition never does: it is made from the JSON that was
frozen with the mail, so that it keeps the names and words of its time. Acronyms are written out here, at their first
use in the edition (`expanding`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlmodel import Session, col

from newsletter.content import glossary, partners, pictures, updates
from newsletter.content.models import Partner, PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.editions import blocks, event_choices, response_choices
from newsletter.editions.expanding import Expander
from newsletter.editions.models import Edition, EditionChoice
from newsletter.rendering.mails import (
    CorrectedBlock,
    EditionMail,
    EventBlock,
    Expansion,
    Letterhead,
    PictureBlock,
    ResponseBlock,
    SectionBlock,
    UpdateBlock,
    contents_of,
)


@dataclass(frozen=True, slots=True)
class EditionPage:
    """The public page of an edition: the mail's content without anything personal. Texts are restricted Markdown."""

    title: str  # the subject of the mail
    preheader: str
    list_name: str
    list_slug: str
    number: int
    date: date
    introduction: str
    sections: tuple[SectionBlock, ...]
    page_url: str
    partnership: str
    publisher: str
    postal_address: str
    phone: str
    contact_email: str
    help_text: str
    responses: tuple[ResponseBlock, ...] = ()
    events: tuple[EventBlock, ...] = ()
    glossary: tuple[Expansion, ...] = ()  # the acronyms that were written out
    corrects: CorrectedBlock | None = None  # a correction mail's page
    logo: PictureBlock | None = None  # of the mail; the page has the one of the site

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Anchor and title of what readers may say something about: updates, answers and dates, in their order."""
        updates = [(update.anchor, update.title) for section in self.sections for update in section.updates]
        answers = [(response.anchor, response.theme) for response in self.responses]
        return updates + answers + [(event.anchor, event.title) for event in self.events]


_PAGE = TypeAdapter(EditionPage)


@dataclass(frozen=True, slots=True)
class Matter:
    """What an edition has to say, acronyms written out."""

    introduction: str
    sections: tuple[SectionBlock, ...]
    responses: tuple[ResponseBlock, ...]
    events: tuple[EventBlock, ...]
    help_text: str
    glossary: tuple[Expansion, ...]  # what was written out


def compose(
    session: Session, edition: Edition, letterhead: Letterhead, *, written: tuple[SectionBlock, ...] | None = None
) -> EditionMail:
    """The edition as it stands now, in the wording of its audience. Its `sections` may be given as `written`."""
    standing = glossary.standing(session, edition.date) if edition.corrects_id is None else []  # a quotation stays one
    terms = [Expansion(term.term, term.expansion) for term in standing]
    said = matter(session, edition, terms, help_text=letterhead.help_text, written=written)
    return EditionMail(
        letterhead=replace(letterhead, help_text=said.help_text),
        subject=edition.subject,
        preheader=edition.preheader,
        number=edition.number,
        date=edition.date,
        introduction=said.introduction,
        sections=said.sections,
        page_url=f"{letterhead.site_url}/editions/{letterhead.list_slug}/{edition.slug}",
        responses=said.responses,
        events=said.events,
        glossary=said.glossary,
        corrects=_corrected(session, edition, letterhead),
    )


def matter(
    session: Session,
    edition: Edition,
    terms: Iterable[Expansion],
    *,
    help_text: str = "",
    written: tuple[SectionBlock, ...] | None = None,
) -> Matter:
    """What the edition says now, with the acronyms among `terms` written out in the order in which it is read: the
    introduction, the titles in its contents, the actions, then everything from top to bottom."""
    pen = Expander(terms)
    introduction = pen.text(edition.introduction)
    found = sections(session, edition) if written is None else written
    all_updates = [update for section in found for update in section.updates]
    titles = {update.anchor: pen.text(update.title) for update in contents_of(found)}
    soonest_first = sorted(all_updates, key=lambda update: update.action_by or date.max)
    actions = {update.anchor: pen.text(update.action) for update in soonest_first}

    def update_block(update: UpdateBlock) -> UpdateBlock:
        return replace(
            update,
            title=titles.get(update.anchor) or pen.text(update.title),
            body=pen.text(update.body),
            evidence_label=pen.text(update.evidence_label),
            action=actions[update.anchor],
        )

    return Matter(
        introduction=introduction,
        sections=tuple(
            replace(section, heading=pen.text(section.heading), updates=tuple(map(update_block, section.updates)))
            for section in found
        ),
        responses=tuple(blocks.response(*row, edition.date, pen) for row in response_choices.chosen(session, edition)),
        events=tuple(blocks.event(*row, pen) for row in event_choices.chosen(session, edition)),
        help_text=pen.text(help_text),
        glossary=tuple(pen.written_out),
    )


def sections(session: Session, edition: Edition) -> tuple[SectionBlock, ...]:
    """The chosen updates by priority area, areas and updates in the order of their positions, as they were written."""
    names = {area.number: area.name for area in partners.priority_areas(session, on=edition.date)}
    rows = session.execute(_chosen(), {"edition": edition.id}).all()
    seen = pictures.facts(session, (update.picture_sha256 for update, choice, *_ in rows if not choice.without_picture))
    headings: dict[int, str] = {}
    by_area: dict[int, list[UpdateBlock]] = {}
    for update, choice, number, area, partner in rows:
        headings.setdefault(number, names.get(number, area))
        by_area.setdefault(number, []).append(_block(update, partner, choice, edition, seen))
    return tuple(
        SectionBlock(
            anchor=f"priority-{number}", number=number, heading=headings[number], updates=tuple(by_area[number])
        )
        for number in by_area
    )


@cache
def _chosen() -> sa.Select[Update, EditionChoice, int, str, str]:
    """The updates that are in, with number and name of their area and the name of their partner. Value: `edition`.

    Built once: every look at an edition asks for them.
    """
    found = (
        sa.select(Update, EditionChoice, col(PriorityArea.number), col(PriorityArea.name), col(Partner.name))
        .join(EditionChoice, col(EditionChoice.update_id) == col(Update.id))
        .join(PriorityArea, col(PriorityArea.id) == col(Update.priority_area_id))
        .join(Partner, col(Partner.id) == col(Update.partner_id))
        .where(col(EditionChoice.edition_id) == sa.bindparam("edition"), col(EditionChoice.is_in))
        .order_by(col(EditionChoice.position), col(EditionChoice.id))
    )
    return found.execution_options(populate_existing=True)


def page_json(mail: EditionMail) -> str:
    """The public page as JSON, the same bytes for the same mail."""
    letterhead = mail.letterhead
    page = EditionPage(
        title=mail.subject,
        preheader=mail.preheader,
        list_name=letterhead.list_name,
        list_slug=letterhead.list_slug,
        number=mail.number,
        date=mail.date,
        introduction=mail.introduction,
        sections=mail.sections,
        page_url=mail.page_url,
        partnership=letterhead.partnership,
        publisher=letterhead.publisher,
        postal_address=letterhead.postal_address,
        phone=letterhead.phone,
        contact_email=letterhead.contact_email,
        help_text=letterhead.help_text,
        responses=mail.responses,
        events=mail.events,
        glossary=mail.glossary,
        corrects=mail.corrects,
        logo=letterhead.logo,
    )
    return page_to_json(page)


def page_to_json(page: EditionPage) -> str:
    """A page as JSON."""
    return _PAGE.dump_json(page).decode()


def page_from_json(text: str) -> EditionPage:
    """Undo `page_to_json`. What there was not yet when a page was frozen is empty in it."""
    return _PAGE.validate_json(text)


def _corrected(session: Session, edition: Edition, letterhead: Letterhead) -> CorrectedBlock | None:
    if edition.corrects_id is None:
        return None
    original = session.get_one(Edition, edition.corrects_id)
    return CorrectedBlock(
        number=original.number,
        date=original.date,
        title=original.frozen_subject or original.subject,
        page_path=f"/editions/{letterhead.list_slug}/{original.slug}",
    )


def wording(update: Update, choice: EditionChoice, edition: Edition) -> tuple[str, str]:
    """Title and body of an update in this edition: its wording for the audience, or the edition's own."""
    if choice.own_body:
        return choice.own_title, choice.own_body
    return updates.wording(update, edition.audience)


def _block(
    update: Update, partner: str, choice: EditionChoice, edition: Edition, seen: dict[str, pictures.Facts]
) -> UpdateBlock:
    title, body = wording(update, choice, edition)
    picture = None if choice.without_picture else seen.get(update.picture_sha256 or "")
    return UpdateBlock(
        anchor=f"update-{update.id}",
        title=title,
        body=body,
        organisation=partner,
        evidence_url=update.evidence_url,
        evidence_label=update.evidence_label,
        action=update.action if edition.audience is Audience.PROFESSIONALS else "",
        action_by=update.action_by if edition.audience is Audience.PROFESSIONALS else None,
        picture=picture.block(update.picture_alt) if picture else None,
    )
