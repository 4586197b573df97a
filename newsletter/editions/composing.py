"""An edition and its choices, put into words: what the mail's templates and the public page are made of.

`compose` reads the database; the public page of an approved edition never does: it is made from the JSON that was
frozen with the mail, so that it keeps the names and words of its time.
"""

from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from newsletter.content import partners, updates
from newsletter.content.models import Partner, PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.editions.models import Edition, EditionChoice
from newsletter.rendering.mails import EditionMail, Letterhead, SectionBlock, UpdateBlock


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


_PAGE = TypeAdapter(EditionPage)


def compose(session: Session, edition: Edition, letterhead: Letterhead) -> EditionMail:
    """The edition as it stands now, in the wording of its audience."""
    return EditionMail(
        letterhead=letterhead,
        subject=edition.subject,
        preheader=edition.preheader,
        number=edition.number,
        date=edition.date,
        introduction=edition.introduction,
        sections=sections(session, edition),
        page_url=f"{letterhead.site_url}/editions/{letterhead.list_slug}/{edition.slug}",
    )


def sections(session: Session, edition: Edition) -> tuple[SectionBlock, ...]:
    """The chosen updates by priority area, areas and updates in the order of their positions."""
    names = {area.number: area.name for area in partners.priority_areas(session, on=edition.date)}
    rows = session.exec(
        select(Update, PriorityArea, Partner)
        .join(EditionChoice, col(EditionChoice.update_id) == col(Update.id))
        .join(PriorityArea, col(PriorityArea.id) == col(Update.priority_area_id))
        .join(Partner, col(Partner.id) == col(Update.partner_id))
        .where(EditionChoice.edition_id == edition.id, col(EditionChoice.is_in))
        .order_by(col(EditionChoice.position), col(EditionChoice.id))
        .execution_options(populate_existing=True)
    )
    headings: dict[int, str] = {}
    blocks: dict[int, list[UpdateBlock]] = {}
    for update, area, partner in rows:
        headings.setdefault(area.number, names.get(area.number, area.name))
        blocks.setdefault(area.number, []).append(_block(update, partner, edition))
    return tuple(
        SectionBlock(
            anchor=f"priority-{number}", number=number, heading=headings[number], updates=tuple(blocks[number])
        )
        for number in blocks
    )


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
    )
    return page_to_json(page)


def page_to_json(page: EditionPage) -> str:
    """A page as JSON."""
    return _PAGE.dump_json(page).decode()


def page_from_json(text: str) -> EditionPage:
    """Undo `page_to_json`."""
    return _PAGE.validate_json(text)


def _block(update: Update, partner: Partner, edition: Edition) -> UpdateBlock:
    title, body = updates.wording(update, edition.audience)
    return UpdateBlock(
        anchor=f"update-{update.id}",
        title=title,
        body=body,
        organisation=partner.name,
        evidence_url=update.evidence_url,
        evidence_label=update.evidence_label,
        action=update.action if edition.audience is Audience.PROFESSIONALS else "",
        action_by=update.action_by if edition.audience is Audience.PROFESSIONALS else None,
    )
