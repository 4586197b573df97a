"""Writes the whole database into one file that both kinds of database can be restored from.

The file is a zip archive: one member of JSON lines for each table, and `manifest.json` with the time, the form of the
tables, a fingerprint of the secret, and for each member its number of rows and its SHA-256. All rows are read in one
snapshot while the product goes on running, and never more than a page of them is in memory. The secret itself is not in
it; addresses stay sealed.
"""

import base64
import enum
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from newsletter import migrating
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.tables import metadata

#: Version of the layout of the archive.
FORMAT = 1
MANIFEST = "manifest.json"
PAGE = 1000
#: Of rows that may each be as large as a picture.
LARGE_PAGE = 50


def write(runtime: Runtime, file: Path) -> int:
    """Write a backup; the number of rows in it. The file appears under its name when it is whole.

    Raises `WrongState` when the file exists already.
    """
    if file.exists():
        raise WrongState(f"{file} exists already. Choose another name, or move it away.")
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with (
                zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
                _snapshot(runtime) as rows,
            ):
                count = _write(runtime, archive, rows)
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def fingerprint(runtime: Runtime) -> str:
    """What tells two secrets apart and reveals neither."""
    return runtime.crypto.derive("fingerprint of the secret", 16).hex()


def page_length(table: sa.Table) -> int:
    """How many rows of the table are held in memory at once."""
    return LARGE_PAGE if table.name == "picture" else PAGE


def member(table: sa.Table) -> str:
    """The name of a table's member of the archive."""
    return f"{table.name}.jsonl"


def _snapshot(runtime: Runtime) -> Connection:
    """A connection whose reads all see one moment, without holding up anybody who writes."""
    if runtime.db.is_sqlite:
        return runtime.db.engine.execution_options(reading=True).connect()
    return runtime.db.engine.execution_options(isolation_level="REPEATABLE READ").connect()


def _write(runtime: Runtime, archive: zipfile.ZipFile, connection: Connection) -> int:
    revision, made_at = migrating.current_on(connection), runtime.clock.now()
    members: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        digest, count = hashlib.sha256(), 0
        with archive.open(member(table), "w", force_zip64=True) as lines:
            for line in _lines(connection, table):
                digest.update(line)
                lines.write(line)
                count += 1
        members[table.name] = {
            "columns": [column.name for column in table.columns],
            "rows": count,
            "sha256": digest.hexdigest(),
        }
    manifest = {
        "format": FORMAT,
        "product": "send-newsletter",
        "made_at": made_at.isoformat(),
        "revision": revision,
        "secret_fingerprint": fingerprint(runtime),
        "secret_included": False,
        "tables": members,
    }
    archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return sum(found["rows"] for found in members.values())


def _lines(connection: Connection, table: sa.Table) -> Iterator[bytes]:
    rows = connection.execution_options(stream_results=True, yield_per=page_length(table)).execute(
        sa.select(table).order_by(*table.primary_key.columns)
    )
    for row in rows:
        yield json.dumps([_plain(value) for value in row], ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value
