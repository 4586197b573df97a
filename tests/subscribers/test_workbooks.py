"""Workbooks as people bring them in: as they are meant, and as they might be made to do harm."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from subscribers import importing, spreadsheets, workbooks
from subscribers.importing import RowResult
from subscribers.workbooks import Workbook
from tests.subscribers.conftest import make_lists
from tests.subscribers.test_importing import results

HEADINGS = ("Email", "Consent date", "Wording", "Source")


def made(*rows: Iterable[object], change: Callable[[Any], object] | None = None) -> bytes:
    """A workbook as a spreadsheet saves it."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    if change:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def packed(content: bytes, **parts: str | bytes | None) -> bytes:
    """The workbook with other parts: their names have two underscores for a slash."""
    wanted = {name.replace("__", "/").replace("_dot_", "."): part for name, part in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in wanted:
                new.writestr(name, old.read(name))
        for name, part in wanted.items():
            if part is not None:
                new.writestr(name, part)
    return out.getvalue()


def sheet(rows: str) -> bytes:
    """A workbook whose sheet is written by hand."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
    return packed(made(["email"]), xl__worksheets__sheet1_dot_xml=text)


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def lines(content: bytes) -> list[tuple[int, list[str]]]:
    return list(Workbook(content).lines())


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        lines(content)
    return str(refused.value)


def test_cells_are_read_as_they_are_shown() -> None:
    def change(book: Any) -> None:
        book.active["A3"].number_format = "000000"
        book.active["B2"].number_format = "dd/mm/yyyy"

    content = made(
        ["email", "when", "number"],
        ["one@example.org", datetime.fromisoformat("2025-03-31"), 100001],
        [1234, datetime.fromisoformat("2025-03-31T12:30"), 1.5],
        [True, date(2025, 3, 31), 100001.0],
        [],
        ["last@example.org"],
        change=change,
    )
    assert lines(content) == [
        (1, ["email", "when", "number"]),
        (2, ["one@example.org", "2025-03-31", "100001"]),
        (3, ["001234", "2025-03-31T12:30:00", "1.5"]),
        (4, ["TRUE", "2025-03-31", "100001"]),
        (6, ["last@example.org"]),
    ]


def test_the_first_sheet_that_shows_is_read_whatever_it_says_of_its_size() -> None:
    def change(book: Any) -> None:
        book.active.sheet_state = "hidden"
        other = book.create_sheet("People")
        for text in ("email", "one@example.org", "two@example.org"):
            other.append([text])

    assert lines(made(["secret"], change=change)) == [
        (1, ["email"]),
        (2, ["one@example.org"]),
        (3, ["two@example.org"]),
    ]
    content = made(["email"], ["one@example.org"], ["two@example.org"])
    text = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    lying = packed(content, xl__worksheets__sheet1_dot_xml=text.replace('ref="A1:A3"', 'ref="A1:A1"'))
    assert len(lines(lying)) == 3


def test_text_that_looks_like_a_formula_is_text() -> None:
    assert lines(sheet(f'<row r="1">{cell("A1", "=1+1")}</row>')) == [(1, ["=1+1"])]


def test_a_formula_is_refused_and_its_place_is_said() -> None:
    said = refusal(made(["email"], ["one@example.org"], ['=CONCATENATE("two","@example.org")']))
    assert "Cell A3 has a formula" in said
    assert "values only" in said
    cached = '<row r="1"><c r="B1" t="str"><f>1+1</f><v>kept@example.org</v></c></row>'
    assert "Cell B1 has a formula" in refusal(sheet(cached))
    assert "Cell A1 shows an error" in refusal(sheet('<row r="1"><c r="A1" t="e"><v>#REF!</v></c></row>'))


def test_macros_and_cells_from_elsewhere_are_refused() -> None:
    plain = made(["email"])
    types = zipfile.ZipFile(io.BytesIO(plain)).read("[Content_Types].xml").decode()
    enabled = types.replace(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    )
    assert enabled != types
    assert "has macros" in refusal(packed(plain, **{"[Content_Types]_dot_xml": enabled}))
    assert "has macros" in refusal(packed(plain, xl__vbaProject_dot_bin=b"\x00"))
    for part in ("xl__externalLinks__externalLink1_dot_xml", "xl__connections_dot_xml"):
        assert "takes some of its cells from elsewhere" in refusal(packed(plain, **{part: "<a/>"}))


def test_old_locked_and_other_files_are_refused() -> None:
    assert "of an old kind, or has a password" in refusal(b"\xd0\xcf\x11\xe0" + bytes(600))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "not an Excel workbook" in refusal(other.getvalue())
    assert "cannot be read" in refusal(made(["email"])[:-200])
    assert "larger than 4 MB" in refusal(b"PK\x03\x04" + bytes(workbooks.MAXIMUM_BYTES))


def test_a_bomb_does_not_go_off() -> None:
    plain = made(["email"])
    bomb = packed(plain, xl__media__picture_dot_png=bytes(workbooks.MAXIMUM_UNPACKED_BYTES))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert "too large when it is unpacked" in refusal(bomb)
        assert "too large when it is unpacked" in refusal(sheet("<row/>" * (workbooks.MAXIMUM_TAGS + 1)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120 * 1024**2  # most of it is what this test writes
    many = packed(plain, **{f"part{number}": b"" for number in range(workbooks.MAXIMUM_PARTS)})
    assert "too large" in refusal(many)


def test_entities_are_not_worked_out() -> None:
    nested = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'
    for text in (nested.encode(), nested.encode("utf-16"), b" " * (1 << 16) + nested.encode()):
        assert "cannot be read" in refusal(packed(made(["email"]), xl__sharedStrings_dot_xml=text))
    # In the middle of two blocks, too.
    assert "cannot be read" in refusal(packed(made(["x"]), a_dot_xml=b" " * ((1 << 16) - 4) + nested.encode()))


def test_rows_and_columns_have_an_end() -> None:
    late = f'<row r="1">{cell("A1", "email")}</row><row r="{{0}}"><c r="A{{0}}" t="b"><v>1</v></c></row>'
    assert len(lines(sheet(late.format(workbooks.MAXIMUM_ROWS)))) == 2
    assert "goes beyond row 50,000" in refusal(sheet(late.format(workbooks.MAXIMUM_ROWS + 1)))
    assert "too large" in refusal(sheet(late.format("999999999999")))
    assert "goes beyond column 100" in refusal(sheet(f'<row r="1">{cell("ZZ1", "x")}</row>'))


def test_a_cell_at_the_far_right_of_very_many_rows_keeps_nobody_busy() -> None:
    """Each such row is thousands of cells for whoever reads it, in a file of some kilobytes; blank rows count too."""
    rows = "".join(f'<row r="{number}"><c r="XFD{number}"/></row>' for number in range(1, 20_001))
    content = sheet(f'<row r="1">{cell("A1", "email")}</row>{rows}')
    assert len(content) < 200_000
    assert "too large" in refusal(content)
    few = "".join(f'<row r="{number}"><c r="XFD{number}"/></row>' for number in range(2, 5))
    assert lines(sheet(f'<row r="1">{cell("A1", "email")}</row>{few}')) == [(1, ["email"])]


@given(st.binary(max_size=300))
def test_whatever_is_sent_it_is_refused_in_words(content: bytes) -> None:
    for start in (b"PK\x03\x04", b""):
        with pytest.raises(InvalidInput):
            lines(start + content)


ONE = made(["email"], ["one@example.org"])


@given(st.data())
def test_a_workbook_that_was_damaged_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(ONE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    with suppress(InvalidInput):
        lines(bytes(content))


def test_people_come_in_from_a_workbook(sqlite_runtime: Runtime, tmp_path: Path) -> None:
    both = make_lists(sqlite_runtime)
    path = tmp_path / "people.xlsx"
    path.write_bytes(
        made(
            HEADINGS,
            ["one@example.org", datetime.fromisoformat("2025-03-31"), "Yes\nplease", "paper form"],
            ["no address", "31/03/2025", "Yes", "paper form"],
            [],
            ["two@example.org", "31/03/2025", "Yes", "paper form"],
        )
    )
    with spreadsheets.opened(path) as file, sqlite_runtime.db.transaction() as session:
        report = importing.import_file(
            session,
            sqlite_runtime.crypto,
            mailing_list_id=both.parents,
            file=file,
            already_confirmed=True,
            now=sqlite_runtime.clock.now(),
            dry_run=False,
        )
    assert results(report) == [RowResult.IMPORTED, RowResult.INVALID, RowResult.IMPORTED]
    assert [outcome.line for outcome in report.rows] == [2, 3, 5]


@given(st.text(max_size=50))
def test_a_file_that_was_put_away_is_taken_out_again(text: str) -> None:
    for content in (text.encode(), text.encode("utf-16"), ONE):
        if workbooks.looks_like_one(content):
            kept = spreadsheets.put_away(spreadsheets.decoded(content))
            assert spreadsheets.taken_out(kept) == Workbook(content)
            continue
        file = spreadsheets.decoded(content)
        assert not isinstance(file, Workbook)
        said = file.getvalue()  # type: ignore[attr-defined]
        again = spreadsheets.taken_out(spreadsheets.put_away(file))
        assert not isinstance(again, Workbook)
        assert again.read() == said
