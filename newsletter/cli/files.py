"""Tables and texts that a command writes: to the screen, or into a new file that only its owner may read."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from newsletter.core.errors import InvalidInput
from subscribers import sheets
from subscribers.sheets import Cell


def write_table(out: Path | None, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """As CSV on the screen or into a file; as a workbook when the file's name ends in .xlsx."""
    if out is None:
        sheets.write_csv(sys.stdout, headings, rows)
        return
    with private(out) as file:
        if out.suffix.lower() == ".xlsx":
            file.write(sheets.as_workbook(headings, rows))
        else:
            with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
                sheets.write_csv(text, headings, rows)


def private(path: Path) -> BinaryIO:
    """A new file that only its owner may read. Raises `InvalidInput` when there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidInput(f"{path} exists already. Choose another name.") from None
    return open(descriptor, "wb")
