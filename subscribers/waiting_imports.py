"""An import in two steps: a file is tried, then waits, sealed, until whoever brought it decides.

A file waits for less than an hour and goes as soon as it was taken in; what came of it stays readable for as long. Only
who brought a file can see it or decide about it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.errors import NotFound, WrongState
from subscribers import importing, spreadsheets
from subscribers.importing import ImportReport, RowResult
from subscribers.models import WaitingImport

#: The clock looks every five minutes: together less than an hour.
KEPT_FOR = timedelta(minutes=50)
#: Rows that something is the matter with are shown up to this many.
SHOWN_ROWS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file that was not, or would not be, taken in. Never holds an address."""

    line: int
    result: RowResult
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What became, or would become, of the rows."""

    counts: Mapping[RowResult, int]
    first_left_out: list[Row]
    more_left_out: int

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    @property
    def imported(self) -> int:
        return self.counts.get(RowResult.IMPORTED, 0)


def bring(
    session: Session,
    crypto: Crypto,
    content: bytes,
    *,
    mailing_list_id: int,
    already_confirmed: bool,
    staff_id: int,
    now: datetime,
) -> WaitingImport:
    """Try a file (`importing.import_file`, dry) and keep it for the decision. A file of theirs that still waits goes.

    Raises `InvalidInput` when the file as a whole cannot be read, `NotFound` for the list.
    """
    text = spreadsheets.put_away(spreadsheets.decoded(content))
    report = _run(session, crypto, text, mailing_list_id, already_confirmed, now, dry_run=True)
    session.exec(sa.delete(WaitingImport).where(col(WaitingImport.staff_id) == staff_id))
    row = WaitingImport(
        mailing_list_id=mailing_list_id,
        staff_id=staff_id,
        already_confirmed=already_confirmed,
        file_sealed=crypto.encrypt(text),
        report=_written(report),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def find(session: Session, import_id: int, *, staff_id: int, now: datetime, for_update: bool = False) -> WaitingImport:
    """The file with this id, of this member of staff. Raises `NotFound`, also when it has had its time."""
    query = select(WaitingImport).where(
        col(WaitingImport.id) == import_id,
        col(WaitingImport.staff_id) == staff_id,
        col(WaitingImport.created_at) > now - KEPT_FOR,
    )
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.exec(query).first()
    if row is None:
        raise NotFound("This file is gone: a file is kept for less than an hour. Choose it again.")
    return row


def take_in(session: Session, crypto: Crypto, import_id: int, *, staff_id: int, now: datetime) -> ImportReport:
    """Import a file that waits, and forget it. Raises `NotFound`, `WrongState` when it was taken in before."""
    row = find(session, import_id, staff_id=staff_id, now=now, for_update=True)
    if row.file_sealed is None:
        raise WrongState("This file was taken in already.")
    text = crypto.decrypt(row.file_sealed)
    report = _run(session, crypto, text, row.mailing_list_id, row.already_confirmed, now, dry_run=False)
    row.file_sealed, row.report = None, _written(report)
    session.add(row)
    session.flush()
    return report


def put_aside(session: Session, import_id: int, *, staff_id: int, now: datetime) -> WaitingImport:
    """Forget a file that waits. Raises `NotFound`."""
    row = find(session, import_id, staff_id=staff_id, now=now, for_update=True)
    session.delete(row)
    session.flush()
    return row


def summary_of(row: WaitingImport) -> Summary:
    """What the trial, or the import, said."""
    read = json.loads(row.report)
    return Summary(
        counts={RowResult(name): number for name, number in read["counts"].items()},
        first_left_out=[Row(line, RowResult(result), reason) for line, result, reason in read["left_out"]],
        more_left_out=read["more"],
    )


def forget(session: Session, *, now: datetime) -> int:
    """Delete what has waited long enough; how many. Repeatable."""
    old = sa.delete(WaitingImport).where(col(WaitingImport.created_at) <= now - KEPT_FOR)
    return session.exec(old).rowcount


def _run(
    session: Session,
    crypto: Crypto,
    text: str,
    mailing_list_id: int,
    already_confirmed: bool,
    now: datetime,
    *,
    dry_run: bool,
) -> ImportReport:
    return importing.import_file(
        session,
        crypto,
        mailing_list_id=mailing_list_id,
        file=spreadsheets.taken_out(text),
        already_confirmed=already_confirmed,
        now=now,
        dry_run=dry_run,
    )


def _written(report: ImportReport) -> str:
    left_out = [row for row in report.rows if row.result is not RowResult.IMPORTED]
    shown = [(row.line, row.result.value, row.reason) for row in left_out[:SHOWN_ROWS]]
    counts = {result.value: number for result, number in report.counts.items()}
    return json.dumps({"counts": counts, "left_out": shown, "more": len(left_out) - len(shown)})
