"""Where rows live: the `Table` base with its naming convention, and `Database`, the one place that commits.

A transaction is opened and committed at the edge (a web request, a command, a clock job, one step of the delivery
loop) with `Database.transaction()`; nothing below it commits. SQLite and PostgreSQL behave alike: on SQLite a writing
transaction takes the write lock at once (`BEGIN IMMEDIATE`), so that a claim can never be lost to a late lock upgrade.
"""

import enum
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel

from newsletter.core.clock import Clock, SystemClock
from newsletter.core.errors import NewsletterError

#: Names for constraints, so that migrations can drop them on every database.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION

#: How long a SQLite connection waits for another writer, in milliseconds.
SQLITE_BUSY_TIMEOUT_MS = 10_000

#: How long emptying SQLite's log may wait for those who read, in milliseconds.
SQLITE_LOG_TIMEOUT_MS = 1_000

#: PostgreSQL ends a transaction whose process has fallen silent in the middle of it for so many seconds. A frozen
#: machine, or one that lost its power or its network, would otherwise keep its locks for hours, and others waiting.
MOST_IDLE_S = 15


class Table(SQLModel):
    """The base of every table. Inheriting from it guarantees the naming convention is set first."""


def enum_type(of: type[enum.StrEnum]) -> sa.Enum:
    """A column type that stores a `StrEnum` as its plain text, so that adding a member needs no migration."""
    return sa.Enum(of, native_enum=False, length=32, values_callable=lambda members: [m.value for m in members])


def insert(session: Session, table: type[Table]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT in the dialect of this session's database, which can say what to do when the row is already there:
    `insert(session, Subscriber).values(…).on_conflict_do_nothing()`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def one_of(column: Any, name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Whether the column has one of the values of the list parameter `name`. Where it can be, the list is one value
    (PostgreSQL's array, SQLite's JSON), so that the statement's text stays the same and short: long ones are read anew
    each time."""
    plain = sa.type_coerce(column, column.type)
    if dialect != "sqlite":
        return plain == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(column.type)))
    if isinstance(column.type, sa.Integer):
        listed = sa.func.json_each(sa.bindparam(name, type_=sa.JSON())).table_valued("value")
        return plain.in_(sa.select(listed.c.value))
    return plain.in_(sa.bindparam(name, expanding=True))


class AllAtOnce:
    """A query whose rows are wanted together, for every hundred messages. Built once, from columns of tables; binary
    ones are never null.

    SQLite's driver lets the other threads go first after every single row, and waking each other costs more than the
    rows do: there they are made into one by the database.
    """

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query = query
        inner = query.subquery()
        given = [sa.func.hex(column) if _is_binary(column) else column for column in inner.c]
        whole = sa.type_coerce(sa.func.json_group_array(sa.func.json_array(*given)), sa.String())
        self._as_one = sa.select(whole).select_from(inner)
        self._readers = [(place, reader) for place, column in enumerate(inner.c) if (reader := _reader(column))]

    def rows(self, session: Session, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows, each with a value for each column of the query, in its order."""
        connection = session.connection()
        if connection.dialect.name != "sqlite":
            return connection.execute(self._query, values).all()
        rows: list[list[Any]] = json.loads(connection.execute(self._as_one, values).scalar_one())
        for row in rows:
            for place, read in self._readers:
                row[place] = read(row[place])
        return rows


def _reader(column: sa.ColumnElement[Any]) -> Callable[[Any], Any] | None:
    """What makes a value of this column from what SQLite's JSON holds."""
    if _is_binary(column):
        return bytes.fromhex
    dialect = sqlite.dialect()
    found = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return lru_cache(maxsize=16)(found) if found is not None else None  # moments and states repeat


def _is_binary(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(column.type, sa.LargeBinary)


def number_inserted(session: Session, statement: sa.Insert) -> int:
    """Execute an INSERT and say how many rows it wrote, which PostgreSQL's driver tells only when asked to."""
    return session.connection().execute(statement, execution_options={"preserve_rowcount": True}).rowcount


class Database:
    """One database: makes sessions, and commits or rolls back for whoever asked for one."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = sa.engine.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url, pool_size)
        self._reading = self.engine.execution_options(reading=True)
        # The sender tries everything again until it is done: its connections are not asked first if they still live.
        sending = self.engine if self.is_sqlite else _postgresql_engine(self.url, pool_size, for_sending=True)
        self._engines = {self.engine, sending}
        self._glancing = self._reading if self.is_sqlite else sending.execution_options(isolation_level="AUTOCOMMIT")
        self._noting = sending.execution_options(overwriting=False)

    @contextmanager
    def transaction(self, *, for_sending: bool = False) -> Iterator[Session]:
        """A session whose work is committed when the block ends, and rolled back when it raises: all but the errors
        that say `keeps_work`, such as a wrong code, whose point is that it was counted.

        `for_sending`: for windows of deliveries, a hundred messages each. What they write over tells nothing of a
        person (the ledger's states and moments), so that SQLite need not overwrite whole pages that become free, which
        costs more than the writing itself; whoever sends tries again when the connection turns out to be lost; and
        PostgreSQL looks for rows by an index wherever there is one.
        """
        refusal: NewsletterError | None = None
        with Session(self._noting if for_sending else self.engine, expire_on_commit=False) as session:
            with session.begin():
                try:
                    yield session
                except NewsletterError as error:
                    if not error.keeps_work:
                        raise
                    refusal = error
        if refusal is not None:
            raise refusal

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: never blocks writers on SQLite; whatever it changed is thrown away."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session  # closing it rolls back, and leaves what was read usable

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Like `reading`, for the windows of an edition too: on PostgreSQL no transaction is begun and ended around it,
        so that nothing may be changed, for nothing would throw it away."""
        with Session(self._glancing, expire_on_commit=False, autoflush=False) as session:
            yield session

    def now(self, session: Session, clock: Clock) -> datetime:
        """The time that leases go by: the database's own, where several machines share it and their clocks differ.
        A clock that is moved by hand is believed, wherever the database is."""
        if self.is_sqlite or not isinstance(clock, SystemClock):
            return clock.now()
        return self.believed(session.execute(sa.select(sa.func.clock_timestamp())).scalar_one(), clock)

    def believed(self, told: datetime | None, clock: Clock) -> datetime:
        """The same, when a query has brought the database's time along; SQLite tells none."""
        if told is None or not isinstance(clock, SystemClock):
            return clock.now()
        return told.astimezone(UTC)

    def empty_log(self) -> bool:
        """Move what SQLite's write-ahead log holds into the database file and empty the log, where a copy of what was
        deleted would stay until it is written over. False when somebody was reading: try again later.

        PostgreSQL keeps its log, and the room of what was deleted, by its own settings (autovacuum).
        """
        if not self.is_sqlite:
            return True
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={SQLITE_LOG_TIMEOUT_MS}")  # writers wait meanwhile
            is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
            return not is_busy
        finally:
            connection.close()

    def dispose(self) -> None:
        for engine in self._engines:
            engine.dispose()


def _postgresql_engine(url: sa.URL, pool_size: int, *, for_sending: bool = False) -> Engine:
    # The connection used last is the likeliest to live.
    engine = sa.create_engine(url, pool_size=pool_size, pool_pre_ping=not for_sending, pool_use_lifo=True)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = '{MOST_IDLE_S}s'")
        if for_sending:
            # A few statements run again and again, while tables grow a thousandfold: plans that do as well then as now.
            connection.execute("SET enable_seqscan = off")
            connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.commit()

    return engine


def _sqlite_engine(url: sa.URL) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    is_file = url.database not in (None, "", ":memory:")
    engine = sa.create_engine(
        url,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        # The connection used last has the newest pages in its cache; a database in memory has one for each thread.
        **({"pool_use_lifo": True} if is_file else {}),
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("reading", False):
            connection.exec_driver_sql("BEGIN")
            return
        # What is deleted is overwritten with zeros, so that no file holds it any more; FAST leaves freed pages alone.
        secure = "ON" if options.get("overwriting", True) else "FAST"
        if connection.info.get("secure_delete") != secure:
            connection.exec_driver_sql(f"PRAGMA secure_delete={secure}")
            connection.info["secure_delete"] = secure
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
