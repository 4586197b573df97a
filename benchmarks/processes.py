"""What processes used, read from the kernel: processor time, and the most memory held at once.

A process's own clock (clock_getcpuclockid(3)) counts every thread, also those that have ended, to the nanosecond; the
ticks of /proc are too coarse for ten thousand messages. Time used before the first reading, such as that of importing
Python modules, is left out by taking the difference of two readings.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor time that a process used since it was started. Raises `OSError` when it is gone."""
    return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) returns on Linux


def family_cpu_s(pid: int) -> float:
    """The same for a process, the children it has, and those that ended and were waited for."""
    ended = sum(int(ticks) for ticks in _stat(pid)[13:15]) / _TICKS_PER_S  # cutime, cstime
    total = cpu_s(pid) + ended
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += cpu_s(int(child))
        except OSError:  # it ended between the two readings
            continue
    return total


@contextmanager
def one_processor() -> Iterator[None]:
    """Keep this process, and whatever it starts meanwhile, on one of its processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def peak_memory_bytes(pid: int | str = "self") -> int:
    """The most memory a process has held at once (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"The kernel does not say how much memory process {pid} held.")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks: the third field of proc(5) is number 0."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
