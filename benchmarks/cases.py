"""In which situations the whole path is measured: a choice from all combinations, each with a name to ask for it by."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal


@dataclass(frozen=True, slots=True)
class Case:
    """One situation."""

    database: Literal["sqlite", "postgresql"] = "sqlite"
    workers: int = 1
    readers: int = 10_000
    round_trip_ms: int = 0
    tls: bool = False
    dkim: Literal["", "rsa", "ed25519"] = ""
    connections: int = 10
    rounds: int = 3
    usual: bool = True  # part of `make bench`

    @property
    def name(self) -> str:
        parts = [self.database if self.workers == 1 else f"{self.database}-{self.workers}-workers"]
        parts += ["tls"] if self.tls else []
        parts += [self.dkim] if self.dkim else []
        parts += [f"{self.round_trip_ms}ms"] if self.round_trip_ms else []
        parts += [f"{self.connections}-connections"] if self.connections != 10 else []
        parts += [f"{self.readers // 1000}k"] if self.readers != 10_000 else []
        return "-".join(parts)


#: The first is what the others are compared with. Those that take longer are measured once.
CASES = (
    Case(),
    Case(tls=True),
    Case(dkim="ed25519"),
    Case("postgresql"),
    Case("postgresql", 2),
    Case(dkim="rsa", rounds=1),
    Case(tls=True, dkim="rsa", rounds=1),
    Case("postgresql", tls=True, dkim="rsa", rounds=1),
    Case("postgresql", 2, tls=True, dkim="rsa", rounds=1),
    Case(round_trip_ms=20, rounds=1),
    Case(round_trip_ms=20, tls=True, dkim="rsa", rounds=1),
    Case(round_trip_ms=20, connections=50, rounds=1),
    Case("postgresql", 2, round_trip_ms=20, rounds=1),
    Case(readers=100_000, rounds=1),
    Case("postgresql", readers=100_000, rounds=1),
    Case("postgresql", 2, readers=100_000, rounds=1),
    # Not in `make bench`: nothing that the others do not tell, or long.
    Case(tls=True, dkim="ed25519", usual=False),
    Case("postgresql", round_trip_ms=20, rounds=1, usual=False),
    Case("postgresql", tls=True, usual=False),
    Case("postgresql", dkim="rsa", usual=False),
    Case("postgresql", dkim="ed25519", usual=False),
    Case("postgresql", 2, tls=True, usual=False),
    Case("postgresql", 2, dkim="rsa", usual=False),
    Case("postgresql", 2, dkim="ed25519", usual=False),
    Case(readers=100_000, tls=True, dkim="rsa", rounds=1, usual=False),
    Case(readers=100_000, round_trip_ms=20, rounds=1, usual=False),
    Case("postgresql", readers=100_000, tls=True, dkim="rsa", rounds=1, usual=False),
    Case("postgresql", 2, readers=100_000, tls=True, dkim="rsa", rounds=1, usual=False),
    Case("postgresql", 2, readers=100_000, round_trip_ms=20, rounds=1, usual=False),
    Case(readers=1_000_000, rounds=1, usual=False),
    Case("postgresql", readers=1_000_000, rounds=1, usual=False),
)

#: What is measured on one processor as well: one worker, nothing between it and the sink.
ON_ONE_PROCESSOR = ["sqlite", "postgresql"]


def chosen(patterns: list[str], *, every: bool = False) -> list[Case]:
    """The cases whose names match one of these patterns (`postgresql*`); without patterns the usual ones, or every
    one. Raises `ValueError` when there is none."""
    if not patterns:
        return [case for case in CASES if case.usual or every]
    found = [case for case in CASES if any(fnmatchcase(case.name, pattern) for pattern in patterns)]
    if not found:
        raise ValueError(f"There is no such case. There are: {', '.join(case.name for case in CASES)}.")
    return found
