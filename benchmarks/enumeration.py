"""Whether the time of an answer tells who is on a list (`python -m benchmarks.enumeration`): it must not.

Addresses of every kind are asked about in turn, in a new random order each round, at a real web process. Each pair of
kinds is compared with the two-sample Kolmogorov–Smirnov test. Of 21 pairs one in twenty falls below p = 0.05 by
chance: what counts is whether the smallest p stays above 0.05 / 21, and whether a second run picks the same pair.
"""

import argparse
import math
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import databases, doors, workers
from benchmarks.reports import Report
from benchmarks.workers import WorkerFailed
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.web.remembered import remember, seal
from subscribers import preferences, signup, suppression
from subscribers.models import SuppressionReason

SAMPLES, WARM_UP, ADDRESSES = 100, 5, 20

_COLUMNS = (
    ("", "database", ""),
    ("form", "form", ""),
    ("kinds", "pair", ""),
    ("median µs", "first_us", ",.0f"),
    ("median µs", "second_us", ",.0f"),
    ("D", "statistic", ".3f"),
    ("p", "p", ".3f"),
)


def main(report: Report) -> None:
    """Measure and print one table for each kind of database. Raises `WorkerFailed`."""
    for kind in databases.KINDS:
        rows: list[dict[str, Any]] = []
        with databases.running(kind) as found:
            found.keep("enumeration", _fill)
            for form in ("sign up", "wrong code"):
                report.progress(f"{kind}, {form}")
                with found.copy("enumeration") as url, doors.open_at(url) as web:
                    rows += _compared(found.name, form, _sampled(url, web.port, form))
        title = f"The time of an answer, {SAMPLES} of each kind of address, by pairs"
        report.table("enumeration", title, _COLUMNS, rows)
        smallest = min(rows, key=lambda row: float(row["p"]))
        report.say(f"Smallest p of {len(rows)} pairs: {smallest['p']:.3f}; by chance about {1 / len(rows):.3f}.")


def ks(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The two-sample Kolmogorov–Smirnov statistic and its asymptotic p-value."""
    merged = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    seen, statistic = [0, 0], 0.0
    for place, (value, which) in enumerate(merged):
        seen[which] += 1
        if place + 1 == len(merged) or merged[place + 1][0] != value:
            statistic = max(statistic, abs(seen[0] / len(one) - seen[1] / len(other)))
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    scaled = (size + 0.12 + 0.11 / size) * statistic
    if scaled < 0.2:  # the series does not converge there, and p is one
        return statistic, 1.0
    p = 2 * sum((-1) ** (term - 1) * math.exp(-2 * (term * scaled) ** 2) for term in range(1, 101))
    return statistic, min(1.0, max(0.0, p))


def _compared(database: str, form: str, times: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    rows = []
    for one, other in combinations(times, 2):
        statistic, p = ks(times[one], times[other])
        rows.append(
            {
                "database": database,
                "form": form,
                "pair": f"{one} / {other}",
                "first_us": median(times[one]) * 1e6,
                "second_us": median(times[other]) * 1e6,
                "statistic": statistic,
                "p": p,
            }
        )
    return rows


def _sampled(url: str, port: int, form: str) -> dict[str, list[float]]:
    runtime = workers.runtime(url)
    list_id = doors.parents_id(runtime)
    client, order = doors.Client(port), random.Random(1)
    times: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for round_ in range(WARM_UP + SAMPLES):
        for kind in order.sample(list(_KINDS), len(_KINDS)):
            address = _address(kind, round_ % ADDRESSES)
            if form == "sign up":
                expected, path, fields = 303, "/parents", doors.sign_up_form(runtime, list_id, address)
            else:
                to = seal(runtime.crypto, remember(list_id, address, None, now=runtime.clock.now()))
                expected, path, fields = 422, "/confirm/code", {"list": "parents", "to": to, "code": "000000"}
            status, seconds = client.post(path, fields)
            if status != expected:
                raise WorkerFailed(f"A form was answered with {status}.")
            if round_ >= WARM_UP:
                times[kind].append(seconds)
    client.close()
    runtime.db.dispose()
    return times


def _fill(url: str) -> None:
    doors.fill(url)
    runtime = workers.runtime(url)
    list_id = doors.parents_id(runtime)
    for kind, make in _KINDS.items():
        for number in range(ADDRESSES):
            make(runtime, list_id, _address(kind, number))
    if runtime.db.is_sqlite:
        with runtime.db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    runtime.db.dispose()


def _address(kind: str, number: int) -> str:
    return f"{kind.replace(' ', '-'):-<16}{number:03d}@example.org"  # all of one length


def _new(runtime: Runtime, list_id: int, address: str) -> None:
    pass


def _pending(runtime: Runtime, list_id: int, address: str) -> int:
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        asked = signup.request(session, runtime.crypto, mailing_list_id=list_id, address=address, now=now)
    return asked.subscriber_id or 0


def _confirmed(runtime: Runtime, list_id: int, address: str) -> int:
    subscriber_id, now = _pending(runtime, list_id, address), runtime.clock.now()
    token = runtime.tokens.make(Purpose.CONFIRM, list_id=list_id, subject_id=subscriber_id, issued_at=now)
    with runtime.db.transaction() as session:
        signup.confirm(session, runtime.tokens, token, now=now)
    return subscriber_id


def _left(runtime: Runtime, list_id: int, address: str) -> None:
    subscriber_id = _confirmed(runtime, list_id, address)
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        preferences.leave(session, mailing_list_id=list_id, subscriber_id=subscriber_id, how="button", now=now)


def _suppressed(runtime: Runtime, list_id: int, address: str) -> None:
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        suppression.suppress(session, runtime.crypto, address, reason=SuppressionReason.BOUNCED, now=now)


def _did_not_ask(runtime: Runtime, list_id: int, address: str) -> None:
    subscriber_id, now = _pending(runtime, list_id, address), runtime.clock.now()
    token = runtime.tokens.make(Purpose.CONFIRM, list_id=list_id, subject_id=subscriber_id, issued_at=now)
    with runtime.db.transaction() as session:
        signup.not_requested(session, runtime.crypto, runtime.tokens, token, now=now)


def _had_its_mails(runtime: Runtime, list_id: int, address: str) -> None:
    for _ in range(3):
        _pending(runtime, list_id, address)


_KINDS: dict[str, Callable[[Runtime, int, str], object]] = {
    "new": _new,
    "pending": _pending,
    "confirmed": _confirmed,
    "left": _left,
    "suppressed": _suppressed,
    "did not ask": _did_not_ask,
    "had its mails": _had_its_mails,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    made = Report(" ".join(["python -m benchmarks.enumeration", *sys.argv[1:]]))
    try:
        main(made)
    except WorkerFailed as error:
        sys.exit(str(error))
    if given.json:
        made.write(given.json)
