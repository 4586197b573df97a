"""Tell readers by email what was corrected in an edition: a short edition that says only that (REQ-49).

It is an edition of the same mailing list like any other, with an introduction and nothing else: it is edited, checked,
approved and sent as all are, to whoever gets editions of that kind when it goes out. Nothing is sent from here.
"""

from datetime import datetime
from textwrap import shorten

from sqlmodel import Session, col, select

from newsletter.content.dates import in_words, london_date
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.editions import corrections, freezing, moves, numbering
from newsletter.editions.models import Correction, Edition, EditionEvent, EditionState
from newsletter.editions.moves import Move
from newsletter.rendering import markup

_SUBJECT_BEGINS = "Correction: "
_SUBJECT_LENGTH = 120


def draft(
    session: Session, correction: Correction, *, list_name: str, now: datetime, staff_id: int | None = None
) -> Edition:
    """A draft that tells of the correction, or the mail about the same edition that has not gone out yet, with this
    correction added. That one is a draft again: what was approved did not say it. Repeatable.

    Raises `InvalidInput` (the reason cannot stand in an email), `WrongState` (somebody else changes the mail just now).
    """
    original = moves.read(session, correction.edition_id)
    numbering.hold(session, original.mailing_list_id)
    words = _words(session, original, correction)
    standing = _in_hand(session, correction.edition_id)
    if standing is None:
        return _make(session, original, words, list_name=list_name, now=now, staff_id=staff_id)
    if words in standing.introduction:
        return standing
    longer = f"{standing.introduction}\n\n{words}".strip()
    added = moves.try_once(
        session,
        standing,
        Move.EDIT,
        now=now,
        staff_id=staff_id,
        note="Added a correction",
        introduction=longer,
        **freezing.NOTHING,
    )
    if not added:
        raise WrongState(f"Edition {standing.number} is being changed by others at this moment. Try again.")
    return standing


def _in_hand(session: Session, corrected_id: int) -> Edition | None:
    """The mail about that edition which has not gone out yet."""
    return session.exec(
        select(Edition)
        .where(
            Edition.corrects_id == corrected_id,
            col(Edition.released_at).is_(None),
            Edition.state != EditionState.CANCELLED,
        )
        .order_by(col(Edition.id).desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()


def _make(
    session: Session, original: Edition, words: str, *, list_name: str, now: datetime, staff_id: int | None
) -> Edition:
    today = london_date(now)
    of_that_day = in_words(original.date)
    first = markup.escape_words(
        f"We have put something right in edition {original.number} of {list_name}, from {of_that_day}."
    )
    subject = (original.frozen_subject or original.subject).removeprefix(_SUBJECT_BEGINS)
    edition = Edition(
        mailing_list_id=original.mailing_list_id,
        audience=original.audience,
        number=numbering.next_number(session, original.mailing_list_id),
        slug=numbering.free_slug(session, original.mailing_list_id, today),
        date=today,
        corrects_id=original.id,
        is_special=original.is_special,
        topic_id=original.topic_id,
        subject=shorten(_SUBJECT_BEGINS + subject, _SUBJECT_LENGTH, placeholder="…"),
        preheader=f"We have put something right in our edition of {of_that_day}.",
        introduction=f"{first}\n\n{words}",
        author_id=staff_id,
        created_at=now,
    )
    session.add(edition)
    session.flush()
    assert edition.id is not None
    session.add(
        EditionEvent(
            edition_id=edition.id,
            at=now,
            move="assemble",
            to_state=EditionState.DRAFT,
            staff_id=staff_id,
            note=f"Tells readers of a correction in edition {original.number}",
        )
    )
    session.flush()
    return edition


def _words(session: Session, original: Edition, correction: Correction) -> str:
    """What the mail says about one correction, in restricted Markdown."""
    because = markup.escape_words(correction.because)
    try:
        markup.validate(because)
    except InvalidInput as error:
        raise InvalidInput(f"The reason cannot stand in an email. {error}.", field="because") from None
    return f"{_where(session, original, correction)}: {because}\n\n{_before_and_after(correction)}"


def _where(session: Session, original: Edition, correction: Correction) -> str:
    if correction.anchor is None:
        return "In the introduction"
    made = corrections.of_editions(session, [correction.edition_id])[correction.edition_id]
    page = corrections.current_page(original, made)
    titles = (
        update.title for section in page.sections for update in section.updates if update.anchor == correction.anchor
    )
    return f"In “{markup.escape_words(next(titles))}”"


def _before_and_after(correction: Correction) -> str:
    before, after = markup.words_of(correction.old_text), markup.words_of(correction.new_text)
    now = f"It now says: “{markup.escape_words(after)}”" if after else "We have taken this out."
    quoted = f"^ It said: “{markup.escape_words(before)}”\n\n^ {now}"
    try:
        markup.validate(quoted)
    except InvalidInput:  # a piece of a web address, perhaps, which nobody would want to read
        return "You can see on the web what changed."
    # The look or the target of a link was corrected, and not the words.
    return quoted if before != after else "You can see on the web what changed."
