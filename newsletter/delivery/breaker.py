"""The breaker: pauses an edition that goes wrong before a whole list has felt it, and says why in one sentence.

It is sized for small lists. A run of failures, one after the other, stops an edition at once; shares are judged as soon
as there are enough deliveries for a share to mean something (REQ-79). After a person resumed the edition, only what
came afterwards is judged.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.logs import scrub
from newsletter.delivery import counting
from newsletter.delivery.models import DeliveryState, Opening
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result, Scope

#: So many failures with no success between them.
IN_A_ROW = 20
#: Shares are judged from so many deliveries on.
JUDGED_FROM = 200
#: More refusals or bounces than this share, or as many complaints as that one, are too many.
MOST_REFUSED, MOST_COMPLAINED = 0.05, 0.003

#: How long batches are put aside while the mail server is away, and after how long a person is told.
FIRST_ABSENCE_S, LONGEST_ABSENCE_S = 5.0, 60.0
LONGEST_ABSENCE = timedelta(minutes=15)

_FINISHED = (
    DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED,
    DeliveryState.REJECTED,
)  # fmt: skip
_REFUSED = (DeliveryState.REJECTED, DeliveryState.BOUNCED)


class Absence:
    """Whether the mail server is away: a window of which nothing could be handed over at all.

    It may only be starting again, so that batches are put aside for a while that doubles; when it stays away, that is
    the breaker's business.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._since: datetime | None = None
        self._windows = 0

    def seen(self, results: Iterable[object], now: datetime) -> tuple[float, str | None]:
        """After a window: the seconds to wait before the next, and a sentence when this has lasted too long."""
        said = [result for result in results if isinstance(result, Result)]
        if not said:
            return 0, None
        if not all(each.outcome is Outcome.DEFERRED and each.scope is not Scope.RECIPIENT for each in said):
            self._since, self._windows = None, 0
            return 0, None
        self._since, self._windows = self._since or now, self._windows + 1
        wait_s = min(FIRST_ABSENCE_S * 2 ** min(self._windows - 1, 10), LONGEST_ABSENCE_S)
        if now - self._since < LONGEST_ABSENCE:
            return wait_s, None
        because = f"{self._provider} could not be reached for {LONGEST_ABSENCE.seconds // 60} minutes: "
        return wait_s, because + scrub(said[0].detail or "no reason given")[:180]


class Runs:
    """How many deliveries of each edition have failed one after the other, in this worker."""

    def __init__(self) -> None:
        self._in_a_row: dict[int, int] = {}

    def trips(self, edition_id: int, results: Iterable[object], provider: str) -> str | None:
        """Take these results in; a sentence when there were too many failures in a row, and then begin to count anew.

        Being put off is no failure: one recipient at a time it is greylisting, all at once it is an `Absence`.
        """
        run, last = self._in_a_row.get(edition_id, 0), None
        for result in results:
            if not isinstance(result, Result):
                continue
            if result.outcome is Outcome.ACCEPTED:
                run = 0
            elif result.outcome is not Outcome.DEFERRED:
                run, last = run + 1, result
        if run < IN_A_ROW or last is None:
            self._in_a_row = {**self._in_a_row, edition_id: run} if run else self._without(edition_id)
            return None
        self._in_a_row = self._without(edition_id)
        said = " ".join(part for part in (last.code, scrub(last.detail or "")) if part) or "no reason given"
        return f"{run} copies in a row could not be sent. The last answer from {provider}: {said[:180]}"

    def _without(self, edition_id: int) -> dict[int, int]:
        return {each: run for each, run in self._in_a_row.items() if each != edition_id}


def judge(session: Session, *, now: datetime) -> list[int]:
    """Pause every edition being sent of which too large a share bounced or complained; their ids. Repeatable."""
    paused = []
    being_sent = select(Edition.id).where(col(Edition.state) == EditionState.SENDING).order_by(col(Edition.id))
    for edition_id in session.exec(being_sent).all():
        opening = session.get(Opening, edition_id)
        if edition_id is None or opening is None:
            continue
        counts = counting.counts(session, edition_id)
        finished, refused = _sum(counts, _FINISHED), _sum(counts, _REFUSED)
        complained = counts[DeliveryState.COMPLAINED.value]
        because = _because(
            finished - opening.judged_finished,
            refused - opening.judged_refused,
            complained - opening.judged_complained,
        )
        if because is None:
            continue
        publishing.pause(session, edition_id, because=because, now=now)
        session.execute(
            sa.update(Opening)
            .where(col(Opening.edition_id) == edition_id)
            .values(judged_finished=finished, judged_refused=refused, judged_complained=complained)
        )
        paused.append(edition_id)
    return paused


def _because(finished: int, refused: int, complained: int) -> str | None:
    if finished < JUDGED_FROM:
        return None
    if refused > finished * MOST_REFUSED:
        share = f"{refused:,} of {finished:,} copies were refused or came back, more than 5 in 100"
    elif complained >= finished * MOST_COMPLAINED:
        share = f"{complained:,} of {finished:,} readers reported it as spam, 3 in 1,000 or more"
    else:
        return None
    return f"{share}. Look at why, then resume."


def _sum(counts: dict[str, int], states: Iterable[DeliveryState]) -> int:
    return sum(counts[state.value] for state in states)
