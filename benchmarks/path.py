"""What a message costs on its whole way: claimed, written, sent, recorded (`python -m benchmarks.path`).

An edition is opened on a database of its own, and real `newsletter worker` processes send it to a sink; `sending.py`
says how a run is measured and when it counts. The wire alone and the way most Python code goes (aiosmtplib with an
`EmailMessage` for each recipient) take their turns between the rounds, so that ratios are those of one run.

With `--one-processor` the workers, the sink and the database share one. Otherwise each message also wakes up the
processor on which the sink sleeps, for which a virtual machine pays dearly.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import cases, databases, mailing, processes, sending, sinks, wire
from benchmarks.cases import Case
from benchmarks.reports import Report
from benchmarks.sending import Figures
from benchmarks.sinks import NoSink, NotAsSent, Sink
from benchmarks.templates import Templates
from benchmarks.workers import WorkerFailed

#: What was set out for: processor time of a message, and how many times as fast as the baseline.
WIRE_US, PATH_US, TIMES = 45, 120, 50
#: Rounds differ by a third on shared machines: enough of them for a median that means something.
ROUNDS_ON_ONE = 7

_COLUMNS = (
    ("", "case", ""),
    ("messages/s", "rate", ",.0f"),
    ("workers µs", "worker_cpu_us", ",.1f"),
    ("at best", "least_worker_cpu_us", ",.1f"),
    ("database µs", "database_cpu_us", ",.1f"),
    ("sink µs", "sink_cpu_us", ",.1f"),
    ("peak MB", "peak_memory_mb", ",.1f"),
    ("first after s", "first_after_s", ".2f"),
    ("rounds", "rounds", "d"),
)


def main(report: Report, wanted: Sequence[Case], *, one_processor: bool = False) -> None:
    """Measure these cases and print one table. Raises `NoSink`, `NotAsSent` or `WorkerFailed`."""
    section, where = "path", ""
    if one_processor:
        section, where = "path_one_processor", ", all on one processor"
        wanted = [replace(case, rounds=max(case.rounds, ROUNDS_ON_ONE)) for case in wanted]
    with ExitStack() as stack:
        if one_processor:
            stack.enter_context(processes.one_processor())
        sink = stack.enter_context(sinks.running())
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="newsletter-bench-mail-")))
        templates = {kind: Templates(stack.enter_context(databases.running(kind))) for kind in _kinds(wanted)}
        wanted = [case for case in wanted if sink.tls_port or not case.tls]
        if not wanted:
            raise NoSink("The path with TLS is not measured: the sink has no OpenSSL (Debian: apt install libssl-dev).")
        compared = [one for one in wire.senders() if one.name in (wire.ALONE, wire.BASELINE)]
        found: defaultdict[str, list[Figures]] = defaultdict(list)
        for turn in range(max(case.rounds for case in wanted)):
            for sender in compared:
                report.progress(f"round {turn + 1}: {sender.name}")
                sender.run(sink)
            for case in wanted:
                if turn < case.rounds:
                    report.progress(f"round {turn + 1}: {case.name}")
                    found[case.name].append(_run(case, templates[case.database], sink, directory))
        rows = [_row(case, found[case.name]) for case in wanted]
        report.table(section, f"The whole path: claimed, written, sent, recorded{where}", _COLUMNS, rows)
        for kind, made in templates.items():
            report.note(kind, made.databases.version)
        if "postgresql" in templates and not one_processor:
            report.say("PostgreSQL runs on this machine and shares its processors with the workers and the sink.")
        _compare(report, section, where, rows, {sender.name: sender for sender in compared})


def _kinds(wanted: Sequence[Case]) -> list[str]:
    return sorted({case.database for case in wanted})


def _run(case: Case, templates: Templates, sink: Sink, directory: Path) -> Figures:
    name, stage = templates.get(case.readers)
    return sending.send(
        templates.databases,
        name,
        stage,
        sink,
        mailing.settings(case, sink, directory),
        workers_number=case.workers,
        round_trip_ms=case.round_trip_ms,
    )


def _row(case: Case, found: Sequence[Figures]) -> dict[str, Any]:
    """Medians, the cheapest round (the one that others on the machine disturbed least), and every round as it was."""
    each = [asdict(figures) for figures in found]
    medians = {name: median(figures[name] for figures in each) for name in each[0]}
    least_us = min(figures.worker_cpu_us for figures in found)
    about = {"case": case.name, **asdict(case), "rounds": len(each), **medians, "least_worker_cpu_us": least_us}
    return {**about, "peak_memory_mb": medians["peak_memory_bytes"] / 1e6, "each_round": each}


def _compare(
    report: Report, section: str, where: str, rows: Sequence[Mapping[str, Any]], compared: Mapping[str, wire.Sender]
) -> None:
    """With the baseline, and with what was set out for."""
    alone, baseline = compared[wire.ALONE], compared[wire.BASELINE]
    alone_us, baseline_us = median(alone.costs_us), median(baseline.costs_us)
    report.table(
        f"{section}_baseline",
        f"Between the rounds{where}",
        (("", "case", ""), ("messages/s", "rate", ",.0f"), ("CPU µs", "worker_cpu_us", ",.1f")),
        [
            {"case": sender.name, "rate": median(sender.rates), "worker_cpu_us": median(sender.costs_us)}
            for sender in (alone, baseline)
        ],
    )
    report.say(f"The wire alone: {alone_us:.0f} µs of processor time a message; wanted: at most {WIRE_US}.")
    for row in rows:
        if row["tls"] or row["dkim"] or row["round_trip_ms"]:
            continue
        faster, less = row["rate"] / median(baseline.rates), baseline_us / row["worker_cpu_us"]
        report.say(
            f"{row['case']}: {row['worker_cpu_us']:.0f} µs, {row['least_worker_cpu_us']:.0f} in the cheapest round "
            f"(wanted: at most {PATH_US}), {faster:.0f} times as fast as {wire.BASELINE} (wanted: {TIMES}), "
            f"1/{less:.0f} of its processor time."
        )
    _memory(report, {row["case"]: row["peak_memory_mb"] for row in rows})


def _memory(report: Report, peaks_mb: Mapping[str, float]) -> None:
    for name, peak_mb in peaks_mb.items():
        if (many := peaks_mb.get(f"{name}-100k")) is not None:
            report.say(f"{name}: a worker held {peak_mb:.0f} MB at most for 10,000 readers, {many:.0f} MB for 100,000.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="one case, or a pattern: postgresql*"
    )
    parser.add_argument("--all", action="store_true", help="also the cases that make bench leaves out")
    parser.add_argument("--one-processor", action="store_true", help="workers, sink and database share one processor")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    if given.list:
        print(*(case.name for case in cases.CASES), sep="\n")
        sys.exit()
    made = Report(" ".join(["python -m benchmarks.path", *sys.argv[1:]]))
    try:
        main(made, cases.chosen(given.case, every=given.all), one_processor=given.one_processor)
    except (NoSink, NotAsSent, WorkerFailed, ValueError) as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
