"""How many sign-ups one web process takes, and how long each waits (`python -m benchmarks.signups`).

Real HTTP over loopback with connections that are kept, each sign-up for another address from another network; the
client runs in this process, on the same cores.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

from benchmarks import databases, doors, workers
from benchmarks.reports import Report
from benchmarks.workers import WorkerFailed

SIGN_UPS, WARM_UP = 2_000, 100
CONNECTIONS = (1, 8)

_COLUMNS = (
    ("", "database", ""),
    ("connections", "connections", "d"),
    ("sign-ups/s", "rate", ",.0f"),
    ("p50 ms", "p50_ms", ".1f"),
    ("p99 ms", "p99_ms", ".1f"),
)


def main(report: Report) -> None:
    """Measure and print one table. Raises `WorkerFailed`."""
    rows = []
    for kind in databases.KINDS:
        with databases.running(kind) as found:
            found.keep("signups", doors.fill)
            for connections in CONNECTIONS:
                report.progress(f"{kind}, {connections} connections")
                with found.copy("signups") as url, doors.open_at(url) as web:
                    rows.append(
                        {"database": found.name, "connections": connections, **_measured(url, web.port, connections)}
                    )
    report.table("signups", f"{SIGN_UPS:,} sign-ups at one web process", _COLUMNS, rows)


def _measured(url: str, port: int, connections: int) -> dict[str, float]:
    runtime = workers.runtime(url)
    list_id = doors.parents_id(runtime)
    forms = [doors.sign_up_form(runtime, list_id, f"reader-{each}@example.org") for each in range(SIGN_UPS + WARM_UP)]
    runtime.db.dispose()
    clients = [doors.Client(port) for _ in range(connections)]

    def send(number: int, first: int, end: int) -> list[float]:
        times = []
        for form in forms[first + number : end : connections]:
            status, seconds = clients[number].post("/parents", form)
            if status != 303:
                raise WorkerFailed(f"A sign-up was answered with {status}.")
            times.append(seconds)
        return times

    with ThreadPoolExecutor(connections) as pool:

        def everybody(first: int, end: int) -> list[float]:
            done = pool.map(lambda number: send(number, first, end), range(connections))
            return [seconds for times in done for seconds in times]

        everybody(0, WARM_UP)
        start_s = time.perf_counter()
        times = everybody(WARM_UP, WARM_UP + SIGN_UPS)
        took_s = time.perf_counter() - start_s
    for client in clients:
        client.close()
    percent = quantiles(times, n=100)
    return {"rate": len(times) / took_s, "p50_ms": percent[49] * 1e3, "p99_ms": percent[98] * 1e3}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    made = Report(" ".join(["python -m benchmarks.signups", *sys.argv[1:]]))
    try:
        main(made)
    except WorkerFailed as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
