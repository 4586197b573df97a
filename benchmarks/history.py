"""Whether an edition costs more when the ledger is full of old ones (`python -m benchmarks.history`): it should not.

The same edition is sent with nothing in the ledger, and after a million finished deliveries of earlier editions.
"""

import argparse
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import claiming, databases, mailing, sending, sinks
from benchmarks.cases import Case
from benchmarks.reports import Report
from benchmarks.sending import Figures
from benchmarks.sinks import NoSink, NotAsSent
from benchmarks.templates import Templates
from benchmarks.workers import WorkerFailed

FINISHED = (0, 1_000_000)
ROUNDS = 3

_COLUMNS = (
    ("", "database", ""),
    ("finished before", "finished", ",d"),
    ("messages/s", "rate", ",.0f"),
    ("worker µs", "worker_cpu_us", ",.1f"),
    ("database µs", "database_cpu_us", ",.1f"),
    ("one claim ms", "claim_ms", ".2f"),
)


def main(report: Report) -> None:
    """Measure and print one table. Raises `NoSink`, `NotAsSent` or `WorkerFailed`."""
    rows = []
    for kind in databases.KINDS:
        with ExitStack() as stack:
            sink = stack.enter_context(sinks.running())
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="newsletter-bench-mail-")))
            templates = Templates(stack.enter_context(databases.running(kind)))
            case = Case("sqlite" if kind == "sqlite" else "postgresql")
            mail = mailing.settings(case, sink, directory)
            sent: defaultdict[int, list[Figures]] = defaultdict(list)
            claim_ms: dict[int, float] = {}
            for _ in range(ROUNDS):
                for finished in FINISHED:
                    report.progress(f"{kind}, {finished:,} finished deliveries before")
                    name, stage = templates.get(case.readers, finished=finished)
                    sent[finished].append(sending.send(templates.databases, name, stage, sink, mail))
                    if finished not in claim_ms:
                        claim_ms[finished] = claiming.claim_ms(templates.databases, name, stage)
            for finished in FINISHED:
                rows.append(_row(templates.databases.name, finished, sent[finished], claim_ms[finished]))
    title = f"An edition for 10,000 after others that are finished; medians of {ROUNDS} rounds"
    report.table("history", title, _COLUMNS, rows)


def _row(database: str, finished: int, sent: list[Figures], claim_ms: float) -> dict[str, Any]:
    each = [asdict(figures) for figures in sent]
    medians = {name: median(figures[name] for figures in each) for name in each[0]}
    about = {"database": database, "finished": finished, "claim_ms": claim_ms}
    return {**about, **medians, "each_round": each}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    made = Report(" ".join(["python -m benchmarks.history", *sys.argv[1:]]))
    try:
        main(made)
    except (NoSink, NotAsSent, WorkerFailed) as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
