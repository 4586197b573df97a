"""`newsletter retention`: how long what is kept, who decided so, and whether it is swept away in time."""

import logging
from datetime import UTC
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.core import periods
from newsletter.core.periods import RULES, Period
from newsletter.staff.models import StaffRole

log = logging.getLogger(__name__)

retention = typer.Typer(no_args_is_help=True, help="How long what is kept, and when the sweep last ran.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(retention, name="retention")


@retention.command("show")
def show() -> None:
    """Every period in days, and when everything that had its time was last removed."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        for period, kept in periods.all_periods(session).items():
            typer.echo(f"{period.value:<20} {kept.days:>5} days  {RULES[period].words}")
        last = periods.last_sweep(session)
    swept = f"{last.astimezone(UTC):%-d %B %Y at %H:%M} UTC" if last else "not yet; it needs “newsletter scheduler”"
    typer.echo(f"Last sweep: {swept}.")


@retention.command("set")
def set_period(
    period: Annotated[Period, typer.Argument(metavar="PERIOD", help="One of those that “show” names.")],
    days: Annotated[int, typer.Argument(metavar="DAYS")],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="The data protection officer who decides it.")],
) -> None:
    """Change a period. What is then too old goes with the next sweep, for good."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.DPO)
        periods.change(session, period, days, staff_id=staff_id, now=runtime.clock.now())
        log.warning("A period was changed", extra={"period": period.value, "days": days, "staff_id": staff_id})
    typer.echo(f"Kept for {days:,} days from now on: {RULES[period].words}.")
