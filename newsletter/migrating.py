"""Bring a database to the newest form of its tables, or say which form it has. Alembic does the work.

The migrations lie in `migrations/` of the repository and in `newsletter/_migrations` of an installed wheel. Everything
happens in one transaction: after a failure the database is as it was. Two processes may migrate at the same moment:
the second waits, and finds nothing left to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from newsletter.core import loops
from newsletter.core.db import Database
from newsletter.delivery import dispatching

_PACKAGE = Path(__file__).parent

#: Any number will do, as long as nothing else in this database takes the same advisory lock.
_ADVISORY_LOCK = 7_368_421


def upgrade(database: Database, revision: str = "head") -> bool:
    """Bring the tables to `revision`; True when there was something to do. Safe to call twice, and from two places."""
    with _alone(database) as connection:
        before = current_on(connection)
        command.upgrade(_configuration(connection), revision)
        changed = current_on(connection) != before
    if not database.is_sqlite:
        # The work queue's tables are its library's own affair: it creates them, and brings them to a newer form.
        loops.run(dispatching.install(database.url))
    return changed


def downgrade(database: Database, revision: str) -> None:
    """Go back to an older form. What only the newer form can hold is lost; `base` drops every table."""
    with _alone(database) as connection:
        command.downgrade(_configuration(connection), revision)
        is_bare = current_on(connection) is None
    if is_bare and not database.is_sqlite:
        loops.run(dispatching.uninstall(database.url))


def current(database: Database) -> str | None:
    """The revision this database has; None when it has no tables of ours."""
    with database.reading() as session:
        return current_on(session.connection())


def current_on(connection: Connection) -> str | None:
    """`current`, as seen by a connection that is open already."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision this version of the product needs."""
    return ScriptDirectory.from_config(_configuration(None)).get_current_head()


def _configuration(connection: Connection | None) -> Config:
    installed = _PACKAGE / "_migrations"
    configuration = Config(attributes={"connection": connection})
    configuration.set_main_option("path_separator", "os")
    configuration.set_main_option(
        "script_location", str(installed if installed.is_dir() else _PACKAGE.parent / "migrations").replace("%", "%%")
    )
    return configuration


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A connection that no other migration runs beside."""
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        if database.is_sqlite and driver is not None:
            # A table is altered by copying it, which would trip the keys that point at it; they are checked at the end.
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():  # on SQLite this takes the write lock at once
                if not database.is_sqlite:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
                yield connection
                if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise RuntimeError("A migration left rows that point at nothing; nothing was changed.")
        finally:
            if database.is_sqlite and driver is not None:
                driver.execute("PRAGMA foreign_keys=ON")
