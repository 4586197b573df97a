"""The one place where a benchmark takes a piece of work from the ledger by itself, in the way a worker does.

Change `claim` when the ledger's way of claiming changes; nothing else here knows it.
"""

import time
from datetime import timedelta
from statistics import median

from sqlmodel import Session

from benchmarks.databases import Databases
from benchmarks.stage import Stage
from benchmarks.workers import runtime as make_runtime
from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, opening, sending

TIMES = 100


def claim(session: Session, runtime: Runtime) -> bool:
    """Take the next piece of work, as a worker does; False when there is none."""
    return bool(ledger.claim(session, limit=sending.WINDOW, lease=timedelta(minutes=2), now=runtime.clock.now()))


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
