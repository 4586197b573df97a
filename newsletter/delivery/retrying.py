"""When a deferred delivery is tried again, and when trying ends."""

import random
from datetime import datetime, timedelta

#: The provider's "not now" is believed for this long after queueing, unless the mailing list says otherwise …
KEEP_TRYING = timedelta(hours=24)
#: … and for at least this many attempts, so that a pause does not use up the time.
LEAST_ATTEMPTS = 5

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
#: Somebody is waiting for a letter at this moment.
LONGEST_WAIT_FOR_LETTERS = timedelta(minutes=10)


def next_attempt(
    *,
    attempts: int,
    queued_at: datetime,
    is_letter: bool,
    retry_after_s: float | None,
    now: datetime,
    keep_trying: timedelta = KEEP_TRYING,
) -> datetime | None:
    """The moment of the next attempt after `attempts` that failed, or None: give up.

    Waits double, with a quarter of jitter so that a thousand deferred messages do not come back in one second. A
    provider's own wish is honoured, never undercut.
    """
    longest = LONGEST_WAIT_FOR_LETTERS if is_letter else LONGEST_WAIT
    wait = min(FIRST_WAIT * 2 ** min(max(attempts, 1) - 1, 16), longest)
    wait *= random.uniform(0.75, 1.25)  # noqa: S311  (nothing secret about it)
    if retry_after_s is not None and retry_after_s > 0:
        wait = max(wait, timedelta(seconds=min(retry_after_s, keep_trying.total_seconds() * 2)))
    due = now + wait
    return None if due > queued_at + keep_trying and attempts >= LEAST_ATTEMPTS else due
