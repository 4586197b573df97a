"""The partnership, its partners and priority areas, and the updates that editions are made of. All of it is data."""

from datetime import date, datetime

from sqlmodel import Field

from newsletter.core.db import Table


class Partnership(Table, table=True):
    """The local area partnership that publishes the newsletters: one row."""

    __tablename__ = "partnership"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120)  # "Oxfordshire SEND partnership"
    area: str = Field(max_length=80)  # "Oxfordshire"
    publisher: str = Field(max_length=120)  # the council, as the imprint names it
    postal_address: str = Field(max_length=300)
    phone: str = Field(max_length=40)
    contact_email: str = Field(max_length=254)
    website: str = Field(max_length=300)
    help_text: str  # restricted Markdown: where to get help, in every edition
    brand_colour: str = Field(default="#00594c", max_length=7)
    tint_colour: str = Field(default="#eef4f2", max_length=7)
    local_authority_code: int


class Partner(Table, table=True):
    """An organisation that updates come from; dated, because organisations are renamed and replaced."""

    __tablename__ = "partner"

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=160)
    from_date: date
    until_date: date | None = None


class PriorityArea(Table, table=True):
    """One of the areas of the priority action plan; dated for the same reason."""

    __tablename__ = "priority_area"

    id: int | None = Field(default=None, primary_key=True)
    number: int
    name: str = Field(max_length=160)  # the short heading an edition uses
    description: str  # what the action plan says it is
    from_date: date
    until_date: date | None = None


class Update(Table, table=True):
    """A short piece of progress news, with a wording for each audience.

    A wording is a title and a body in the restricted Markdown (`newsletter.rendering.markup`); an empty wording means
    the update is not for that audience. It is due while today lies between `from_date` and `until_date` (both
    inclusive, dates in Europe/London).
    """

    __tablename__ = "progress_update"

    id: int | None = Field(default=None, primary_key=True)
    priority_area_id: int = Field(foreign_key="priority_area.id", index=True)
    partner_id: int = Field(foreign_key="partner.id")  # the organisation
    owner: str = Field(max_length=120)  # the role that answers for it: "Head of SEND"
    evidence_url: str = Field(default="", max_length=500)
    evidence_label: str = Field(default="", max_length=120)  # the words of the link: "See the figures"
    parent_title: str = Field(default="", max_length=120)
    parent_body: str = ""
    professional_title: str = Field(default="", max_length=120)
    professional_body: str = ""
    action: str = Field(default="", max_length=200)  # professionals: what to do
    action_by: date | None = None  # and by when
    from_date: date = Field(index=True)
    until_date: date | None = None
    author_id: int | None = Field(default=None, foreign_key="staff.id")
    editor_id: int | None = Field(
        default=None, foreign_key="staff.id"
    )  # who changed it last; may not approve it either
    created_at: datetime
    updated_at: datetime
