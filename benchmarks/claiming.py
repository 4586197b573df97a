"""The one place where a benchmark takes a piece of work from the ledger by itself, in the way a worker does.

Change `claim` when the ledger's way of claiming changes; nothing else here knows it.
"""

import secrets
import time
from datetime import timedelta
from statistics import median

from sqlmodel import Session

from benchmarks.databases import Databases
from benchmarks.stage import Stage
from benchmarks.workers import runtime as make_runtime
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, ledger, opening
from newsletter.delivery.batches import Hold
from newsletter.delivery.counting import Changes

#: No more than an edition for 10,000 has batches of 500.
TIMES = 20


def claim(session: Session, runtime: Runtime) -> bool:
    """Take the next piece of work, as a worker does: a batch, and its first window; False when there is none."""
    now, lease, changes = runtime.clock.now(), timedelta(minutes=2), Changes()
    for key in batches.due(session, now=now, limit=1):
        hold = Hold(key, secrets.token_hex(16))
        assert batches.take(session, hold, lease=lease, now=now)
        window = ledger.claim_window(
            session, key, hold.token, mailing_list_id=1, limit=runtime.settings.window, now=now, changes=changes
        )
        assert batches.keep(session, hold, lease=lease, now=now, changes=changes)
        return bool(window)
    return False


def claim_ms(databases: Databases, template: str, stage: Stage) -> float:
    """How long one claim takes, committed: the median of the first so many of an edition."""
    with databases.copy(template) as url:
        runtime = make_runtime(url)
        try:
            with runtime.db.transaction() as session:
                opening.release_and_open(session, stage.edition_id, now=runtime.clock.now())
            return median(_once(runtime) for _ in range(TIMES)) * 1e3
        finally:
            runtime.db.dispose()


def _once(runtime: Runtime) -> float:
    start_s = time.perf_counter()
    with runtime.db.transaction() as session:
        assert claim(session, runtime), "There is nothing left to claim."
    return time.perf_counter() - start_s
