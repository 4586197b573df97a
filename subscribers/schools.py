"""The schools people choose from: the register "Get information about schools" (GIAS) of the Department for Education.

The register's file is read as it comes: Windows-1252, dozens of columns, among them head teachers' names and telephone
numbers, which are never looked at. Schools are chosen by local authority and status and never by phase, because special
schools and pupil referral units have the phase "Not applicable".
"""

import codecs
import csv
import io
import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput, NotFound
from subscribers.models import School
from subscribers.school_words import words_of

#: To be shown wherever schools are (Open Government Licence v3.0).
ATTRIBUTION = "Contains public sector information licensed under the Open Government Licence v3.0."

OPEN_STATUSES = frozenset({"Open", "Open, but proposed to close"})

#: The register's columns that are read, and where they go.
_TEXT_COLUMNS = {
    "EstablishmentName": "name",
    "TypeOfEstablishment (name)": "type_name",
    "PhaseOfEducation (name)": "phase_name",
    "Town": "town",
    "Postcode": "postcode",
}
_URN, _AUTHORITY, _STATUS = "URN", "LA (code)", "EstablishmentStatus (name)"
_ROWS_AT_ONCE = 500

log = logging.getLogger(__name__)


def import_register(session: Session, file: BinaryIO, *, local_authority_codes: set[int] | None) -> int:
    """Take in the register's "Establishment fields" CSV file, streaming, and return how many open schools it gave.

    Repeatable. Open schools of these local authorities (None: of all) are added or brought up to date; a school we know
    is followed when it is renamed, moves to another authority or closes. A closed one stays, because people said they
    work there, and is no longer offered; so does one that has gone from the register. `file` must be seekable.

    Raises `InvalidInput` when a column is missing, a line cannot be read, or there is no open school at all, which
    would empty the form.
    """
    known = dict(session.exec(select(School.urn, School.local_authority_code)).all())
    missing = {urn for urn, code in known.items() if local_authority_codes is None or code in local_authority_codes}
    count = 0
    batch: dict[int, dict[str, Any]] = {}
    for school in _rows(file):
        urn = school["urn"]
        missing.discard(urn)
        is_ours = local_authority_codes is None or school["local_authority_code"] in local_authority_codes
        if urn in known or (is_ours and school["is_open"]):
            count += is_ours and school["is_open"] and urn not in batch
            batch[urn] = school
        if len(batch) >= _ROWS_AT_ONCE:
            _store(session, batch)
            batch = {}
    _store(session, batch)
    if not count:
        raise InvalidInput(
            "This file has no open school of these local authorities. Check the local authority codes, and that the "
            "file is the whole “Establishment fields” download."
        )
    gone = sorted(missing)
    for start in range(0, len(gone), _ROWS_AT_ONCE):
        session.exec(
            sa.update(School)
            .where(col(School.urn).in_(gone[start : start + _ROWS_AT_ONCE]), col(School.is_open).is_(True))
            .values(is_open=False)
        )
    log.info("The school register was imported", extra={"open_schools": count, "gone": len(gone)})
    return count


def open_schools(session: Session) -> list[School]:
    """Every school that can be chosen, by name."""
    return list(
        session.exec(select(School).where(col(School.is_open).is_(True)).order_by(col(School.name), col(School.urn)))
    )


def by_urn(session: Session, urn: int) -> School:
    """The school with this number in the register, open or closed. Raises `NotFound`."""
    school = session.get(School, urn) if 0 < urn < 2**31 else None
    if school is None:
        raise NotFound("There is no school with this number in the register we have.")
    return school


def _rows(file: BinaryIO) -> Iterator[dict[str, Any]]:
    encoding = "utf-8" if file.read(3) == codecs.BOM_UTF8 else "cp1252"
    file.seek(3 if encoding == "utf-8" else 0)
    # Some bytes mean nothing in Windows-1252, and the register is known to hold them: a sign is lost, not a school.
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        reader = csv.DictReader(text)
        lacking = [
            name for name in (_URN, _AUTHORITY, _STATUS, *_TEXT_COLUMNS) if name not in (reader.fieldnames or ())
        ]
        if lacking:
            raise InvalidInput(
                "This is not the register's “Establishment fields” file: it has no column " + ", ".join(lacking) + "."
            )
        for row in reader:
            yield _school(row, reader.line_num)
    except csv.Error as error:
        raise InvalidInput(f"Line {reader.line_num + 1} of the register cannot be read: {error}.") from None
    finally:
        text.detach()  # the file belongs to the caller


def _school(row: dict[str, str | None], line: int) -> dict[str, Any]:
    try:
        urn, authority = int(row[_URN] or ""), int(row[_AUTHORITY] or 0)
    except ValueError:
        raise InvalidInput(f"Line {line} of the register has no number in the column {_URN} or {_AUTHORITY}.") from None
    if not 0 < urn < 2**31 or not 0 <= authority < 2**31:
        raise InvalidInput(f"Line {line} of the register has an impossible number for a school or its authority.")
    texts = {field: _tidy(row[column], field) for column, field in _TEXT_COLUMNS.items()}
    is_open = (row[_STATUS] or "").strip() in OPEN_STATUSES and bool(texts["name"])
    words = words_of(texts["name"], texts["town"], texts["postcode"])
    return {"urn": urn, "local_authority_code": authority, "is_open": is_open, "words": words, **texts}


def _tidy(text: str | None, field: str) -> str:
    length = School.__table__.c[field].type.length  # type: ignore[attr-defined]
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())[:length]


def _store(session: Session, batch: dict[int, dict[str, Any]]) -> None:
    if not batch:
        return
    statement = insert(session, School).values(list(batch.values()))
    fields = ("local_authority_code", "is_open", "words", *_TEXT_COLUMNS.values())
    session.exec(
        statement.on_conflict_do_update(
            index_elements=["urn"], set_={field: statement.excluded[field] for field in fields}
        )
    )
