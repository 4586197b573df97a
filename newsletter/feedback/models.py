"""Feedback and the themes it is filed under, data protection complaints, requests for a copy on paper."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class FeedbackKind(enum.StrEnum):
    USEFUL = "useful"  # an answer to "Was this useful?" under an edition or an update
    VIEW = "view"  # what is on somebody's mind


class FeedbackSource(enum.StrEnum):
    WEB = "web"
    REPLY = "reply"  # to one of our mails
    EVENT = "event"
    PAPER = "paper"


class Speaker(enum.StrEnum):
    """Whom feedback comes from, where they said so."""

    PARENT = "parent"
    YOUNG_PERSON = "young-person"
    PROFESSIONAL = "professional"
    OTHER = "other"


class FeedbackState(enum.StrEnum):
    NEW = "new"
    FILED = "filed"  # under a theme, to be answered in "You said, we did"
    SET_ASIDE = "set-aside"  # vexatious, or about the service one person gets (SEND Regulations 2014, regulation 56)


class Theme(Table, table=True):
    """What several pieces of feedback are about, in words that name nobody."""

    __tablename__ = "feedback_theme"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120, unique=True)
    response_id: int | None = Field(default=None, foreign_key="response.id")  # the "You said, we did" that answers it
    created_at: datetime


class Feedback(Table, table=True):
    """One thing that somebody told us. No address, no network, and the day rather than the time.

    An answer to "Was this useful?" is about an edition; a view can be, where it came in a reply to one. The text goes
    after a while (`newsletter.feedback.retention`); what is counted stays.
    """

    __tablename__ = "feedback"
    __table_args__ = (sa.Index("ix_feedback_edition_id_anchor", "edition_id", "anchor"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: FeedbackKind = Field(sa_type=enum_type(FeedbackKind))
    source: FeedbackSource = Field(sa_type=enum_type(FeedbackSource))
    day: date = Field(index=True)  # in Europe/London
    edition_id: int | None = Field(default=None, foreign_key="edition.id")
    anchor: str | None = Field(default=None, max_length=80)  # of the part on the edition's page; None: all of it
    is_useful: bool | None = None
    priority_area_id: int | None = Field(default=None, foreign_key="priority_area.id", index=True)
    speaker: Speaker | None = Field(default=None, sa_type=enum_type(Speaker))
    text: str | None = None
    state: FeedbackState = Field(default=FeedbackState.NEW, sa_type=enum_type(FeedbackState))
    theme_id: int | None = Field(default=None, foreign_key="feedback_theme.id", index=True)


class DataComplaint(Table, table=True):
    """A complaint about how personal data is used (Data Protection Act 2018, section 164A)."""

    __tablename__ = "data_complaint"

    id: int | None = Field(default=None, primary_key=True)
    reference: str = Field(max_length=12, unique=True)  # "DC-7K3M-92QX"
    received_at: datetime
    acknowledge_by: date  # the last day for it, in Europe/London
    acknowledged_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = Field(default=None, max_length=2000)  # what came of it, without names
    text_sealed: bytes | None = None  # what went wrong; None once it has had its time
    contact_sealed: bytes | None = None  # how to answer; None: none was given, or it has had its time


class PaperFormat(enum.StrEnum):
    PAPER = "paper"
    LARGE_PRINT = "large-print"
    EASY_READ = "easy-read"


class PaperCopy(Table, table=True):
    """A request for an edition by post. The row goes soon after it was posted."""

    __tablename__ = "paper_copy"

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    format: PaperFormat = Field(sa_type=enum_type(PaperFormat))
    name_sealed: bytes
    address_sealed: bytes
    asked_at: datetime
    done_at: datetime | None = None
