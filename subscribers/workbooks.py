"""Excel workbooks (.xlsx) as people bring them in: the rows of the first sheet, as text.

A workbook is a packed directory of XML, and may be made to harm whoever opens it. So it is looked through before it is
read: how large it is when unpacked, how many parts and tags it has, whether it carries macros, asks other files or
brings entities of its own. A sheet is then read row by row. Formulas are refused, not worked out: what such a cell
showed last may be old, or never have been there.
"""

import io
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from newsletter.core.errors import InvalidInput

#: Row number in the sheet, and its cells up to the last one that is not empty.
Line = tuple[int, list[str]]

MAXIMUM_BYTES = 4 * 1024**2
MAXIMUM_UNPACKED_BYTES = 32 * 1024**2
MAXIMUM_PARTS = 1000
#: Each becomes an object of some hundred bytes for a while. Fifty thousand rows of five cells have a million.
MAXIMUM_TAGS = 2_000_000
MAXIMUM_ROWS = 50_000
MAXIMUM_COLUMNS = 100
#: Cells of a whole sheet, blank ones between others too: one cell at the far right of a row makes thousands.
MAXIMUM_CELLS = MAXIMUM_ROWS * MAXIMUM_COLUMNS
#: Sheets end here, whatever a file says.
_LAST_ROW = 1_048_576

_PACKED = b"PK\x03\x04"
#: Workbooks before 2007, and those with a password.
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
_BLOCK_BYTES = 1 << 16
_MACROS = re.compile(rb"macroEnabled|vbaProject", re.IGNORECASE)
_ASKS_OTHERS = re.compile(r"^/?xl/(externalLinks/|connections\.xml|queryTables/|webextensions/)", re.IGNORECASE)
_ZEROS = re.compile(r"0{2,30}")

_SAVE_AGAIN = "Save it as “Excel workbook (.xlsx)”, or as “CSV UTF-8”, and choose that file."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workbook:
    """A workbook that has not been looked into yet."""

    content: bytes

    def lines(self) -> Iterator[Line]:
        """The rows of the first sheet that shows, those that are not blank. Dates and numbers stand as text.

        Streams. Raises `InvalidInput` with a sentence that says what to do.
        """
        if self.content.startswith(_OLD_OR_LOCKED):
            raise InvalidInput(f"This workbook is of an old kind, or has a password. {_SAVE_AGAIN}")
        if len(self.content) > MAXIMUM_BYTES:
            raise InvalidInput(f"This workbook is larger than {MAXIMUM_BYTES // 1024**2} MB. Split it.")
        try:
            with zipfile.ZipFile(io.BytesIO(self.content)) as parts:
                _look_through(parts)
            yield from _lines(self.content)
        except InvalidInput:
            raise
        except Exception as error:  # whatever a broken file makes the readers of ZIP and XML raise
            log.info("A workbook could not be read", extra={"error": type(error).__name__})
            raise InvalidInput(f"This workbook cannot be read. {_SAVE_AGAIN}") from None


def looks_like_one(start: bytes) -> bool:
    """Whether a file that begins so is a workbook, or wants to be one. Text never does."""
    return start.startswith((_PACKED, _OLD_OR_LOCKED))


def _look_through(parts: zipfile.ZipFile) -> None:
    """Unpack every part once, keeping nothing. Raises `InvalidInput`."""
    entries = parts.infolist()
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise InvalidInput(f"This is not an Excel workbook. {_SAVE_AGAIN}")
    # What a part says of its size is checked by `zipfile`: it gives no more than that.
    if len(entries) > MAXIMUM_PARTS or sum(entry.file_size for entry in entries) > MAXIMUM_UNPACKED_BYTES:
        raise _too_large()
    if any(name.casefold().endswith("vbaproject.bin") for name in names):
        raise _has_macros()
    if any(_ASKS_OTHERS.match(name) for name in names):
        raise InvalidInput(
            "This workbook takes some of its cells from elsewhere. Copy the rows into a new workbook as values, and "
            "choose that file."
        )
    tags = 0
    for entry in entries:
        with parts.open(entry) as part:
            before = b""
            while block := part.read(_BLOCK_BYTES):
                tags += block.count(b"<")
                if not before and b"\0" in block[:4]:
                    raise InvalidInput(f"This workbook cannot be read. {_SAVE_AGAIN}")  # UTF-16 would hide what follows
                seen = before + block
                if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                    raise InvalidInput(f"This workbook cannot be read. {_SAVE_AGAIN}")
                if entry.filename == "[Content_Types].xml" and _MACROS.search(seen):
                    raise _has_macros()
                before = seen[-16:]
        if tags > MAXIMUM_TAGS:
            raise _too_large()


def _lines(content: bytes) -> Iterator[Line]:
    from openpyxl import load_workbook  # here, so that only who reads a workbook waits for it

    warnings.filterwarnings("ignore", module="openpyxl")  # about parts that we do not look at, such as styles
    book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    try:
        sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise InvalidInput(f"This workbook has no sheet. {_SAVE_AGAIN}")
        sheet.reset_dimensions()  # what a file says of its size may be wrong, and would cut rows off
        cells_seen = 0
        for number, row in enumerate(sheet.iter_rows(), start=1):
            cells_seen += len(row)
            if number > _LAST_ROW or cells_seen > MAXIMUM_CELLS:
                raise _too_large()
            cells = [_shown(cell) for cell in row]
            while cells and not cells[-1].strip():
                cells.pop()
            if not cells:
                continue
            if number > MAXIMUM_ROWS:
                raise InvalidInput(f"This sheet goes beyond row {MAXIMUM_ROWS:,}. Split it into several files.")
            if len(cells) > MAXIMUM_COLUMNS:
                raise InvalidInput(f"Row {number:,} goes beyond column {MAXIMUM_COLUMNS}. Delete what is not needed.")
            yield number, cells
    finally:
        book.close()


def _shown(cell: Any) -> str:
    """What a cell says, as somebody would type it. Raises `InvalidInput` for a formula, and for an error."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise InvalidInput(
            f"Cell {cell.coordinate} has a formula. Copy the rows, paste them as “values only” into a new workbook, "
            "and choose that file."
        )
    if cell.data_type == "e":
        raise InvalidInput(f"Cell {cell.coordinate} shows an error. Mend it, save the workbook, and choose it again.")
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(timespec="seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.15g}"  # as many digits as a spreadsheet has
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    return str(value).replace("_x005F_", "_")  # how the format writes a “_” that would begin one of its own signs


def _too_large() -> InvalidInput:
    return InvalidInput("This workbook is too large when it is unpacked. Split it, or save it as “CSV UTF-8”.")


def _has_macros() -> InvalidInput:
    return InvalidInput(f"This workbook has macros. {_SAVE_AGAIN}")
