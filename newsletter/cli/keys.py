"""`newsletter keys …`: the keys by which programs use the API."""

import logging
from datetime import datetime, time, timedelta
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import LONDON, in_words, london_date
from newsletter.staff import keys
from newsletter.staff.models import ApiKey, KeyScope, StaffRole

log = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, help="Keys by which other programs, like the council's website, use the API.")

By = Annotated[str, typer.Option("--by", metavar="EMAIL", help="The administrator who answers for the key.")]


def add_to(typer_app: typer.Typer) -> None:
    typer_app.add_typer(app, name="keys")


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program that will use it, like “council website”.")],
    scope: Annotated[list[KeyScope], typer.Option("--scope", help="What it may do; may be repeated.")],
    by: By,
    expires: Annotated[
        datetime | None,
        typer.Option("--expires", metavar="DATE", formats=["%Y-%m-%d"], help="The last day it works, like 2027-03-31."),
    ] = None,
) -> None:
    """Make a key and print it: once, for only its hash is kept. What is done with it is done by this administrator."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        by_id = edge.staff_id(session, runtime, by, StaffRole.ADMIN)
        after = datetime.combine(expires.date() + timedelta(days=1), time(), LONDON) if expires else None
        text = keys.add(
            session, runtime.crypto, name, scopes=scope, staff_id=by_id, expires_at=after, now=runtime.clock.now()
        )
        log.warning("An API key was made", extra={"key": text.split("_")[1], "staff_id": by_id})
    typer.echo("Keep this key where secrets are kept. It cannot be shown again.")
    typer.echo(text)


@app.command("list")
def list_keys() -> None:
    """Show every key: its prefix, its name, what it may do, whether it works and when it was last used."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        now = runtime.clock.now()
        for key in keys.all_keys(session):
            used = f"used {in_words(key.last_used_on)}" if key.last_used_on else "never used"
            typer.echo(f"nl_{key.prefix}  {key.name}  ({key.scopes})  {_standing(key, now)}, {used}")


@app.command()
def revoke(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How the key begins, like nl_ab12cd34.")], by: By
) -> None:
    """Take a key back at once and for good. Safe to repeat."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        by_id = edge.staff_id(session, runtime, by, StaffRole.ADMIN)
        key = keys.revoke(session, prefix, now=runtime.clock.now())
        log.warning("An API key was revoked", extra={"key": key.prefix, "staff_id": by_id})
    typer.echo(f"The key of “{key.name}” no longer works.")


def _standing(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {in_words(london_date(key.revoked_at))}"
    if key.expires_at is None:
        return "works"
    last_day = in_words(london_date(key.expires_at - timedelta(seconds=1)))
    return f"expired after {last_day}" if key.expires_at <= now else f"works until {last_day}"
