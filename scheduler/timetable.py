"""The one table of clock jobs, and the metronome (APScheduler) that calls them.

There is no job store: all truth is in our tables, so that a tick may be lost, doubled or late and nothing breaks. A job
that fails is logged, and the next tick goes on.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter.core.runtime import Runtime
from scheduler import jobs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table: what is done, and how many seconds after the last time."""

    name: str
    carry_out: Callable[[Runtime], object]
    every_s: int


TIMETABLE = (
    Job("open what is scheduled", jobs.open_due, every_s=1),
    Job("assemble what falls due", jobs.assemble_due, every_s=15),
    Job("answer sign-ups", jobs.answer_sign_ups, every_s=1),
    Job("remind who has not confirmed", jobs.remind, every_s=300),
    Job("obey leaves that nobody decided about", jobs.obey_held, every_s=600),
    Job("forget files of imports", jobs.forget_files, every_s=300),
    Job("ask professionals if it is still them", jobs.ask_if_still_you, every_s=3600),
    # Once a day would do (REQ-33); hourly, because a machine that is restarted every day would never get to it.
    Job("sweep", jobs.sweep, every_s=3600),
)


def start(runtime: Runtime) -> BackgroundScheduler:
    """Start the clock in threads of its own; every job is done once at once. Stop it with `stop`."""
    # It warns whenever a job takes longer than its interval, which is no news: that tick is left out.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    clock = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(len(TIMETABLE))})
    for job in TIMETABLE:
        clock.add_job(
            carry_out,
            IntervalTrigger(seconds=job.every_s, timezone=UTC),
            args=(job, runtime),
            id=job.name,
            next_run_time=datetime.now(UTC),  # the metronome's own beat, not the time our jobs go by
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # late is better than never: a job does what is due now
        )
    clock.start()
    return clock


def stop(clock: BackgroundScheduler) -> None:
    """Let the jobs that are under way finish, and stop."""
    clock.shutdown(wait=True)


def carry_out(job: Job, runtime: Runtime) -> None:
    """Do one job once. A failure is logged: the next tick is the next attempt."""
    try:
        job.carry_out(runtime)
    except Exception:
        log.exception("A clock job failed and will be tried again", extra={"job": job.name})
