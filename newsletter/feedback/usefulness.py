"""What readers answered to "Was this useful?", counted by edition and by part of it. Nothing here shows a text."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.feedback.models import Feedback, FeedbackKind


@dataclass(frozen=True, slots=True)
class Useful:
    """Answers about one thing; show the numbers by `core.small_numbers`."""

    yes: int = 0
    no: int = 0
    comments: int = 0

    def __add__(self, other: "Useful") -> "Useful":
        return Useful(self.yes + other.yes, self.no + other.no, self.comments + other.comments)


def of_editions(session: Session, edition_ids: Collection[int]) -> dict[int, dict[str | None, Useful]]:
    """The answers by edition and anchor (None: about all of it). Comments whose text was forgotten are not counted."""
    if not edition_ids:
        return {}
    found = session.execute(
        sa.select(
            col(Feedback.edition_id),
            col(Feedback.anchor),
            sa.func.sum(sa.case((col(Feedback.is_useful).is_(True), 1), else_=0)),
            sa.func.sum(sa.case((col(Feedback.is_useful).is_(False), 1), else_=0)),
            sa.func.count(col(Feedback.text)),
        )
        .where(col(Feedback.kind) == FeedbackKind.USEFUL, col(Feedback.edition_id).in_(sorted(edition_ids)))
        .group_by(col(Feedback.edition_id), col(Feedback.anchor))
    )
    answers: defaultdict[int, dict[str | None, Useful]] = defaultdict(dict)
    for edition_id, anchor, yes, no, comments in found:
        answers[edition_id][anchor] = Useful(int(yes), int(no), int(comments))
    return dict(answers)
