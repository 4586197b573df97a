"""An edition, the choices it is made of, what happened to it, how it is found, and when a list's editions fall due."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.audience import Audience
from newsletter.core.db import Table, enum_type


class EditionState(enum.StrEnum):
    """Where an edition stands; `newsletter.editions.publishing` holds the table of allowed moves.

    draft → review → approved → scheduled → sending → sent, with `paused` beside `sending` and `cancelled` as the other
    end. An edit after approval goes back to draft.
    """

    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Edition(Table, table=True):
    """One issue of one mailing list. The `frozen_*` columns are what was approved, byte for byte what is sent."""

    __tablename__ = "edition"
    __table_args__ = (
        sa.UniqueConstraint("mailing_list_id", "number"),
        sa.UniqueConstraint("mailing_list_id", "slug"),
        sa.UniqueConstraint("mailing_list_id", "occurrence"),
    )

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    audience: Audience = Field(sa_type=enum_type(Audience))  # the list's: which wording of each update it carries
    number: int  # 1, 2, 3 … within the list
    slug: str = Field(max_length=60)  # "2023-12-18", or "2023-12-18-2" for the second of a day
    date: date  # the date printed on it
    occurrence: datetime | None = None  # the moment of the cadence it was assembled for; None: assembled by hand
    is_special: bool = False  # beside the regular ones: not for those who want these alone
    topic_id: int | None = Field(default=None, foreign_key="topic.id")  # a special edition for those who chose it
    # The edition that this one puts right, by its introduction and nothing else (`editions.correction_mail`).
    corrects_id: int | None = Field(default=None, foreign_key="edition.id", index=True)
    state: EditionState = Field(default=EditionState.DRAFT, sa_type=enum_type(EditionState), index=True)
    subject: str = Field(max_length=120)
    preheader: str = Field(default="", max_length=200)  # the line a mail program shows after the subject
    introduction: str = ""  # two or three sentences, restricted Markdown
    author_id: int | None = Field(default=None, foreign_key="staff.id")  # None: assembled by the clock
    approver_id: int | None = Field(default=None, foreign_key="staff.id")
    approved_at: datetime | None = None
    send_at: datetime | None = None
    released_at: datetime | None = Field(default=None, index=True)  # when it went out and became public
    paused_because: str | None = Field(default=None, max_length=300)
    created_at: datetime
    election_reason: str | None = Field(default=None, max_length=300)  # why it may go out in a pre-election period
    revision: int = 0  # grows with every change, so that approving a text nobody saw is noticed
    frozen_subject: str | None = None
    frozen_html: str | None = None
    frozen_text: str | None = None
    frozen_markdown: str | None = None  # for providers that render GOV.UK Notify's Markdown
    frozen_page: str | None = None  # JSON: the same content for the public page
    frozen_sha256: str | None = Field(default=None, max_length=64)


class EditionChoice(Table, table=True):
    """One update that was considered for an edition: in or out, where, and why."""

    __tablename__ = "edition_choice"
    __table_args__ = (sa.UniqueConstraint("edition_id", "update_id"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    update_id: int = Field(foreign_key="progress_update.id", index=True)
    is_in: bool
    position: int | None = None  # order within the edition, from 1; None when out
    reason: str = Field(max_length=300)  # one sentence
    own_title: str = Field(default="", max_length=120)  # another wording in this edition alone; empty: the update's own
    own_body: str = ""  # restricted Markdown; there with `own_title`, or not at all
    without_picture: bool = False  # the update's picture is left out of this edition alone


class EventChoice(Table, table=True):
    """One event that was considered for an edition: in or out, and why. Readers get them soonest first."""

    __tablename__ = "event_choice"
    __table_args__ = (sa.UniqueConstraint("edition_id", "event_id"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    event_id: int = Field(foreign_key="event.id", index=True)
    is_in: bool
    reason: str = Field(max_length=300)  # one sentence


class ResponseChoice(Table, table=True):
    """One response that was considered for an edition: in or out, and why. Readers get them by priority area."""

    __tablename__ = "response_choice"
    __table_args__ = (sa.UniqueConstraint("edition_id", "response_id"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    response_id: int = Field(foreign_key="response.id", index=True)
    is_in: bool
    reason: str = Field(max_length=300)  # one sentence


class EditionEvent(Table, table=True):
    """What happened to an edition, in order; only ever added to."""

    __tablename__ = "edition_event"

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", index=True)
    at: datetime
    move: str = Field(max_length=20)  # "assemble", "comment", "decide", … or one of `newsletter.editions.moves.Move`
    from_state: EditionState | None = Field(default=None, sa_type=enum_type(EditionState))
    to_state: EditionState = Field(sa_type=enum_type(EditionState))
    staff_id: int | None = Field(default=None, foreign_key="staff.id")
    note: str = Field(default="", max_length=300)


class EditionApproval(Table, table=True):
    """An approval that was given, and the page as it was then: what a later text is compared with. Only added to."""

    __tablename__ = "edition_approval"

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", index=True)
    at: datetime
    staff_id: int = Field(foreign_key="staff.id")
    sha256: str = Field(max_length=64)  # of the frozen text
    page: str  # JSON


class PartnerApproval(Table, table=True):
    """That a partner approved its texts in an edition, exactly as they read then (REQ-46). Only added to."""

    __tablename__ = "partner_approval"
    __table_args__ = (sa.UniqueConstraint("edition_id", "partner_id", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    partner_id: int = Field(foreign_key="partner.id")
    sha256: str = Field(max_length=64)  # of all texts of that partner in the edition
    staff_id: int = Field(foreign_key="staff.id")
    at: datetime


class CheckReason(Table, table=True):
    """Why a warning of the checks does not keep an edition from going out. It stands for that very sentence: when the
    text changes and the warning with it, a new reason is asked for (REQ-52)."""

    __tablename__ = "check_reason"
    __table_args__ = (sa.UniqueConstraint("edition_id", "finding_key"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", ondelete="CASCADE")
    finding_key: str = Field(max_length=64)  # of `newsletter.editions.checks.Finding`
    message: str  # the warning, as it was read
    reason: str = Field(max_length=300)
    at: datetime
    staff_id: int | None = Field(default=None, foreign_key="staff.id")


class LinkCheck(Table, table=True):
    """What came of opening a link, so that showing a page opens none."""

    __tablename__ = "link_check"

    url_sha256: str = Field(primary_key=True, max_length=64)
    at: datetime
    problem: str = Field(default="", max_length=120)  # "the page is not there (404)"; empty: it opens


class EditionText(Table, table=True):
    """What an edition that went out says, as plain text: what the search of the archive looks through."""

    __tablename__ = "edition_text"

    edition_id: int = Field(
        foreign_key="edition.id", primary_key=True, ondelete="CASCADE", sa_column_kwargs={"autoincrement": False}
    )
    text: str  # one paragraph a line, the title first
    folded: str  # the same as `editions.search_text.fold` makes it, so that databases need not agree on capitals


class EditionArea(Table, table=True):
    """A priority area that an edition that went out has news of, under the name it had then."""

    __tablename__ = "edition_area"

    edition_id: int = Field(foreign_key="edition.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)
    heading: str = Field(max_length=160, index=True)


class VariantKind(enum.StrEnum):
    """A form in which an edition can be had beside its own."""

    SHORT = "short"
    EASY_READ = "easy-read"
    TRANSLATION = "translation"
    BSL = "bsl"
    AUDIO = "audio"
    LARGE_PRINT = "large-print"


class EditionVariant(Table, table=True):
    """An edition in another form: a text of ours, or a link to where it is. With neither it is only promised."""

    __tablename__ = "edition_variant"
    __table_args__ = (sa.UniqueConstraint("edition_id", "kind", "language"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", ondelete="CASCADE")
    kind: VariantKind = Field(sa_type=enum_type(VariantKind))
    language: str = Field(max_length=35)  # BCP 47: "en-GB", "pl", "bfi" (British Sign Language)
    title: str = Field(max_length=120)  # the words of its link, in its own language
    url: str = Field(default="", max_length=500)
    text: str = ""  # restricted Markdown
    promised_for: date | None = None
    published_at: datetime | None = None  # when it became public: with the edition, or later by itself


class Correction(Table, table=True):
    """What was put right in an edition after it had gone out. The frozen columns stay; readers see both."""

    __tablename__ = "correction"

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", index=True, ondelete="CASCADE")
    at: datetime
    anchor: str | None = Field(default=None, max_length=60)  # of the update, "update-12"; None: the introduction
    because: str = Field(max_length=300)  # what changed and why, one sentence for readers
    old_text: str  # restricted Markdown, both
    new_text: str
    staff_id: int | None = Field(default=None, foreign_key="staff.id")


class Cadence(Table, table=True):
    """When a mailing list's editions fall due. `scheduler.cadence` does the arithmetic."""

    __tablename__ = "cadence"

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id", unique=True)
    rule: str = Field(max_length=300)  # RFC 5545 recurrence rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
    anchor: datetime  # the first occurrence; fortnights are counted from it (stored in UTC, counted in local time)
    timezone: str = Field(default="Europe/London", max_length=40)
    next_due: datetime | None = Field(default=None, index=True)  # None: not running


class ClosedPeriod(Table, table=True):
    """Days on which no edition falls due, besides weekends and bank holidays: when the council is closed."""

    __tablename__ = "closed_period"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120)  # "Christmas break"
    starts_on: date
    ends_on: date  # the last day of it


class ElectionPeriod(Table, table=True):
    """The weeks before an election, in which a council must not seem to take sides (Local Government Act 1986,
    section 2)."""

    __tablename__ = "election_period"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120)  # "County council election, May 2029"
    starts_on: date
    ends_on: date  # the day of the election
