"""What every command stands on: the runtime it works with, and how a refusal is said.

A refusal (`NewsletterError`, `ConfigurationError`, a database or a file that cannot be reached) is one plain sentence
on standard error and exit code 1; wrong use is exit code 2. A mistake of our own is logged with its trace, scrubbed of
addresses, and says so.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session
from typer.core import TyperGroup

from newsletter import migrating
from newsletter.core import installation, logs, runtime, settings
from newsletter.core.errors import ConfigurationError, NewsletterError, NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts
from newsletter.staff.models import Staff, StaffRole

log = logging.getLogger(__name__)


class PlainRefusals(TyperGroup):
    """The commands as a group in which an error never shows as a trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (NewsletterError, ConfigurationError) as error:
            sentence = str(error)
        except DBAPIError as error:
            sentence = database_sentence(error)
        except OSError as error:
            sentence = f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}."
        except Exception as error:
            if isinstance(error, (typer.TyperException, typer.Exit, typer.Abort)):
                raise
            log.exception("A mistake in the product stopped this command")
            sentence = f"This should not have happened ({type(error).__name__}); what is known about it stands above."
        typer.echo(sentence, err=True)
        raise typer.Exit(1)


def database_sentence(error: DBAPIError) -> str:
    """What a database error means for a person; never the statement, which may carry what people typed."""
    if isinstance(error.orig, sqlite3.OperationalError):
        reason = str(error.orig)
        if "locked" in reason:
            return "The database is busy: another process has been writing to it for a while. Try again."
        if "full" in reason:
            return "The disk is full: the database cannot be written. Make room and try again."
        return f"The database cannot be used ({reason}). Check NEWSLETTER_DATABASE_URL and NEWSLETTER_DATA_DIR."
    if isinstance(error, OperationalError):
        return "The database cannot be reached. Check that it is running, and NEWSLETTER_DATABASE_URL."
    return f"The database refused this ({type(error.orig).__name__}). Run “newsletter doctor” to see why."


def configured(*, serving: bool = False) -> Runtime:
    """The runtime of the settings. A process that serves logs what it does; a command only what somebody must see."""
    loaded = settings.load()
    quiet = not serving and loaded.log_level == "info"
    logs.configure(level="warning" if quiet else loaded.log_level, json=loaded.is_production and serving)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return runtime.build(loaded)


@contextmanager
def opened(*, serving: bool = False) -> Iterator[Runtime]:
    """The runtime on a database that has today's tables and belongs to our secret."""
    built = configured(serving=serving)
    try:
        require_migrated(built)
        with built.db.transaction() as session:
            installation.check_secret(session, built.crypto, built.clock)
        yield built
    finally:
        built.db.dispose()


def require_migrated(built: Runtime) -> None:
    """Raise `ConfigurationError` with the cure when the tables are not those of this version."""
    revision = migrating.current(built.db)
    if revision is None:
        raise ConfigurationError("The database has no tables yet. Run “newsletter migrate” first.")
    if revision != migrating.newest():
        raise ConfigurationError(
            f"The database has the tables of another version ({revision}). Run “newsletter migrate” first."
        )


def staff_id(
    session: Session, built: Runtime, email: str, *roles: StaffRole, mailing_list_id: int | None = None
) -> int:
    """The member of staff with this address, who must hold one of these roles where any are given: for this list
    where one is given, else for any."""
    member: Staff = accounts.find(session, built.crypto, email)
    assert member.id is not None
    if not member.is_active:
        raise NotAllowed("This account is no longer active.")
    if roles and not accounts.roles_of(session, member.id, mailing_list_id) & set(roles):
        of_list = " for this mailing list" if mailing_list_id is not None else ""
        raise NotAllowed(f"This needs somebody with the role {' or '.join(role.value for role in roles)}{of_list}.")
    return member.id
