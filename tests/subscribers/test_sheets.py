"""What goes out to a spreadsheet: no text in it is a formula, and numbers and dates are what they are."""

import csv
import io
import tempfile
from datetime import UTC, date, datetime, timedelta, timezone

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers import sheets, spreadsheets
from subscribers.sheets import Cell

HEADINGS = ("name", "number")
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

#: What might be typed to make a spreadsheet reckon.
names = st.text(max_size=60) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " ", "'", "''", "\x00", "\x01", "_x003D_"]),
    st.sampled_from(STARTS),
    st.sampled_from(["1+1", "cmd|' /C calc'!A0", 'HYPERLINK("https://evil.example.org")', "SUM(A1:A9)", "{1}", ""]),
)


def opened(content: bytes) -> list[list[tuple[str, object]]]:
    """Type and value of every cell, as another program sees them."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert len(book.worksheets) == 1
    return [[(cell.data_type, cell.value) for cell in row] for row in book.worksheets[0].iter_rows()]


@given(st.lists(names, min_size=1, max_size=4))
def test_no_cell_of_either_file_is_a_formula_and_each_text_comes_back(texts: list[str]) -> None:
    rows = [(text, 1) for text in texts]
    kept = [sheets._IMPOSSIBLE.sub("", text) for text in texts]
    workbook = opened(sheets.as_workbook(HEADINGS, rows))[1:]
    text_file = list(csv.reader(io.StringIO(sheets.as_csv(HEADINGS, rows).decode("utf-8-sig"), newline="")))[1:]
    for text, (name, number), in_csv in zip(kept, workbook, text_file, strict=True):
        assert number == ("n", 1)
        assert name[0] in ("s", "n")
        said = str(name[1] or "").replace("_x005F_", "_")  # as spreadsheets read it; this reader leaves it
        for cell in (said, in_csv[0]):
            assert not cell.startswith(STARTS)
            assert not cell.lstrip(" ").startswith(STARTS)
        assert in_csv[0] == spreadsheets.neutral(text)
        assert said == spreadsheets.neutral(text)
        assert spreadsheets.plain(said) == text


def test_numbers_and_dates_are_what_they_are() -> None:
    moment = datetime(2026, 11, 3, 9, 30, 15, tzinfo=UTC)
    rows: list[tuple[Cell, ...]] = [
        (5, date(2026, 11, 3)),
        (None, moment),
        (-7, moment.astimezone(timezone(timedelta(hours=5)))),
    ]
    assert opened(sheets.as_workbook(HEADINGS, rows)) == [
        [("s", "name"), ("s", "number")],
        [("n", 5), ("d", datetime.fromisoformat("2026-11-03"))],
        [("n", None), ("d", datetime.fromisoformat("2026-11-03T09:30:15"))],
        [("n", -7), ("d", datetime.fromisoformat("2026-11-03T09:30:15"))],
    ]
    assert sheets.as_csv(HEADINGS, rows[:2]).decode("utf-8-sig").splitlines() == [
        "name,number",
        "5,2026-11-03",
        ",2026-11-03T09:30:15+00:00",
    ]


def test_a_workbook_touches_no_disk_and_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_disk(*_args: object, **_more: object) -> None:
        raise AssertionError("Addresses would lie on the disk.")

    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "SpooledTemporaryFile"):
        monkeypatch.setattr(tempfile, name, no_disk)
    rows = [("é" * 40_000, 1)] * 3
    first = sheets.as_workbook(HEADINGS, rows)
    assert first == sheets.as_workbook(HEADINGS, iter(rows))
    assert opened(first)[1][0] == ("s", "é" * 32_767)


def test_an_empty_table_has_its_headings() -> None:
    assert opened(sheets.as_workbook(HEADINGS, [])) == [[("s", "name"), ("s", "number")]]
