"""`newsletter leaves …`: bursts of leaves that a mail filter may have caused, and what a person decides about them."""

from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import in_words, london_date
from newsletter.delivery import stopping
from newsletter.staff.models import StaffRole
from subscribers import bursts, lists
from subscribers.models import BurstDecision

app = typer.Typer(no_args_is_help=True, help="Leaves that came in a burst: a mail filter, or people who mean it?")

BurstId = Annotated[int, typer.Argument(metavar="BURST", help="Its number, from “newsletter leaves held”.")]
By = Annotated[
    str, typer.Option("--by", metavar="EMAIL", help="The admin or data protection officer who answers for it.")
]


def add_to(typer_app: typer.Typer) -> None:
    typer_app.add_typer(app, name="leaves")


@app.command()
def held() -> None:
    """List the bursts that wait for a person: how many leaves of which list, since when. Never an address."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        found = bursts.held(session, runtime.crypto)
        names = {mailing_list.id: mailing_list.slug for mailing_list in lists.all_lists(session)}
    if not found:
        typer.echo("No leaves are held.")
    for burst in found:
        place = f" from {burst.domain}" if burst.domain else ""
        typer.echo(
            f"{burst.burst_id}: {burst.number:,} of {names[burst.mailing_list_id]}{place}, "
            f"since {burst.since:%H:%M} UTC on {in_words(london_date(burst.since))}; "
            f"obeyed on {in_words(london_date(burst.decide_by))} if nobody decides"
        )
    if found:
        typer.echo("People did mean it: newsletter leaves obey BURST --by EMAIL")
        typer.echo("A mail filter did it: newsletter leaves dismiss BURST --by EMAIL")


@app.command()
def obey(burst_id: BurstId, by: By) -> None:
    """The people of this burst meant it: they leave, and get the usual goodbye."""
    number = _decide(burst_id, BurstDecision.OBEYED, by)
    typer.echo(f"{number:,} people have left.")


@app.command()
def dismiss(burst_id: BurstId, by: By) -> None:
    """A mail filter did it: everybody's emails go on, and each gets a letter with a link that is sure to stop them."""
    number = _decide(burst_id, BurstDecision.DISMISSED, by)
    typer.echo(f"The emails of {number:,} people go on, and a letter tells them so, once a worker runs.")


def _decide(burst_id: int, decision: BurstDecision, by: str) -> int:
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.ADMIN, StaffRole.DPO)
        decided = stopping.settle(session, burst_id, decision, by=staff_id, now=runtime.clock.now())
    return len(decided.subscriber_ids)
