"""What `make bench` runs: every benchmark, one after the other. One alone: `python -m benchmarks.rendering`."""

import argparse
import sys
from pathlib import Path

from benchmarks import cases, enumeration, history, importing, opening, path, rendering, signups, studio, wire
from benchmarks.reports import Report
from benchmarks.sinks import NoSink, NotAsSent
from benchmarks.workers import WorkerFailed


def _without_a_sink(report: Report) -> None:
    """What needs no compiler for the receiving end."""
    for benchmark in (opening, signups, enumeration, importing, studio):
        benchmark.main(report)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="All benchmarks: a quarter of an hour or less."
    )
    parser.add_argument("--all", action="store_true", help="every case of the whole path: an hour or so")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    report = Report(" ".join(["python -m benchmarks", *sys.argv[1:]]))
    try:
        rendering.main(report)
        wire.main(report)
        path.main(report, cases.chosen([], every=given.all))
        path.main(report, cases.chosen(cases.ON_ONE_PROCESSOR), one_processor=True)
        history.main(report)
        _without_a_sink(report)
    except NoSink as error:
        print(error)
        _without_a_sink(report)
    except (NotAsSent, WorkerFailed) as error:
        sys.exit(str(error))
    if given.json:
        report.write(given.json)
