"""What time alone removes from what readers told us (REQ-33). Each step is bounded and may be repeated.

How long what is kept: `newsletter.core.periods`.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.feedback.models import DataComplaint, Feedback, PaperCopy

#: Rows that one call touches at most, so that nothing else waits for it; as many as in the ledger.
ROWS_AT_ONCE = 10_000


def forget_texts(session: Session, *, now: datetime, rows_at_most: int = ROWS_AT_ONCE) -> int:
    """Empty the words of old feedback; how many. Call again while it says `rows_at_most`."""
    kept = periods.all_periods(session)[Period.FEEDBACK]
    old = (
        sa.select(col(Feedback.id))
        .where(col(Feedback.day) <= (now - kept).date(), col(Feedback.text).is_not(None))
        .limit(rows_at_most)
    )
    return _number(session, sa.update(Feedback).where(col(Feedback.id).in_(old)).values(text=None))


def forget_complaints(session: Session, *, now: datetime, rows_at_most: int = ROWS_AT_ONCE) -> int:
    """Empty what was complained of and by whom, of complaints closed long enough ago; how many."""
    kept = periods.all_periods(session)[Period.COMPLAINTS]
    old = (
        sa.select(col(DataComplaint.id))
        .where(
            col(DataComplaint.closed_at) <= now - kept,
            sa.or_(col(DataComplaint.text_sealed).is_not(None), col(DataComplaint.contact_sealed).is_not(None)),
        )
        .limit(rows_at_most)
    )
    emptied = sa.update(DataComplaint).where(col(DataComplaint.id).in_(old))
    return _number(session, emptied.values(text_sealed=None, contact_sealed=None))


def forget_paper_copies(session: Session, *, now: datetime, rows_at_most: int = ROWS_AT_ONCE) -> int:
    """Delete requests for a paper copy that were carried out, or asked for, long enough ago; how many."""
    kept = periods.all_periods(session)
    is_over = sa.or_(
        col(PaperCopy.done_at) <= now - kept[Period.PAPER_COPIES],
        col(PaperCopy.asked_at) <= now - kept[Period.PAPER_COPIES_AT_MOST],
    )
    old = sa.select(col(PaperCopy.id)).where(is_over).limit(rows_at_most)
    return _number(session, sa.delete(PaperCopy).where(col(PaperCopy.id).in_(old)))


def _number(session: Session, statement: sa.Update | sa.Delete) -> int:
    return session.exec(statement, execution_options={"synchronize_session": False}).rowcount
