"""`newsletter election …`: the weeks before elections, in which editions are checked more strictly."""

from datetime import datetime
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import london_date, period
from newsletter.editions import elections
from newsletter.staff import audit
from newsletter.staff.models import StaffRole

election = typer.Typer(no_args_is_help=True, help="The weeks before elections, when a council must not take sides.")

By = Annotated[str | None, typer.Option("--by", metavar="EMAIL", help="The administrator who does this.")]
_DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(election, name="election")


@election.command("add")
def add_period(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which election: “County council election”.")],
    starts_on: Annotated[datetime, typer.Option("--from", help="When notice of the election is published.", **_DAY)],
    ends_on: Annotated[datetime, typer.Option("--until", help="The day of the election.", **_DAY)],
    by: By = None,
) -> None:
    """Enter the weeks before an election; both days belong to them. Safe to repeat."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.ADMIN) if by is not None else None
        row = elections.add(session, name, starts_on.date(), ends_on.date())
        now = runtime.clock.now()
        audit.note(session, runtime.crypto, "add election period", staff_id=staff_id, detail=row.name, now=now)
        typer.echo(f"{row.id}\t{row.name}: {period(row.starts_on, row.ends_on)}")


@election.command("list")
def list_periods() -> None:
    """List these periods, the latest first: id, days, name; and which one it is now."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        current = elections.at(session, london_date(runtime.clock.now()))
        rows = elections.all_periods(session)
        for row in rows:
            now = "\tnow" if current is not None and row.id == current.id else ""
            typer.echo(f"{row.id}\t{row.starts_on} to {row.ends_on}\t{row.name}{now}")
    if not rows:
        typer.echo("No election period was entered.")


@election.command("remove")
def remove_period(
    period_id: Annotated[
        int, typer.Argument(metavar="ID", help="Number that “election list” shows.", min=1, max=2**31 - 1)
    ],
    by: By = None,
) -> None:
    """Take a period out, as when the election is called off. Editions are no longer checked for what it forbids."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.ADMIN) if by is not None else None
        row = elections.remove(session, period_id)
        now = runtime.clock.now()
        audit.note(session, runtime.crypto, "remove election period", staff_id=staff_id, detail=row.name, now=now)
        typer.echo(f"“{row.name}” was removed.")
