"""The partnership, its partners and priority areas, and what editions are made of: updates and their pictures, events,
responses ("you said, we did"), and the glossary. All of it is data."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class Picture(Table, table=True):
    """A picture as it is sent and shown, known by the hash of its bytes: never changed, only added and taken away.

    Made by `newsletter.content.picture_files` from what was uploaded; nothing else of the upload is kept.
    """

    __tablename__ = "picture"

    sha256: str = Field(primary_key=True, max_length=64)  # in hexadecimal, over `content`
    content: bytes
    media_type: str = Field(max_length=20)  # "image/jpeg" or "image/png"
    width: int
    height: int
    size_bytes: int
    created_at: datetime


class WithdrawnPicture(Table, table=True):
    """A picture that was deleted for good, because somebody in it no longer agreed: only its hash, so that the same
    file is not taken again."""

    __tablename__ = "withdrawn_picture"

    sha256: str = Field(primary_key=True, max_length=64)
    at: datetime


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
    logo_sha256: str | None = Field(default=None, max_length=64, foreign_key="picture.sha256")
    local_authority_code: int
    data_protection_email: str = Field(default="", max_length=254)  # empty: contact_email
    accessibility_problems: str = ""  # restricted Markdown: what is known not to work; empty: nothing is known
    accessibility_prepared_on: date | None = None  # when the accessibility statement was first written
    accessibility_reviewed_on: date | None = None  # and last checked; the law wants it kept under review


class Partner(Table, table=True):
    """An organisation that updates come from; dated, because organisations are renamed and replaced."""

    __tablename__ = "partner"

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=160)
    from_date: date
    until_date: date | None = None
    approves_texts: bool = False  # an edition with texts of theirs waits until they have approved these (REQ-46)


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
    __table_args__ = (sa.UniqueConstraint("author_id", "form_key"),)

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
    picture_sha256: str | None = Field(default=None, max_length=64, foreign_key="picture.sha256")
    picture_alt: str = Field(default="", max_length=160)  # what it shows, for whoever does not see it
    author_id: int | None = Field(default=None, foreign_key="staff.id")
    editor_id: int | None = Field(
        default=None, foreign_key="staff.id"
    )  # who changed it last; may not approve it either
    form_key: str | None = Field(default=None, max_length=64)  # the form it was written in, which makes one update
    created_at: datetime
    updated_at: datetime
    # Grows with every edit of the words, so that two people who edit at once do not overwrite each other unseen. Not
    # with another picture: that is known by its own hash.
    revision: int = 1
    archived_at: datetime | None = None  # put away: offered to no edition; those that have it keep it

    @property
    def for_parents(self) -> bool:
        return bool(self.parent_body)

    @property
    def for_professionals(self) -> bool:
        return bool(self.professional_body)


class SavedDraft(Table, table=True):
    """What a member of staff has typed for an update and not saved yet: never read by anybody else, in no edition.

    One for each update that somebody has open; one for each form of a new one, known by its `form_key`.
    """

    __tablename__ = "saved_draft"
    __table_args__ = (sa.UniqueConstraint("staff_id", "update_id"), sa.UniqueConstraint("staff_id", "form_key"))

    id: int | None = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id")  # whose it is
    update_id: int | None = Field(
        default=None, foreign_key="progress_update.id", index=True, ondelete="CASCADE"
    )  # None: for a new one
    form_key: str = Field(max_length=64)  # of the form it was typed into, so that typing on changes the same row
    typed: dict[str, str] = Field(sa_type=sa.JSON)  # by name of the form's field, right or wrong
    revision: int = 0  # of the update, when editing began; 0: a new one
    source: str = Field(default="", max_length=120)  # "": typed; "document"; or the feed's name
    source_key: str | None = Field(default=None, unique=True, max_length=64)  # what it was brought in from: once only
    created_at: datetime
    updated_at: datetime = Field(index=True)


class NewsFeed(Table, table=True):
    """A feed (RSS or Atom) of another website, from which authors bring news in."""

    __tablename__ = "news_feed"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=100)
    url: str = Field(max_length=500)  # https only
    partner_id: int = Field(foreign_key="partner.id")  # the organisation whose news it is
    priority_area_id: int | None = Field(default=None, foreign_key="priority_area.id")  # None: the author chooses
    added_by_id: int | None = Field(default=None, foreign_key="staff.id")
    added_at: datetime
    stopped_at: datetime | None = None  # since when nothing is read from it
    read_at: datetime | None = None  # last, with or without success
    problem: str = Field(default="", max_length=300)  # why the last reading came to nothing; empty: it did not
    etag: str = Field(default="", max_length=300)  # what the website called what was read, so as not to send it again
    last_modified: str = Field(default="", max_length=100)


class NewsFeedEntry(Table, table=True):
    """An entry of a feed as it was when last read. Kept after it has left the feed once it was brought in."""

    __tablename__ = "news_feed_entry"
    __table_args__ = (sa.UniqueConstraint("news_feed_id", "entry_key"),)

    id: int | None = Field(default=None, primary_key=True)
    news_feed_id: int = Field(foreign_key="news_feed.id", ondelete="CASCADE")
    entry_key: str = Field(max_length=64)  # what the feed knows it by, as a hash
    title: str = Field(max_length=120)
    url: str = Field(default="", max_length=500)  # https, or empty
    body: str = ""  # restricted Markdown
    summary: str = Field(default="", max_length=300)  # its first words, plain
    at: datetime | None = None  # when it was published, if the feed says so
    position: int  # in the feed, from 0: the newest
    is_there: bool = True  # in the feed still
    brought_in_at: datetime | None = None  # last


class EventPlace(enum.StrEnum):
    """Where people take part."""

    IN_PERSON = "in-person"
    ONLINE = "online"
    BOTH = "both"


class Event(Table, table=True):
    """Something people can come to, or take part in without coming. Public from `announce_from` until it is over.

    `starts_at` and `ends_at` are moments; people read them as the clock in Europe/London shows them. `uid` and
    `sequence` are what calendars know the event by (RFC 5545): the first never changes, the second grows with every
    change that a calendar has to take over.
    """

    __tablename__ = "event"

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=80)  # "tell-us-what-you-think-2026-11-20", never changed
    uid: str = Field(unique=True, max_length=36)
    sequence: int = 0
    title: str = Field(max_length=120)
    summary: str = ""  # restricted Markdown
    for_parents: bool
    for_professionals: bool
    starts_at: datetime = Field(index=True)
    ends_at: datetime
    place: EventPlace = Field(sa_type=enum_type(EventPlace))
    venue: str = Field(default="", max_length=160)
    postal_address: str = Field(default="", max_length=300)
    access_notes: str = Field(default="", max_length=500)  # steps, parking, quiet room, hearing loop, captions
    online_url: str = Field(default="", max_length=500)
    cost: str = Field(default="Free", max_length=120)
    for_whom: str = Field(max_length=200)  # "Parents and carers of children with SEND"
    booking: str = Field(default="", max_length=200)  # "You do not have to book"
    booking_url: str = Field(default="", max_length=500)
    without_attending: str = Field(default="", max_length=500)  # how to take part without coming
    adjustments_contact: str = Field(max_length=200)  # whom to ask for reasonable adjustments, and how
    partner_id: int = Field(foreign_key="partner.id")  # the organisation
    priority_area_id: int | None = Field(default=None, foreign_key="priority_area.id")
    announce_from: date
    cancelled_at: datetime | None = None
    author_id: int | None = Field(default=None, foreign_key="staff.id")
    editor_id: int | None = Field(default=None, foreign_key="staff.id")  # who changed it last
    created_at: datetime
    updated_at: datetime


class ResponseOutcome(enum.StrEnum):
    """What came of what people said: a closed set, so that "we are looking into it" is no answer."""

    DONE = "done"
    DOING = "doing"
    WILL_NOT = "will not"
    NOT_OURS = "not decided by us"


class Response(Table, table=True):
    """“You said, we did”: what people told the partnership in a period, and what it does about it.

    The form that regulation 56 of the Special Educational Needs and Disability Regulations 2014 asks for: comments with
    the response to them and the action, such that nobody can be recognised. It is due while today lies between
    `from_date` and `until_date` (both inclusive, dates in Europe/London).
    """

    __tablename__ = "response"

    id: int | None = Field(default=None, primary_key=True)
    theme: str = Field(max_length=120)
    said: str  # restricted Markdown
    people: int  # how many said it; shown as "fewer than 5" when small
    period_from: date  # when they said it
    period_until: date
    did: str  # restricted Markdown: what was done, is being done, or why not
    outcome: ResponseOutcome = Field(sa_type=enum_type(ResponseOutcome))
    doing_by: date | None = None
    reason: str = Field(default="", max_length=300)  # why it will not be done, or cannot be decided here
    decision_owner: str = Field(max_length=120)  # the role or body that decided, or has to
    partner_id: int = Field(foreign_key="partner.id")  # the organisation
    priority_area_id: int = Field(foreign_key="priority_area.id", index=True)
    for_parents: bool
    for_professionals: bool
    from_date: date = Field(index=True)
    until_date: date | None = None
    author_id: int | None = Field(default=None, foreign_key="staff.id")
    editor_id: int | None = Field(default=None, foreign_key="staff.id")  # who changed it last
    created_at: datetime
    updated_at: datetime


class GlossaryTerm(Table, table=True):
    """A word or an acronym that readers should not have to know; dated, because names change."""

    __tablename__ = "glossary_term"

    id: int | None = Field(default=None, primary_key=True)
    term: str = Field(max_length=40)  # "EHCP"
    expansion: str = Field(default="", max_length=200)  # "education, health and care plan"; empty for a plain word
    explanation: str  # one or two plain sentences, restricted Markdown
    from_date: date
    until_date: date | None = None
