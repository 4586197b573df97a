"""How Alembic reaches the database: the product hands it a connection, and `alembic` on the command line opens one.

`newsletter.migrating` is the usual caller. On the command line (`alembic revision --autogenerate -m "…"`) the database
is that of the settings.
"""

from alembic import context
from sqlalchemy.engine import Connection

from newsletter.core import settings as settings_module
from newsletter.core.db import Database
from newsletter.delivery import dispatching
from newsletter.tables import metadata


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    """The work queue's tables are its library's, which brings them to a newer form by itself."""
    return kind != "table" or not (name or "").startswith(dispatching.TABLES_BEGIN_WITH)


def migrate(connection: Connection) -> None:
    """Run the migrations asked for on this connection, all in its one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=is_ours,
        compare_type=True,
        render_as_batch=True,  # SQLite cannot alter most things about a table: it is copied instead
        transactional_ddl=True,  # `core.db` begins transactions itself, so that SQLite has this too
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over: Connection | None = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    database = Database(settings_module.load().sqlalchemy_url)
    with database.engine.begin() as opened:
        migrate(opened)
    database.dispose()
