"""How long it takes to open an edition, and how much memory (`python -m benchmarks.opening`): linear, and flat.

Each opening happens in a process of its own, whose peak memory is its own, through the function that the clock and the
command line use. The addresses on its stage are random bytes, for opening reads none.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import databases, processes, workers
from benchmarks.reports import Report
from benchmarks.templates import Templates
from newsletter.delivery import opening

#: How many readers, and how often it is measured.
SIZES = ((10_000, 3), (100_000, 3), (1_000_000, 1))

_COLUMNS = (
    ("", "database", ""),
    ("readers", "readers", ",d"),
    ("seconds", "seconds", ".2f"),
    ("µs a reader", "us_a_reader", ".1f"),
    ("process µs", "process_cpu_us", ".1f"),
    ("database µs", "database_cpu_us", ".1f"),
    ("peak MB before", "before_mb", ".1f"),
    ("after", "after_mb", ".1f"),
)


def main(report: Report) -> None:
    """Measure and print one table."""
    rows = []
    for kind in databases.KINDS:
        with databases.running(kind) as found_databases:
            templates = Templates(found_databases)
            for readers, rounds in SIZES:
                report.progress(f"{kind}, {readers:,} readers")
                found = [_opened(templates, readers) for _ in range(rounds)]
                templates.forget()
                medians: dict[str, Any] = {name: median(each[name] for each in found) for name in found[0]}
                rows.append({"readers": readers, "database": templates.databases.name, **medians, "rounds": rounds})
    report.table("opening", "Opening an edition, in a process of its own", _COLUMNS, rows)


def _opened(templates: Templates, readers: int) -> dict[str, float]:
    name, stage = templates.get(readers, readable=False)
    with templates.databases.copy(name) as url, workers.directory() as directory:
        database_s = -templates.databases.cpu_s()
        command = [sys.executable, "-m", "benchmarks.opening", "--open", url, str(stage.edition_id)]
        environ = {**workers.plain_environ(), "PYTHONPATH": str(Path(__file__).parents[1])}
        said = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=directory, env=environ).stdout
        database_s += templates.databases.cpu_s()
    measured = json.loads(said)
    return {
        "seconds": measured["seconds"],
        "us_a_reader": measured["seconds"] / readers * 1e6,
        "process_cpu_us": measured["cpu_s"] / readers * 1e6,
        "database_cpu_us": database_s / readers * 1e6,
        "before_mb": measured["before_bytes"] / 1e6,
        "after_mb": measured["after_bytes"] / 1e6,
    }


def _open(url: str, edition_id: int) -> dict[str, float]:
    """What the process of its own does."""
    runtime = workers.runtime(url)
    with runtime.db.reading() as session:
        session.connection()  # connected, as a process that has been running for a while
    before_bytes, cpu_s, start_s = processes.peak_memory_bytes(), time.process_time(), time.perf_counter()
    with runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=runtime.clock.now())
    took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
    runtime.db.dispose()
    after_bytes = processes.peak_memory_bytes()
    return {"seconds": took_s, "cpu_s": cpu_s, "before_bytes": before_bytes, "after_bytes": after_bytes}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--open", nargs=2, metavar=("URL", "EDITION"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    if given.open:
        print(json.dumps(_open(given.open[0], int(given.open[1]))))
        sys.exit()
    made = Report(" ".join(["python -m benchmarks.opening", *sys.argv[1:]]))
    main(made)
    if given.json:
        made.write(given.json)
