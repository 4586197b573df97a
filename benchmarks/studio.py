"""How long the pages of staff take in a council that has sent newsletters for years (`python -m benchmarks.studio`).

Every page below /staff that can be looked at is asked for again and again, one after the other, from a real
`newsletter web` process over one connection. What is measured is what a browser waits for the server. A page that is
added is measured too: what its address needs beyond what is known here is an error that says so. Pages about an edition
keep what they worked out for the next look; composing is therefore asked for once more, each time just after a change.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from fastapi.routing import APIRoute

from benchmarks import council, databases, doors, processes, workers
from benchmarks.council import Council
from benchmarks.doors import Web
from benchmarks.reports import Report
from benchmarks.workers import WorkerFailed
from newsletter import main as application
from newsletter.web.staff import guard

#: What was set out for (ms, of 95 in 100).
WANTED_MS = 100
#: Each page is asked for so often in each round, after a few times that do not count. All pages have their turn in
#: every round, so that what else the machine does for a few seconds does not fall on one page alone.
ROUNDS, WARM_UP, TIMES = 3, 3, 40
#: How many of the slowest are shown.
SHOWN = 15

#: What is no page: a stream that does not end, and what somebody who is signed in has no use for.
_NO_PAGES = frozenset(
    {
        "/staff",
        "/staff/editions/{edition_id:int}/sending/events",
        "/staff/join/{token}",
        "/staff/sign-in/directory",
        "/staff/sign-in/directory/back",
    }
)
#: What stands for the rest of an address, other than what `Council` names.
_VALUES = {
    **dict.fromkeys(("row_id", "topic_id", "event_id", "answer_id", "feedback_id", "period_id", "feed_id"), 1),
    **dict.fromkeys(("draft_id", "import_id", "burst_id"), 1),
    "name": "feedback",
    "act": "pause",
    "kind": "csv",
}

_COLUMNS = (
    ("", "page", ""),
    ("p50 ms", "p50_ms", ".1f"),
    ("p95 ms", "p95_ms", ".1f"),
    ("CPU ms", "cpu_ms", ".1f"),
    ("kB", "kilobytes", ".0f"),
)


def main(report: Report) -> None:
    """Measure and print a table for each kind of database. Raises `WorkerFailed`."""
    for kind in databases.KINDS:
        with databases.running(kind) as found:
            report.progress(f"{kind}: a council of {council.READERS:,} readers is made")
            found.keep("council", council.fill)
            with found.copy("council") as url:
                runtime = workers.runtime(url)
                there = council.look(runtime)
                cookie = f"{guard.cookie_name(runtime)}={there.cookie}"
                runtime.db.dispose()
                with doors.open_at(url) as web:
                    rows = [{"database": found.name, **row} for row in _measured(report, web, cookie, there)]
            slowest = sorted(rows, key=lambda row: -row["p95_ms"])
            report.table(
                "studio", f"The slowest of {len(rows)} pages of staff, {found.name}", _COLUMNS, slowest[:SHOWN]
            )
            late = sum(row["p95_ms"] > WANTED_MS for row in rows)
            report.say(f"{late} of {len(rows)} take more than {WANTED_MS} ms in 5 of 100 requests or more.")


def _measured(report: Report, web: Web, cookie: str, there: Council) -> Iterator[dict[str, Any]]:
    client = doors.Client(web.port)
    pages = {path: _Page(_address(path, there)) for path in _paths()}
    composing = f"/staff/editions/{there.draft}"
    pages["composing, just changed"] = _Page(composing, _changing(client, cookie, composing))
    for number in range(1, ROUNDS + 1):
        for path, page in list(pages.items()):
            report.progress(f"{number} of {ROUNDS}: {path}")
            if not page.ask(client, web, cookie):
                del pages[path]
    client.close()
    for path, page in pages.items():
        yield {
            "page": path,
            "p50_ms": median(page.times_ms),
            "p95_ms": quantiles(page.times_ms, n=20)[18],
            "cpu_ms": page.used_s / len(page.times_ms) * 1e3,
            "kilobytes": page.size / 1e3,
        }


@dataclass
class _Page:
    """What is known about one page so far."""

    address: str
    before: Callable[[], None] = lambda: None  # each time, and it does not count
    times_ms: list[float] = field(default_factory=list)
    used_s: float = 0.0  # processor time of the web process
    size: int = 0  # bytes

    def ask(self, client: doors.Client, web: Web, cookie: str) -> bool:
        """One round. False where there is nothing to look at: the second step of something, or nothing to be done to
        what there is. Raises `WorkerFailed` for any other answer than the page."""
        for turn in range(WARM_UP + TIMES):
            self.before()
            began_s = processes.cpu_s(web.pid)
            status, seconds, self.size = client.get(self.address, cookie)
            if status in (303, 409):
                return False
            if status != 200:
                raise WorkerFailed(f"{self.address} was answered with {status}.")
            if turn >= WARM_UP:
                self.times_ms.append(seconds * 1e3)
                self.used_s += processes.cpu_s(web.pid) - began_s
        return True


def _changing(client: doors.Client, cookie: str, composing: str) -> Callable[[], None]:
    """What writes another introduction into the edition that is being composed, one that it has never had."""
    revisions = count()

    def change() -> None:
        revision = str(next(revisions))
        words = {"subject": "News", "preheader": "What is new", "introduction": f"This is what happened, {revision}."}
        status, _ = client.post(f"{composing}/words", {**words, "revision": revision}, cookie)
        if status != 303:
            raise WorkerFailed(f"{composing} could not be changed: {status}.")

    return change


def _paths() -> Iterator[str]:
    for errand in application.STUDIO:
        for route in errand.router.routes:
            if not isinstance(route, APIRoute) or "GET" not in (route.methods or ()) or route.path in _NO_PAGES:
                continue
            yield route.path


def _address(path: str, there: Council) -> str:
    edition = {"approval": there.review, "sending": there.sending, "unknown": there.sent, "report": there.sent}
    state = next((number for word, number in edition.items() if f"/{word}" in path), there.draft)
    values = {**_VALUES, "edition_id": state, "update_id": there.update, "list_id": there.professionals}
    values |= {"prefix": there.key, "reference": there.complaint}
    for name, value in values.items():
        for form in ("{%s}", "{%s:int}"):
            path = path.replace(form % name, str(value))
    if "{" in path:
        raise WorkerFailed(
            f"{path} is a page that this benchmark cannot ask for: say in benchmarks/studio.py what is in it."
        )
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    made = Report(" ".join(["python -m benchmarks.studio", *sys.argv[1:]]))
    try:
        main(made)
    except WorkerFailed as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
