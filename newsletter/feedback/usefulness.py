"""What readers answered to "Was this useful?", and the replies that staff added, counted by edition and by part of it.
Nothing here shows a text."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.feedback.models import Feedback, FeedbackKind, FeedbackSource, FeedbackState


@dataclass(frozen=True, slots=True)
class Useful:
    """Answers and replies about one thing; show the numbers by `core.small_numbers`."""

    yes: int = 0
    no: int = 0
    comments: int = 0
    replies: int = 0

    def __add__(self, other: "Useful") -> "Useful":
        return Useful(
            self.yes + other.yes, self.no + other.no, self.comments + other.comments, self.replies + other.replies
        )


def of_editions(session: Session, edition_ids: Collection[int]) -> dict[int, dict[str | None, Useful]]:
    """The answers and replies by edition and anchor (None: about all of it).

    Comments whose text was forgotten are not counted, nor replies that were set aside.
    """
    if not edition_ids:
        return {}
    is_answer = col(Feedback.kind) == FeedbackKind.USEFUL
    is_reply = sa.and_(
        col(Feedback.kind) == FeedbackKind.VIEW,
        col(Feedback.source) == FeedbackSource.REPLY,
        col(Feedback.state) != FeedbackState.SET_ASIDE,
    )
    found = session.execute(
        sa.select(
            col(Feedback.edition_id),
            col(Feedback.anchor),
            sa.func.sum(sa.case((col(Feedback.is_useful).is_(True), 1), else_=0)),
            sa.func.sum(sa.case((col(Feedback.is_useful).is_(False), 1), else_=0)),
            sa.func.count(sa.case((is_answer, col(Feedback.text)))),
            sa.func.sum(sa.case((is_reply, 1), else_=0)),
        )
        .where(sa.or_(is_answer, is_reply), col(Feedback.edition_id).in_(sorted(edition_ids)))
        .group_by(col(Feedback.edition_id), col(Feedback.anchor))
    )
    answers: defaultdict[int, dict[str | None, Useful]] = defaultdict(dict)
    for edition_id, anchor, *numbers in found:
        answers[edition_id][anchor] = Useful(*map(int, numbers))
    return dict(answers)
