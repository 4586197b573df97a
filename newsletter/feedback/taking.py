"""Takes what readers tell us, from wherever it comes, without anything that says who they are."""

from datetime import date

from sqlmodel import Session

from newsletter.core.errors import InvalidInput
from newsletter.core.texts import visible
from newsletter.feedback import masking
from newsletter.feedback.models import Feedback, FeedbackKind, FeedbackSource, Speaker

#: Characters that a text may have. A comment belongs to an edition or an update, a view to a priority area.
COMMENT_LENGTH = 1000
VIEW_LENGTH = 2000


def useful(
    session: Session,
    *,
    edition_id: int,
    anchor: str | None,
    is_useful: bool | None,
    comment: str,
    day: date,
) -> Feedback:
    """Keep an answer to "Was this useful?", about an edition or (with `anchor`) one of its updates.

    Raises `InvalidInput` when there is neither an answer nor a comment.
    """
    text = clean(comment)
    if is_useful is None and not text:
        raise InvalidInput("Choose yes or no, or write a comment", field="useful")
    return _keep(
        session,
        Feedback(
            kind=FeedbackKind.USEFUL,
            source=FeedbackSource.WEB,
            day=day,
            edition_id=edition_id,
            anchor=anchor,
            is_useful=is_useful,
            text=text or None,
        ),
    )


def view(
    session: Session,
    *,
    text: str,
    day: date,
    source: FeedbackSource,
    priority_area_id: int | None = None,
    speaker: Speaker | None = None,
    edition_id: int | None = None,
    anchor: str | None = None,
) -> Feedback:
    """Keep what is on somebody's mind; of a reply also which edition it answers, and (with `anchor`) which part of it.

    Raises `InvalidInput` when there are no words.
    """
    assert edition_id is None or source is FeedbackSource.REPLY  # as replies they are counted
    assert anchor is None or edition_id is not None
    text = clean(text)
    if not text:
        raise InvalidInput("Enter what you want to tell us", field="text")
    return _keep(
        session,
        Feedback(
            kind=FeedbackKind.VIEW,
            source=source,
            day=day,
            edition_id=edition_id,
            anchor=anchor,
            priority_area_id=priority_area_id,
            speaker=speaker,
            text=text,
        ),
    )


def clean(text: str) -> str:
    """The text without what cannot be seen and without contact details."""
    return masking.mask(visible(text))


def _keep(session: Session, row: Feedback) -> Feedback:
    session.add(row)
    session.flush()
    return row
