"""Bringing people in from a file, each with the evidence of their consent, and taking a list out again.

Streams in both directions: the file is never held in memory, only one small outcome per row. Whoever is on the list
already, has left it or must not be mailed is skipped and counted; nobody who left comes back through a spreadsheet.
"""

import enum
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput
from subscribers import lists, spreadsheets
from subscribers.exporting import export_rows as export_rows
from subscribers.identity import mail_key
from subscribers.import_rows import MissingEvidence, Person, RowReader
from subscribers.models import Attempt, Consent, MailingList, Subscriber, SubscriberState
from subscribers.spreadsheets import open_text as open_text
from subscribers.suppression import blocks

ROWS_AT_ONCE = 500

log = logging.getLogger(__name__)


class RowResult(enum.StrEnum):
    """What became of one row."""

    IMPORTED = "imported"
    ALREADY_THERE = "already there"
    SUPPRESSED = "suppressed"  # must not be mailed, or has left
    INVALID = "invalid"
    MISSING_EVIDENCE = "missing evidence"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """One line of the file and what became of it. Never holds an address."""

    line: int
    result: RowResult
    reason: str = ""


@dataclass(slots=True)
class ImportReport:
    """Every row's outcome in the order of the file, how many of each, and who needs a confirmation letter."""

    rows: list[RowOutcome] = field(default_factory=list)
    counts: Counter[RowResult] = field(default_factory=Counter)
    to_confirm: list[int] = field(default_factory=list)


def import_file(
    session: Session,
    crypto: Crypto,
    *,
    mailing_list_id: int,
    file: spreadsheets.File,
    already_confirmed: bool,
    now: datetime,
    dry_run: bool,
) -> ImportReport:
    """Bring in the rows of a CSV file or workbook with the columns email, consent_date, wording, source and, for
    professionals, role, setting (name, or number in the school register) and phase.

    People come in pending, to be sent a confirmation letter (`to_confirm`). With `already_confirmed`, for a list that
    moves here from another system, they come in confirmed, and every row must carry all three pieces of evidence; its
    wording is kept as a version of its own. `dry_run` does the very same work and undoes it. Repeatable: the second
    time everybody is there already. Open the file with `spreadsheets.opened`.

    Raises `InvalidInput` when the file as a whole cannot be read, `NotFound` for the list.
    """
    mailing_list = lists.by_id(session, mailing_list_id)
    lists.current_wording(session, mailing_list_id)
    run = _Import(session, crypto, mailing_list, already_confirmed, now)
    with session.begin_nested() as savepoint:
        batch: list[tuple[int, dict[str, str] | None]] = []
        for numbered in spreadsheets.read(file, required=("email",)):
            batch.append(numbered)
            if len(batch) >= ROWS_AT_ONCE:
                run.take(batch)
                batch = []
        run.take(batch)
        if dry_run:
            savepoint.rollback()
            run.report.to_confirm.clear()
    log.info(
        "A file was imported",
        extra={"mailing_list_id": mailing_list_id, "dry_run": dry_run, "counts": dict(run.report.counts)},
    )
    return run.report


class _Import:
    """One run over one file: takes rows by the batch and reports on them."""

    def __init__(
        self, session: Session, crypto: Crypto, mailing_list: MailingList, already_confirmed: bool, now: datetime
    ) -> None:
        assert mailing_list.id is not None
        self.session = session
        self.crypto = crypto
        self.list_id = mailing_list.id
        self.already_confirmed = already_confirmed
        self.now = now
        self.report = ImportReport()
        self._wordings: dict[bytes, int] = {}
        self._rows = RowReader(session, crypto, mailing_list, already_confirmed, now)

    def take(self, batch: list[tuple[int, dict[str, str] | None]]) -> None:
        outcomes: list[RowOutcome] = []
        people: dict[bytes, Person] = {}
        for line, cells in batch:
            try:
                person = self._rows.read(line, cells)
            except MissingEvidence as error:
                outcomes.append(RowOutcome(line, RowResult.MISSING_EVIDENCE, str(error)))
            except InvalidInput as error:
                outcomes.append(RowOutcome(line, RowResult.INVALID, str(error)))
            else:
                if person.address_hash in people:
                    outcomes.append(RowOutcome(line, RowResult.ALREADY_THERE, "An earlier line has the same address"))
                people.setdefault(person.address_hash, person)
        outcomes += self._skip(people)
        outcomes += self._add(people)
        self.report.rows += sorted(outcomes, key=lambda outcome: outcome.line)
        self.report.counts.update(outcome.result for outcome in outcomes)

    def _skip(self, people: dict[bytes, Person]) -> list[RowOutcome]:
        """Take out of `people` whoever must not be mailed."""
        if not people:
            return []
        blocked = blocks(self.session, [person.suppression_hash for person in people.values()], now=self.now)
        skipped = [people.pop(key) for key, person in list(people.items()) if person.suppression_hash in blocked]
        return [RowOutcome(person.line, RowResult.SUPPRESSED, "Must not be mailed") for person in skipped]

    def _add(self, people: dict[bytes, Person]) -> list[RowOutcome]:
        if not people:
            return []
        # Straight to the connection: the statement is compiled once and not for every batch, which is most of the time.
        connection = self.session.connection()
        added: Iterable[Any] = connection.execute(
            insert(self.session, Subscriber)
            .on_conflict_do_nothing(index_elements=["mailing_list_id", "address_hash"])
            .returning(col(Subscriber.address_hash).label("address_hash"), col(Subscriber.id).label("id")),
            [self._subscriber(person) for person in people.values()],
        )
        ids = {row.address_hash: row.id for row in added}
        new = [(id_, people.pop(key)) for key, id_ in ids.items()]
        if new:
            connection.execute(sa.insert(Consent), [self._consent(id_, person) for id_, person in new])
        if new and not self.already_confirmed:
            self.report.to_confirm += ids.values()
            letters = [{"key_hash": mail_key(id_), "at": self.now} for id_ in ids.values()]
            connection.execute(sa.insert(Attempt), letters)
        return [RowOutcome(person.line, RowResult.IMPORTED) for _, person in new] + self._there(people)

    def _there(self, people: dict[bytes, Person]) -> list[RowOutcome]:
        """Why these were not added. Asked last, for those alone: while a first import goes on, a database that has not
        counted its rows yet would look for everybody the slow way."""
        if not people:
            return []
        rows = self.session.execute(
            sa.select(col(Subscriber.address_hash), col(Subscriber.state)).where(
                col(Subscriber.mailing_list_id) == self.list_id, col(Subscriber.address_hash).in_(people)
            )
        )
        states: dict[bytes, SubscriberState] = {row.address_hash: row.state for row in rows}
        outcomes = []
        for hashed, person in people.items():
            state = states.get(hashed, SubscriberState.PENDING)  # whoever came and went in this very moment had asked
            if state is SubscriberState.LEFT:
                outcomes.append(RowOutcome(person.line, RowResult.SUPPRESSED, "Has left this mailing list"))
            else:
                why = f"Is {state.value} on this mailing list"
                outcomes.append(RowOutcome(person.line, RowResult.ALREADY_THERE, why))
        return outcomes

    def _subscriber(self, person: Person) -> dict[str, Any]:
        since = person.consent_at if self.already_confirmed else None
        return {
            "mailing_list_id": self.list_id,
            "address_hash": person.address_hash,
            "address_sealed": self.crypto.encrypt(person.address),
            "state": SubscriberState.CONFIRMED if self.already_confirmed else SubscriberState.PENDING,
            "requested_at": since or self.now,
            "confirmed_at": since,
            "role": person.details.role,
            "school_urn": person.details.school_urn,
            "setting_name": person.details.setting_name,
            "phase": person.details.phase,
        }

    def _consent(self, subscriber_id: int, person: Person) -> dict[str, Any]:
        return {
            "subscriber_id": subscriber_id,
            "mailing_list_id": self.list_id,
            "wording_id": self._wording_id(person.wording),
            "source": person.source,
            "requested_at": person.consent_at or self.now,
            "confirmed_at": person.consent_at if self.already_confirmed else None,
        }

    def _wording_id(self, text: str) -> int:
        key = hashlib.sha256(text.encode()).digest()
        if key not in self._wordings:
            if text:
                wording = lists.imported_wording(self.session, self.list_id, text, now=self.now)
            else:
                wording = lists.current_wording(self.session, self.list_id)
            assert wording.id is not None
            self._wordings[key] = wording.id
        return self._wordings[key]
