"""What the faults did, one row for each scenario, and the table of them that ends a run, also when all is well.

pytest is told of this module by `tests/conftest.py`: when tests run in several processes, the one that writes the table
runs none and hears at the end of each what was caused there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

import pytest

#: Every row of this run, in the order in which the scenarios ended, whether or not they passed.
ROWS: list["Row"] = []


@dataclass(frozen=True, slots=True)
class Row:
    """`lost`: accepted by the ledger and not received. `doubled`: received more than once."""

    fault: str
    database: str
    caused: int
    recipients: int
    received: int
    lost: int
    doubled: int
    unknown: int


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process that was started to run tests: leave a word for the one that started it."""
    word: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if word is not None:
        word["faults"] = [astuple(row) for row in ROWS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the process that started others, when one of them ends; one that crashed says nothing."""
    ROWS.extend(Row(*each) for each in getattr(node, "workeroutput", {}).get("faults", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("faults")
        for line in table(ROWS):
            terminalreporter.write_line(line)


def table(rows: Iterable[Row]) -> list[str]:
    """One line for each fault and database, under their heads and above their sums."""
    names = [field.name for field in fields(Row)]
    sums: dict[tuple[str, str], Counter[str]] = {}
    everything = Counter[str]()
    for row in rows:
        numbers = {name: getattr(row, name) for name in names[2:]}
        sums.setdefault((row.fault, row.database), Counter()).update(numbers)
        everything.update(numbers)
    cells = [names]
    for whose, counted in [*sums.items(), (("all together", ""), everything)]:
        cells.append([*whose, *(f"{counted[name]:,}" for name in names[2:])])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(_padded(number, *each) for number, each in enumerate(zip(line, widths, strict=True)))
        for line in cells
    ]


def _padded(column: int, cell: str, width: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
