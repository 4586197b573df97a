"""A table as a file to download: CSV or an Excel workbook, written by `subscribers.sheets`."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from fastapi.responses import Response

from subscribers import sheets
from subscribers.sheets import Cell


class FileKind(StrEnum):
    """The end of the file's name."""

    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        return sheets.CSV if self is FileKind.CSV else sheets.XLSX

    def write(self, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
        return sheets.as_csv(headings, rows) if self is FileKind.CSV else sheets.as_workbook(headings, rows)


def answer(
    kind: FileKind, name: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]], **headers: str
) -> Response:
    """The file, called `name` and its kind. Further headers are given with underscores."""
    sent = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    sent |= {header.replace("_", "-"): value for header, value in headers.items()}
    return Response(kind.write(headings, rows), media_type=kind.media_type, headers=sent)
