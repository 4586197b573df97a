"""Who writes, and from where: the letterhead that every mail of a mailing list carries."""

from sqlmodel import Session

from newsletter.content import partners, pictures
from newsletter.delivery import links
from newsletter.rendering.mails import Letterhead
from subscribers.models import MailingList


def letterhead(session: Session, mailing_list: MailingList, base_url: str) -> Letterhead:
    """The letterhead of one mailing list. Raises `NotFound` when the partnership has not been set up yet."""
    partnership = partners.partnership(session)
    site = base_url.rstrip("/")
    return Letterhead(
        partnership=partnership.name,
        publisher=partnership.publisher,
        postal_address=partnership.postal_address,
        phone=partnership.phone,
        contact_email=partnership.contact_email,
        help_text=partnership.help_text,
        brand_colour=partnership.brand_colour,
        tint_colour=partnership.tint_colour,
        list_name=mailing_list.name,
        list_slug=mailing_list.slug,
        frequency=mailing_list.frequency,
        sender_name=mailing_list.sender_name,
        sender_email=mailing_list.sender_email,
        reply_to=mailing_list.reply_to,
        lawful_basis=mailing_list.lawful_basis,
        site_url=site,
        sign_up_url=f"{site}/{mailing_list.slug}",
        archive_url=links.archive_url(site, mailing_list.slug),
        privacy_url=f"{site}/privacy",
        accessibility_url=f"{site}/accessibility",
        logo=pictures.logo(session, partnership),
    )
