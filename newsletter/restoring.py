"""Puts a backup back: all of it or nothing, checked before anything is touched, and so that nothing goes out again.

Between the backup and now, mail went out and people left, and the backup knows of neither. So every delivery that was
waiting when it was made becomes `unknown` (a person decides), every edition on its way is paused, every scheduled one
loses its date; and who left or was suppressed since stays so, as far as the database that is replaced can still tell.
"""

import base64
import contextlib
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter import backup, migrating
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.installation import Installation
from newsletter.core.runtime import Runtime
from newsletter.delivery.models import Batch, BatchState, DeliveryState
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.tables import metadata
from subscribers import consents, identity, privacy
from subscribers.models import Subscriber, SubscriberState, Suppression, SuppressionReason

#: Ids of these are in links and Message-IDs of mails sent after the backup: the next ones stay well clear of them.
NEVER_AGAIN = ("subscriber", "delivery")
GAP = 1_000_000

_WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED)
_ENDED = (SubscriberState.LEFT, SubscriberState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it. `held` are the ids of editions that wait for a person; `kept` counts those who stay ended."""

    made_at: datetime
    rows: int
    held: list[int]
    kept: int


@dataclass(frozen=True, slots=True)
class _Since:
    """What the replaced database knows and the backup does not."""

    ended: list[dict[str, Any]] = field(default_factory=list)
    suppressed: list[dict[str, Any]] = field(default_factory=list)


def load(runtime: Runtime, file: Path, *, replace: bool) -> Restored:
    """Put the backup into the database, which has today's tables. Repeatable with `replace`.

    Raises `InvalidInput` (no backup, damaged, of another secret or version) and `WrongState` (the database is in use).
    """
    with _archive(file) as archive:
        manifest = _checked(runtime, archive, file)
        made_at = datetime.fromisoformat(manifest["made_at"])
        with runtime.db.transaction() as session:
            if not replace and _has_rows(session):
                raise WrongState("This database is not empty. To give up what is in it, add --replace.")
            since = _since(runtime, session)
            for table in reversed(metadata.sorted_tables):
                session.execute(table.delete())
            rows = sum(
                _insert(session, archive, table, manifest["tables"][table.name]) for table in metadata.sorted_tables
            )
            _continue_ids(session, runtime.db.is_sqlite)
            kept = _keep(runtime, session, since)
            held = _hold(session, made_at, runtime.clock.now())
    return Restored(made_at=made_at, rows=rows, held=held, kept=kept)


@contextlib.contextmanager
def _archive(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except zipfile.BadZipFile:
        raise InvalidInput(f"{file} is not a backup, or it is damaged. Use another backup.") from None


def _checked(runtime: Runtime, archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    """The manifest, once every member has been read and found whole."""
    damaged = InvalidInput(f"{file} is not a backup, or it is damaged. Use another backup.")
    try:
        manifest: dict[str, Any] = json.loads(archive.read(backup.MANIFEST))
        if manifest["product"] != "send-newsletter" or manifest["format"] != backup.FORMAT:
            raise InvalidInput(f"{file} was made by a version of this product that this one cannot read.")
        if manifest["secret_fingerprint"] != backup.fingerprint(runtime):
            raise InvalidInput(
                "This backup belongs to another secret. Set NEWSLETTER_SECRET_KEY to the one it was made with "
                "(or put its secret.key into NEWSLETTER_DATA_DIR)."
            )
        if manifest["revision"] != migrating.newest():
            raise InvalidInput(
                f"This backup has the tables of another version ({manifest['revision']}). Restore it with that version "
                "of the product, then update."
            )
        for table in metadata.sorted_tables:
            digest, count = hashlib.sha256(), 0
            with archive.open(backup.member(table)) as lines:
                for line in lines:
                    digest.update(line)
                    count += 1
            said = manifest["tables"][table.name]
            if digest.hexdigest() != said["sha256"] or count != said["rows"]:
                raise damaged
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise damaged from None
    return manifest


def _has_rows(session: Session) -> bool:
    return any(
        session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
        for table in metadata.sorted_tables
        if table.name != "installation"
    )


def _insert(session: Session, archive: zipfile.ZipFile, table: sa.Table, said: dict[str, Any]) -> int:
    columns, count = said["columns"], 0
    types = [table.columns[name].type for name in columns]
    with archive.open(backup.member(table)) as lines:
        while page := list(islice(lines, backup.page_length(table))):
            rows = []
            for line in page:
                values = (_value(kind, plain) for kind, plain in zip(types, json.loads(line), strict=True))
                rows.append(_held(table, dict(zip(columns, values, strict=True))))
            session.execute(table.insert(), rows)
            count += len(rows)
    return count


def _value(kind: sa.types.TypeEngine[Any], plain: Any) -> Any:
    """Undo `backup._plain`."""
    if plain is None:
        return None
    if isinstance(kind, sa.LargeBinary):
        return base64.b64decode(plain)
    if isinstance(kind, sa.Enum):
        return kind.enum_class(plain) if kind.enum_class else plain
    if isinstance(kind, sa.Date):
        return date.fromisoformat(plain)
    if isinstance(kind, sa.DateTime) or (
        isinstance(kind, sa.TypeDecorator) and isinstance(kind.impl_instance, sa.DateTime)
    ):
        return datetime.fromisoformat(plain)
    return plain


def _held(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """A delivery that was waiting may have been sent since: nobody knows."""
    if table.name == "delivery" and row["state"] in _WAITING:
        return row | {"state": DeliveryState.UNKNOWN, "detail": "Was waiting when the restored backup was made."}
    if table.name == "subscriber" and row["state"] is SubscriberState.PENDING and row["reminded_at"] is None:
        return row | {"reminded_at": row["requested_at"]}  # may have been reminded since: nobody knows
    return row


def _hold(session: Session, made_at: datetime, now: datetime) -> list[int]:
    """Stop whatever would go out by itself; the ids of the editions a person has to look at."""
    because = f"Restored from a backup made {made_at:%-d %B %Y at %H:%M} UTC: check what was already sent."
    held = []
    on_their_way = (EditionState.SENDING, EditionState.PAUSED, EditionState.SCHEDULED)
    for edition in session.exec(select(Edition).where(col(Edition.state).in_(on_their_way)).order_by(col(Edition.id))):
        assert edition.id is not None
        before = edition.state
        if before is EditionState.SCHEDULED:
            edition.state, edition.send_at = EditionState.APPROVED, None
        else:
            edition.state, edition.paused_because = EditionState.PAUSED, because
            _count_as_unknown(session, edition.id)
        edition.revision += 1
        session.add(
            EditionEvent(
                edition_id=edition.id, at=now, move="restore", from_state=before, to_state=edition.state, note=because
            )
        )
        held.append(edition.id)
    session.flush()
    return held


def _count_as_unknown(session: Session, edition_id: int) -> None:
    """Bring the kept counts in line with the deliveries that became unknown; nobody holds a batch any more."""
    batch = _table(Batch)
    waiting = [batch.c[state.value] for state in _WAITING]
    session.execute(
        batch.update()
        .where(batch.c.edition_id == edition_id)
        .values(
            state=BatchState.DONE,
            token=None,
            lease_until=None,
            pace_per_s=0,
            unknown=batch.c.unknown + waiting[0] + waiting[1] + waiting[2],
            **{state.value: 0 for state in _WAITING},
        )
    )


def _since(runtime: Runtime, session: Session) -> _Since:
    """Who left, and who was suppressed, according to the database that is about to be replaced."""
    installed = session.get(Installation, 1)
    if installed is None or installed.key_check.hex() != backup.fingerprint(runtime):
        return _Since()
    session.expunge(installed)
    subscriber, suppression = _table(Subscriber), _table(Suppression)
    ended = session.execute(sa.select(subscriber).where(subscriber.c.state.in_((*_ENDED, SubscriberState.HELD))))
    suppressed = session.execute(sa.select(suppression))
    return _Since([dict(row._mapping) for row in ended], [dict(row._mapping) for row in suppressed])


def _keep(runtime: Runtime, session: Session, since: _Since) -> int:
    """Nobody who left, was suppressed or was erased after the backup is mailed again; how many that concerned."""
    kept, subscriber, suppression = 0, _table(Subscriber), _table(Suppression)
    for row in since.ended:
        ended = session.execute(
            subscriber.update()
            .where(
                subscriber.c.id == row["id"],
                subscriber.c.mailing_list_id == row["mailing_list_id"],
                subscriber.c.state.not_in(_ENDED),
            )
            .values(
                {name: row[name] for name in ("ended_at", "address_hash", "address_sealed")}
                # What held a leave may be unknown to the backup: it is obeyed.
                | {"state": SubscriberState.LEFT if row["state"] is SubscriberState.HELD else row["state"]}
            )
        )
        if getattr(ended, "rowcount", 0):
            consents.withdraw(session, [row["id"]], how="before a restore", now=row["ended_at"])
            kept += 1
    restored = {row.address_hash: row.until for row in session.execute(sa.select(suppression))}
    erased = set()
    for row in since.suppressed:
        values = {name: value for name, value in row.items() if name != "id"}
        if row["address_hash"] not in restored:
            session.execute(suppression.insert().values(values))
            kept += 1
            if row["reason"] is SuppressionReason.ERASED:
                erased.add(row["address_hash"])
        elif restored[row["address_hash"]] is not None:  # the newer word counts, unless the older said "for ever"
            session.execute(
                suppression.update().where(suppression.c.address_hash == row["address_hash"]).values(values)
            )
    if erased:
        _erase_again(runtime, session, erased)
    return kept


def _erase_again(runtime: Runtime, session: Session, erased: set[bytes]) -> None:
    """Forget those whom the backup still knew. Their hash says nothing about their row: every address is looked at."""
    subscriber = _table(Subscriber)
    sealed = session.execute(sa.select(subscriber.c.address_sealed).where(subscriber.c.address_sealed.is_not(None)))
    known = (runtime.crypto.decrypt(row.address_sealed) for row in sealed.yield_per(backup.PAGE))
    found = {address for address in known if identity.suppression_hash(runtime.crypto, address) in erased}
    for address in found:
        privacy.erase(session, runtime.crypto, address, now=runtime.clock.now())


def _continue_ids(session: Session, is_sqlite: bool) -> None:
    """New rows get ids after the restored ones."""
    for table in metadata.sorted_tables:
        if "id" not in table.columns or table.name == "installation":
            continue
        gap = GAP if table.name in NEVER_AGAIN else 0
        highest = (session.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0) + gap
        if is_sqlite:
            if gap:  # the others are not AUTOINCREMENT, and SQLite looks for the highest id itself
                session.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
                session.execute(
                    sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"),
                    {"name": table.name, "seq": highest},
                )
        elif highest:
            session.execute(
                sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :seq)"),
                {"name": table.name, "seq": highest},
            )


def _table(model: type) -> sa.Table:
    table: sa.Table = sa.inspect(model).local_table
    return table
