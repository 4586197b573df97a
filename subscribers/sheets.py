"""Tables as they leave for a spreadsheet: as CSV text or as an Excel workbook, the same cells in both.

Text that a spreadsheet would take for a formula is made plain by `spreadsheets.neutral`, here and nowhere else. In a
workbook every text is a text by its type too, numbers are numbers and dates are dates. Workbooks are written by hand,
because a library would lay the sheet, with everybody's addresses, into a temporary file; and always in the same bytes.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TextIO
from xml.sax.saxutils import escape

from subscribers.spreadsheets import neutral

Cell = str | int | date | datetime | None

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: What no XML can carry.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: What a spreadsheet would read as another character.
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_MOST_CHARACTERS = 32_767
_DAY_ZERO = date(1899, 12, 30)
_DATE, _MOMENT, _HEADING = 1, 2, 3

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

#: Every part but the sheet.
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Sheet" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Arial"/></font><font><b/><sz val="11"/><name val="Arial"/>'
        '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}


def write_csv(file: TextIO, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as CSV. Streams."""
    writer = csv.writer(file)
    writer.writerow(headings)
    writer.writerows([_in_csv(cell) for cell in row] for row in rows)


def as_csv(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as a CSV file, with the mark that tells spreadsheets that it is UTF-8."""
    text = io.StringIO(newline="")
    write_csv(text, headings, rows)
    return text.getvalue().encode("utf-8-sig")


def as_workbook(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as a workbook (.xlsx) of one sheet, whose first row stays in sight. Moments are in UTC."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as parts:
        for name, content in _PARTS.items():
            parts.writestr(_entry(name), _XML + content, zipfile.ZIP_DEFLATED)
        entry = _entry("xl/worksheets/sheet1.xml")
        entry.compress_type = zipfile.ZIP_DEFLATED
        with parts.open(entry, "w") as sheet:
            for piece in _sheet(headings, rows):
                sheet.write(piece.encode())
    return packed.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """A part without the time of day, so that the same table is the same file."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _sheet(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{len(headings)}" width="24" customWidth="1"/></cols><sheetData><row>'
    )
    yield from (_text(heading, _HEADING) for heading in headings)
    yield "</row>"
    for row in rows:
        yield f"<row>{''.join(_in_workbook(cell) for cell in row)}</row>"
    yield "</sheetData></worksheet>"


def _in_csv(cell: Cell) -> str:
    if isinstance(cell, str):
        return neutral(_carried(cell))
    if isinstance(cell, date):  # moments are dates too
        return cell.isoformat()
    return "" if cell is None else str(cell)


def _in_workbook(cell: Cell) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, str):
        return _text(neutral(_carried(cell)))
    if isinstance(cell, datetime):
        moment = cell.astimezone(UTC)
        day = (moment.date() - _DAY_ZERO).days
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
        return f'<c s="{_MOMENT}"><v>{day + seconds / 86400!r}</v></c>'
    if isinstance(cell, date):
        return f'<c s="{_DATE}"><v>{(cell - _DAY_ZERO).days}</v></c>'
    return f"<c><v>{cell}</v></c>"


def _text(text: str, style: int = 0) -> str:
    said = escape(_ESCAPED.sub("_x005F_", text[:_MOST_CHARACTERS])).replace("\r", "&#13;")
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>'


def _carried(text: str) -> str:
    """The text without what no file can carry, so that both forms say the same."""
    return _IMPOSSIBLE.sub("", text)
