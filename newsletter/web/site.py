"""What every page says about its publisher: read with each request, remembered for the pages that must not ask."""

from dataclasses import dataclass

from sqlmodel import Session

from newsletter.content import partners, pictures
from newsletter.core.errors import NotFound
from newsletter.rendering.mails import PictureBlock

#: The colour the style sheet is compiled with; another one is set on each page.
COMPILED_BRAND = "#00594c"


@dataclass(frozen=True, slots=True)
class Site:
    """The partnership, as a page needs it."""

    name: str
    area: str
    publisher: str
    postal_address: str
    phone: str
    contact_email: str
    website: str
    help_text: str  # restricted Markdown
    brand_colour: str
    tint_colour: str
    logo: PictureBlock | None = None

    @property
    def has_own_colours(self) -> bool:
        return self.brand_colour.lower() != COMPILED_BRAND


#: Before a partnership has been entered, and while the database does not answer.
UNNAMED = Site("SEND newsletters", "your area", "", "", "", "", "", "", COMPILED_BRAND, "#eef4f2")


def current(session: Session) -> Site:
    """The partnership's own site, or a nameless one before there is a partnership."""
    try:
        row = partners.partnership(session)
    except NotFound:
        return UNNAMED
    return Site(
        name=row.name,
        area=row.area,
        publisher=row.publisher,
        postal_address=row.postal_address,
        phone=row.phone,
        contact_email=row.contact_email,
        website=row.website,
        help_text=row.help_text,
        brand_colour=row.brand_colour,
        tint_colour=row.tint_colour,
        logo=pictures.logo(session, row),
    )
