"""The shapes of what the API gives: lists, editions, updates. Texts are restricted Markdown, with HTML beside them."""

import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from newsletter.core.audience import Audience
from newsletter.rendering import markup
from newsletter.rendering.mails import PictureBlock

Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Shape(BaseModel):
    """A field is always there, if only as null, and the description says so."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)


class Text(Shape):
    """A text that a person wrote."""

    markdown: str = Field(description="Headings, paragraphs, lists, links, emphasis, and inset text (“^ like this”)")
    html: str = Field(description="The same as HTML, with the class names of GOV.UK Frontend; safe to put into a page")


class EditionLine(Shape):
    """An edition in a list of editions."""

    slug: str = Field(examples=["2026-11-03"])
    number: int = Field(description="1, 2, 3 … within its mailing list")
    date: datetime.date
    title: str
    url: Url = Field(description="Its page for people")
    content_url: Url = Field(description="Its content as JSON")


class ListShown(Shape):
    """A mailing list."""

    slug: str = Field(examples=["parents"])
    name: str = Field(examples=["SEND news for parents and carers"])
    audience: Audience
    summary: str
    frequency: str = Field(description="How often it comes, in words", examples=["about once a fortnight"])
    sign_up_url: Url = Field(description="The sign-up page; link to it unless you make a form of your own")
    latest_edition: EditionLine | None = Field(description="The newest that is not a correction mail")


class AllLists(Shape):
    """Every mailing list, in the order in which to show them."""

    lists: list[ListShown]


class WordingShown(Shape):
    """What a sign-up form must say, word for word, before anybody signs up with it."""

    version: int
    text: str


class ListWithWording(ListShown):
    """A mailing list, with what a form for it must say."""

    wording: WordingShown | None = Field(description="Null while nobody can sign up")


class EditionLines(Shape):
    """Editions that went out, newest first."""

    editions: list[EditionLine]
    next_cursor: str | None = Field(description="Give it as `cursor` to get older ones; null at the end")


class Link(Shape):
    """A link whose words say where it goes."""

    url: Url
    label: str


class Action(Shape):
    """Something for professionals to do."""

    text: str
    by: datetime.date | None


class PictureShown(Shape):
    """A picture, with the words for those who do not see it: show both, or neither."""

    url: Url = Field(description="Its address; the bytes there never change")
    alt: str = Field(description="What it shows")
    width: int = Field(description="In pixels; shown at half of it, it is sharp on every screen")
    height: int


class EditionUpdate(Shape):
    """One update in an edition."""

    title: str
    body: Text
    organisation: str
    evidence: Link | None
    action: Action | None
    picture: PictureShown | None


class EditionSection(Shape):
    """The updates of one priority area."""

    number: int = Field(description="The number of the priority area")
    heading: str
    updates: list[EditionUpdate]


class EditionResponse(Shape):
    """“You said, we did”."""

    theme: str
    asked: str = Field(description="How many people said it and when, in words", examples=["14 people told us, …"])
    said: Text
    answer: str = Field(description="The heading of the answer", examples=["We did"])
    did: Text
    promise: str = Field(description="By when it will be done, in words; empty where nothing is promised")
    reason: str
    decided: str
    organisation: str


class EditionEvent(Shape):
    """Something to come to, or to take part in without coming."""

    title: str
    day: datetime.date = Field(description="The day it begins, in London")
    when: str
    where: str
    cost: str
    for_whom: str
    access: str
    without_attending: str = Field(description="How to take part without coming")
    booking: str
    booking_url: str
    adjustments: str
    organisation: str
    is_cancelled: bool
    url: Url = Field(description="Its page for people")
    calendar_url: Url = Field(description="Its calendar file (RFC 5545)")


class EditionCorrection(Shape):
    """What was put right after the edition had gone out. The texts above are the corrected ones."""

    at: datetime.datetime
    because: str = Field(description="What changed and why, in a sentence")
    old: Text
    new: Text


class EditionFormat(Shape):
    """Another form of the edition: Easy Read, a translation, sign language and the like."""

    kind: str = Field(examples=["easy-read"])
    language: str = Field(description="BCP 47", examples=["en-GB"])
    title: str
    url: Url


class EditionShown(EditionLine):
    """An edition as it was approved and sent, without anything personal."""

    mailing_list: str = Field(description="The slug of its mailing list")
    mailing_list_name: str
    preheader: str = Field(description="The line that a mail program shows after the subject")
    introduction: Text
    sections: list[EditionSection] = Field(description="In the order of the edition")
    responses: list[EditionResponse] = Field(description="“You said, we did”")
    events: list[EditionEvent] = Field(description="Soonest first, as when the edition was approved")
    help: Text = Field(description="Where to get help")
    corrections: list[EditionCorrection] = Field(description="Oldest first")
    corrects: EditionLine | None = Field(
        description="For a correction mail, the edition that it puts right. It says so in its introduction, and has no "
        "sections"
    )
    correction_mails: list[EditionLine] = Field(description="Those that told readers of the corrections, oldest first")
    other_formats: list[EditionFormat]
    partnership: str
    publisher: str


class PriorityAreaShown(Shape):
    """One of the areas of the priority action plan."""

    id: int
    number: int
    name: str
    from_date: datetime.date
    until_date: datetime.date | None


class PartnerShown(Shape):
    """An organisation that updates come from."""

    id: int
    slug: str
    name: str
    from_date: datetime.date
    until_date: datetime.date | None


class Choices(Shape):
    """What an update may belong to. Those whose last day has passed are for updates of their time."""

    priority_areas: list[PriorityAreaShown]
    partners: list[PartnerShown]


class UpdateShown(Shape):
    """A progress update as it stands now, with a wording for each audience it is for."""

    id: int
    priority_area_id: int
    partner_id: int = Field(description="The organisation it comes from")
    owner: str = Field(description="The role that answers for it")
    evidence_url: str
    evidence_label: str
    parent_title: str
    parent_body: str
    professional_title: str
    professional_body: str
    action: str
    action_by: datetime.date | None
    from_date: datetime.date
    until_date: datetime.date | None
    picture: PictureShown | None = Field(default=None, description="Put in and taken away in the studio, never here")
    created_at: datetime.datetime
    updated_at: datetime.datetime
    archived_at: datetime.datetime | None = Field(
        default=None, description="When staff put it away: no edition is offered it any more"
    )
    revision: int = Field(default=1, description="Grows with every change; the ETag of the update")


class Updates(Shape):
    """Updates in the order they were written, newest first."""

    updates: list[UpdateShown]
    next_cursor: int | None = Field(description="Give it as `cursor` to get older ones; null at the end")


class Accepted(Shape):
    """The same for every address: whether it was known stays between us and its owner."""

    message: str


def picture_of(base_url: str, block: PictureBlock | None) -> PictureShown | None:
    if block is None:
        return None
    return PictureShown(url=base_url + block.path, alt=block.alt, width=block.width, height=block.height)


def text_of(markdown: str, *, heading_level: int = 3) -> Text:
    html = markup.to_html(markdown, heading_level=heading_level, for_mail=False) if markdown else ""
    return Text(markdown=markdown, html=str(html))
