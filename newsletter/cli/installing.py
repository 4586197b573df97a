"""`newsletter migrate`, `demo`, `doctor`, `backup`, `restore` and `staff`: what an operator does."""

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from newsletter import backup as backups
from newsletter import doctor as checks
from newsletter import migrating, restoring, running, sample
from newsletter.cli import edge
from newsletter.core import installation
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, invitations
from newsletter.staff.models import StaffRole
from subscribers import lists

staff = typer.Typer(no_args_is_help=True, help="Staff accounts and their roles.")


def add_to(app: typer.Typer) -> None:
    for command in (migrate, demo, doctor, backup, restore):
        app.command()(command)
    app.add_typer(staff, name="staff")


def migrate() -> None:
    """Make the tables, or bring them up to date. Safe to repeat."""
    runtime = edge.configured()
    try:
        changed = _migrate(runtime)
    finally:
        runtime.db.dispose()
    typer.echo("The database is up to date." if changed else "The database was up to date already.")


def demo(
    if_new: Annotated[bool, typer.Option("--if-new", help="Do nothing where mailing lists exist already.")] = False,
) -> None:
    """Load the sample partnership: lists, updates, subscribers at example.org, staff, and editions ready to approve."""
    runtime = edge.configured()
    try:
        _migrate(runtime)
        with runtime.db.reading() as session:
            is_new = not lists.all_lists(session)
        if if_new and not is_new:
            return
        sample.load(runtime)
    finally:
        runtime.db.dispose()
    typer.echo("The sample partnership is loaded. Next:")
    typer.echo("  newsletter run                                            and open http://127.0.0.1:8000")
    typer.echo("  newsletter edition list                                   to see the editions ready to approve")
    typer.echo("  newsletter edition approve ID --by approver@example.org   then: newsletter edition send ID --now")


def doctor() -> None:
    """Check settings, secret, database, directory, provider, addresses and DNS; say how to mend what is wrong."""
    healthy = True
    for finding in checks.findings():
        healthy = healthy and finding.mend is None
        typer.echo(f"{'ok     ' if finding.mend is None else 'problem'}  {finding.about}: {finding.found}")
        if finding.mend is not None:
            typer.echo(f"         {finding.mend}")
    if not healthy:
        typer.echo("Something needs mending.", err=True)
        raise typer.Exit(1)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; it must not exist yet.", dir_okay=False)],
) -> None:
    """Write the whole database into one file, while everything goes on running.

    The file can be restored into SQLite and into PostgreSQL. The secret is NOT in it: keep NEWSLETTER_SECRET_KEY (or
    the file secret.key) in another safe place; without it no address can be read and no link works.
    """
    with edge.opened() as runtime:
        rows = backups.write(runtime, file)
    typer.echo(f"{rows:,} rows are in {file}.")
    typer.echo("The secret is not in it: keep NEWSLETTER_SECRET_KEY (or secret.key) in another safe place.")


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that “backup” wrote.", exists=True, dir_okay=False)
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up what is in the database now; else it must be empty.")
    ] = False,
) -> None:
    """Put a backup into the database of the settings, all of it or nothing.

    Nothing goes out again by itself: every edition that was on its way is held until a person has looked. Who left or
    was suppressed after the backup stays so, where --replace can still see it. Stop the other processes first.
    """
    runtime = edge.configured()
    try:
        with running.only_worker(runtime):
            migrating.upgrade(runtime.db)
            restored = restoring.load(runtime, file, replace=replace)
    finally:
        runtime.db.dispose()
    typer.echo(f"{restored.rows:,} rows are restored from the backup made {restored.made_at:%-d %B %Y at %H:%M} UTC.")
    if restored.kept:
        typer.echo(f"{restored.kept:,} people who left or were suppressed after the backup stay so.")
    if restored.held:
        typer.echo(
            f"Held until a person looks: edition {', '.join(map(str, restored.held))}. "
            "See what was already sent, then resume, schedule or cancel each."
        )


@staff.command("add")
def add_staff(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    role: Annotated[list[StaffRole], typer.Option("--role", help="May be given several times.")],
) -> None:
    """Give somebody a staff account, or another role. Who has not joined yet gets a link to set a password."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        now = runtime.clock.now()
        member = accounts.add(session, runtime.crypto, email, roles=role, now=now)
        assert member.id is not None
        held = sorted(role.value for role in accounts.roles_of(session, member.id))
        about, detail = f"account {member.id}", ", ".join(sorted(role))
        audit.note(session, runtime.crypto, "give role", staff_id=None, about=about, detail=detail, now=now)
        typer.echo(f"Holds: {', '.join(held)}.")
        if not accounts.has_joined(member):
            _invite(session, runtime, member.id)


@staff.command("invite")
def invite_staff(email: Annotated[str, typer.Argument(metavar="EMAIL")]) -> None:
    """Print a new link by which somebody sets their password and codes: the first ones, or because they lost them."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        member = accounts.find(session, runtime.crypto, email)
        assert member.id is not None
        _invite(session, runtime, member.id)


def _invite(session: Session, runtime: Runtime, staff_id: int) -> None:
    now = runtime.clock.now()
    text = invitations.invite(session, runtime.crypto, staff_id, now=now)
    audit.note(session, runtime.crypto, "invite", staff_id=None, about=f"account {staff_id}", now=now)
    typer.echo(f"To join, open once within {invitations.LIFETIME.days} days:")
    typer.echo(f"{runtime.settings.base_url}/staff/join/{text}")


def _migrate(runtime: Runtime) -> bool:
    changed = migrating.upgrade(runtime.db)
    with runtime.db.transaction() as session:
        installation.check_secret(session, runtime.crypto, runtime.clock)
    return changed
