"""What a benchmark has to say: plain tables for people, and every figure as JSON for whoever writes them down."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: A column: its heading, the row's key, and how a number is written.
Column = tuple[str, str, str]


class Report:
    """Collects tables. They are printed as they come, for a benchmark takes its time."""

    def __init__(self, command: str) -> None:
        self._about = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "machine": machine(),
        }
        self._sections: dict[str, list[Mapping[str, Any]]] = {}

    def table(self, section: str, title: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        """Print rows, and keep them with all they hold: also what no column shows."""
        self._sections.setdefault(section, []).extend(rows)
        cells = [[heading for heading, _, _ in columns]]
        cells += [[_written(row.get(key), form) for _, key, form in columns] for row in rows]
        widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
        print(f"\n{title}")
        for line in cells:
            first, *others = (
                cell.ljust(width) if not place else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            print("  ".join(["", first, *others]).rstrip())

    def say(self, sentence: str) -> None:
        print(f"  {sentence}", flush=True)

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
