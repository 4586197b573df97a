"""Files as they really come out of spreadsheets, and text as it may safely go into one.

In: Excel workbooks (`subscribers.workbooks`), and CSV with byte-order marks, Windows-1252, semicolons, headings in any
case, a `sep=` line. Out (`subscribers.sheets`): a cell that a spreadsheet would take for a formula gets an apostrophe
in front, which is taken off again on the way in.
"""

import codecs
import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from newsletter.core.errors import InvalidInput
from subscribers import workbooks
from subscribers.workbooks import Line, Workbook

#: A file that may be read.
File = TextIO | Workbook

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


@contextmanager
def opened(path: Path) -> Iterator[File]:
    """A file that a spreadsheet saved, as a workbook or as text."""
    with path.open("rb") as file:
        is_workbook = workbooks.looks_like_one(file.read(4))
        file.seek(0)
        content = file.read(workbooks.MAXIMUM_BYTES + 1) if is_workbook else b""
    if is_workbook:
        yield Workbook(content)
        return
    with open_text(path) as text:
        yield text


def decoded(content: bytes) -> File:
    """What `opened` gives, of a file that is in memory. Raises `InvalidInput` for broken UTF-16."""
    if workbooks.looks_like_one(content):
        return Workbook(content)
    for encoding in ("utf-16",) if content.startswith(_UTF_16) else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding, "replace" if encoding == "cp1252" else "strict")
        except UnicodeDecodeError:
            continue
        return io.StringIO(text, newline="")
    raise InvalidInput("The file is not text. Save it as “CSV UTF-8”.")


def put_away(file: File) -> str:
    """The whole file as text that can be kept: a workbook as a character for each of its bytes."""
    return file.content.decode("latin-1") if isinstance(file, Workbook) else file.read()


def taken_out(kept: str) -> File:
    """The file that `put_away` made text of. Text of a person never begins as a workbook does: `decoded` saw to it."""
    start = kept[:4].encode("latin-1", "replace")
    return Workbook(kept.encode("latin-1")) if workbooks.looks_like_one(start) else io.StringIO(kept, newline="")


def read(file: File, *, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Each row that is not blank, with its line number: cells by heading (lower case, spaces as underscores), trimmed.
    None for a row with more cells than there are headings, as text with a comma and no quotation marks gives.

    Streams. Raises `InvalidInput` when a required heading is missing, or the file can be read as neither.
    """
    lines = file.lines() if isinstance(file, Workbook) else _lines(file)
    headings = [_heading(cell) for cell in next(lines, (0, []))[1]]
    _check(headings, required)
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        too_many = any(cell.strip() for cell in cells[len(headings) :])
        row = None if too_many else {name: plain(cell.strip()) for name, cell in zip(headings, cells, strict=False)}
        yield number, row


def _lines(file: TextIO) -> Iterator[Line]:
    """The rows of a CSV file, each with the number of its last line, its headings first."""
    try:
        first_line, skipped = file.readline(_BLOCK_BYTES).removeprefix("\ufeff"), 0
        if first_line.casefold().startswith("sep="):
            first_line, skipped = file.readline(_BLOCK_BYTES), 1
    except UnicodeError:
        raise InvalidInput("The file is not text. Save it as “CSV UTF-8”.") from None
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(itertools.chain([first_line], file), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
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
