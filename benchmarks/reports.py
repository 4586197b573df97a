"""What a benchmark has to say: plain tables for people, and every figure as JSON for whoever writes them down."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: A column: its heading, the row's key, and how a number is written.
Column = tuple[str, str, str]


class Report:
    """Collects tables. They are printed as they come, for a benchmark takes its time."""

    def __init__(self, command: str) -> None:
        self._about: dict[str, object] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "machine": machine(),
        }
        self._sections: dict[str, list[Mapping[str, Any]]] = {}

    def table(self, section: str, title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        """Print rows, and keep them with all they hold: also what no column shows."""
        self._sections.setdefault(section, []).extend(rows)
        cells = [[heading for heading, _, _ in columns]] if any(heading for heading, _, _ in columns) else []
        cells += [[_written(row.get(key), form) for _, key, form in columns] for row in rows]
        widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
        self.progress("")
        print(f"\n{title}", flush=True)
        for line in cells:
            first, *others = (
                cell.ljust(width) if not place else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            print("  ".join(["", first, *others]).rstrip())

    def say(self, sentence: str) -> None:
        print(f"  {sentence}", flush=True)

    def progress(self, doing: str) -> None:
        """Tell whoever waits at a terminal what is going on."""
        if sys.stderr.isatty():
            print(f"\033[K  … {doing}", end="\r", file=sys.stderr, flush=True)

    def note(self, name: str, value: object) -> None:
        """Keep something else to know about this run."""
        self._about[name] = value

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({**self._about, **self._sections}, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _after("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_the_start": os.getloadavg(),
    }


def _after(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _written(value: object, form: str) -> str:
    if value is None:
        return "–"
    return format(value, form)
