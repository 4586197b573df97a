"""The metronome: every job is done at once and again, and a failure stops nothing."""

import logging
import threading

import pytest

from newsletter.core.runtime import Runtime
from scheduler import jobs, timetable
from scheduler.timetable import Job


def test_every_job_of_the_clock_is_in_the_timetable() -> None:
    assert {job.carry_out for job in timetable.TIMETABLE} == {
        jobs.open_due,
        jobs.assemble_due,
        jobs.answer_sign_ups,
        jobs.remind,
        jobs.obey_held,
        jobs.forget_files,
        jobs.ask_if_still_you,
        jobs.sweep,
    }
    assert len({job.name for job in timetable.TIMETABLE}) == len(timetable.TIMETABLE)


def test_it_does_every_job_at_once_on_an_empty_database_and_stops(
    sqlite_runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        clock = timetable.start(sqlite_runtime)
        timetable.stop(clock)  # waits for the jobs that are under way
    assert not clock.running
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_job_that_fails_is_logged_and_done_again(
    sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done, again = [], threading.Event()

    def fails(_: Runtime) -> None:
        done.append(1)
        if len(done) == 2:
            again.set()
        raise RuntimeError("somebody pulled a plug")

    monkeypatch.setattr(timetable, "TIMETABLE", (Job("fails", fails, every_s=1),))
    with caplog.at_level(logging.ERROR):
        clock = timetable.start(sqlite_runtime)
        try:
            assert again.wait(30)
        finally:
            timetable.stop(clock)
    assert "will be tried again" in caplog.text


def test_a_job_is_never_done_twice_at_once(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that comes while the job is still under way is left out."""
    under_way, overlaps, ticks, enough = threading.Lock(), [], [], threading.Event()

    def slow(_: Runtime) -> None:
        if not under_way.acquire(blocking=False):
            overlaps.append(1)
            return
        ticks.append(1)
        if len(ticks) == 2:
            enough.set()
        enough.wait(2.5)  # longer than two ticks
        under_way.release()

    monkeypatch.setattr(timetable, "TIMETABLE", (Job("slow", slow, every_s=1),))
    clock = timetable.start(sqlite_runtime)
    try:
        assert enough.wait(30)
    finally:
        timetable.stop(clock)
    assert overlaps == []
