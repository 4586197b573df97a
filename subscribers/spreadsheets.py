"""CSV as it really comes out of spreadsheets, and as it may safely go into one.

In: byte-order marks, Windows-1252, semicolons, headings in any case, a `sep=` line. Out: a cell that a spreadsheet
would take for a formula gets an apostrophe in front, which is taken off again on the way in.
"""

import codecs
import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from newsletter.core.errors import InvalidInput

_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_BLOCK_BYTES = 1 << 16
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def open_text(path: Path) -> TextIO:
    """Open a file that a spreadsheet saved as text, in whatever encoding it chose: UTF-16 or UTF-8 by its mark, UTF-8
    where all of it is, else Windows-1252. The caller closes it."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(_UTF_16):
            return path.open(encoding="utf-16", newline="")
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while block := file.read(_BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return path.open(encoding="cp1252", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def decoded(content: bytes) -> TextIO:
    """What `open_text` gives, of a file that is in memory. Raises `InvalidInput` for a workbook, or broken UTF-16."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InvalidInput("This is a workbook. In your spreadsheet choose “Save as”, then “CSV UTF-8”.")
    for encoding in ("utf-16",) if content.startswith(_UTF_16) else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding, "replace" if encoding == "cp1252" else "strict")
        except UnicodeDecodeError:
            continue
        return io.StringIO(text, newline="")
    raise InvalidInput("The file is not text. Save it as “CSV UTF-8”.")


def read(file: TextIO, *, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Each row that is not blank, with its line number: cells by heading (lower case, spaces as underscores), trimmed.
    None for a row with more cells than there are headings, as text with a comma and no quotation marks gives.

    Streams. Raises `InvalidInput` when a required heading is missing or the file is no CSV text.
    """
    try:
        first_line, skipped = file.readline(_BLOCK_BYTES).removeprefix("\ufeff"), 0
        if first_line.casefold().startswith("sep="):
            first_line, skipped = file.readline(_BLOCK_BYTES), 1
    except UnicodeError:
        raise InvalidInput("The file is not text. Save it as “CSV UTF-8”.") from None
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(itertools.chain([first_line], file), delimiter=delimiter)
    try:
        headings = [_heading(cell) for cell in next(reader, [])]
        _check(headings, required)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            too_many = any(cell.strip() for cell in cells[len(headings) :])
            row = None if too_many else {name: plain(cell.strip()) for name, cell in zip(headings, cells, strict=False)}
            yield reader.line_num + skipped, row
    except (csv.Error, UnicodeError):
        raise InvalidInput(
            f"The file cannot be read from line {reader.line_num + skipped + 1} on. Save it as “CSV UTF-8”."
        ) from None


def neutral(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if _looks_like_formula(text) else text


def plain(text: str) -> str:
    """Undo `neutral`."""
    return text[1:] if text.startswith("'") and _looks_like_formula(text) else text


def _looks_like_formula(text: str) -> bool:
    return text.lstrip("'").lstrip(" ")[:1] in _FORMULA_STARTS if text else False


def _heading(cell: str) -> str:
    name = "_".join(cell.casefold().replace("-", " ").replace("_", " ").split())
    return {"e_mail": "email", "email_address": "email", "e_mail_address": "email"}.get(name, name)


def _check(headings: list[str], required: Sequence[str]) -> None:
    # What the file has instead is not repeated: without headings its first line is somebody's address.
    lacking = [name for name in required if name not in headings]
    if lacking:
        raise InvalidInput(f"The first line must name the columns; there is no column {', '.join(lacking)}.")
    named = [name for name in headings if name]
    if len(named) != len(set(named)):
        raise InvalidInput("Two columns have the same name. Name each column once.")
