"""How long an import of 100,000 rows takes, and how much memory (`python -m benchmarks.importing`).

The command `newsletter subscribers import`, in a process of its own, as somebody types it: everybody comes in pending,
with evidence, and a letter is queued for each. Peak memory is what the kernel says of the process (ru_maxrss).
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import databases, doors, workers
from benchmarks.reports import Report
from benchmarks.workers import WorkerFailed

ROWS = (10_000, 100_000)

_COLUMNS = (
    ("", "database", ""),
    ("rows", "rows", ",d"),
    ("seconds", "seconds", ".1f"),
    ("rows/s", "rate", ",.0f"),
    ("processor s", "cpu_s", ".1f"),
    ("peak MB", "peak_mb", ".0f"),
)


def main(report: Report) -> None:
    """Measure and print one table. Raises `WorkerFailed`."""
    rows = []
    for kind in databases.KINDS:
        with databases.running(kind) as found:
            found.keep("importing", doors.fill)
            for number in ROWS:
                report.progress(f"{kind}, {number:,} rows")
                with found.copy("importing") as url:
                    rows.append({"database": found.name, "rows": number, **_imported(url, number)})
    report.table("importing", "Importing people from a file, with a letter for each", _COLUMNS, rows)


def _imported(url: str, number: int) -> dict[str, Any]:
    with workers.directory() as directory:
        file = directory / "people.csv"
        with file.open("w", encoding="utf-8") as lines:
            lines.write("email,consent_date,wording,source\n")
            for each in range(number):
                lines.write(f"reader-{each}@example.org,2024-05-01,I agree to get the newsletter.,summer fair\n")
        environ = workers.plain_environ() | {
            "NEWSLETTER_DATABASE_URL": url,
            "NEWSLETTER_DATA_DIR": str(directory),
            "NEWSLETTER_SECRET_KEY": workers.SECRET,
        }
        command = [str(Path(sys.executable).with_name("newsletter")), "subscribers", "import", "parents", str(file)]
        log = directory / "log"
        with log.open("wb") as output:
            start_s = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory, env=environ)
            _, status, used = os.wait4(process.pid, 0)
            took_s = time.perf_counter() - start_s
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or f"imported {number:,}" not in log.read_text():
            raise WorkerFailed(f"The import ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return {
        "seconds": took_s,
        "rate": number / took_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    made = Report(" ".join(["python -m benchmarks.importing", *sys.argv[1:]]))
    try:
        main(made)
    except WorkerFailed as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
