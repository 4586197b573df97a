"""`newsletter complaints …` and `paper …`: what people wait for an answer to, and a copy by post."""

import logging
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import in_words, london_date
from newsletter.editions.models import Edition
from newsletter.feedback import complaints as data_complaints
from newsletter.feedback import paper_copies
from newsletter.staff.models import StaffRole
from subscribers import lists

log = logging.getLogger(__name__)

complaints = typer.Typer(no_args_is_help=True, help="Complaints about how personal data is used.")
paper = typer.Typer(no_args_is_help=True, help="Editions to be posted on paper.")

Reference = Annotated[str, typer.Argument(metavar="REF", help="Like DC-7K3M-92QX.")]
By = Annotated[str, typer.Option("--by", metavar="EMAIL", help="The data protection officer who does it.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(complaints, name="complaints")
    app.add_typer(paper, name="paper")


@complaints.command("list")
def list_complaints() -> None:
    """Show every complaint and how long there is to acknowledge it: the law gives 30 days. Nothing of what it says."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        today = london_date(runtime.clock.now())
        rows = data_complaints.all_complaints(session)
        for row in rows:
            received, by = in_words(london_date(row.received_at)), in_words(row.acknowledge_by)
            where = data_complaints.clock(row, today)
            typer.echo(f"{row.reference}  received {received}, acknowledge by {by}: {where}")
    if not rows:
        typer.echo("There are no complaints.")


@complaints.command("show")
def show_complaint(reference: Reference, by: By) -> None:
    """Read a complaint. That it was read is logged."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.DPO)
        row = data_complaints.find(session, reference)
        log.warning("A complaint was read", extra={"reference": row.reference, "staff_id": staff_id})
        typer.echo(f"{row.reference}, received {in_words(london_date(row.received_at))}")
        typer.echo(data_complaints.clock(row, london_date(runtime.clock.now())))
        gone = "(deleted: it has had its time)"
        typer.echo(f"\n{runtime.crypto.decrypt(row.text_sealed) if row.text_sealed else gone}\n")
        none = gone if row.text_sealed is None else "(none given)"
        typer.echo(f"Answer to: {runtime.crypto.decrypt(row.contact_sealed) if row.contact_sealed else none}")
        if row.outcome is not None:
            typer.echo(f"Outcome: {row.outcome}")


@complaints.command("acknowledge")
def acknowledge(reference: Reference, by: By) -> None:
    """Note that you have told the person that we have the complaint. Nothing is sent by this."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.DPO)
        row = data_complaints.acknowledge(session, reference, now=runtime.clock.now())
        log.warning("A complaint was acknowledged", extra={"reference": row.reference, "staff_id": staff_id})
    typer.echo(f"{row.reference} is noted as acknowledged.")


@complaints.command("close")
def close(
    reference: Reference,
    by: By,
    outcome: Annotated[str, typer.Option("--outcome", metavar="TEXT", help="What came of it. Write no names.")],
) -> None:
    """Note what came of a complaint, once you have told the person. A year later what they wrote is deleted."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.DPO)
        row = data_complaints.close(session, reference, outcome, now=runtime.clock.now())
        log.warning("A complaint was closed", extra={"reference": row.reference, "staff_id": staff_id})
    typer.echo(f"{row.reference} is closed.")


@paper.command("list")
def list_paper() -> None:
    """Show what is to be posted, with name and address, oldest first."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        envelopes = paper_copies.to_post(session, runtime.crypto)
        for each in envelopes:
            edition = session.get_one(Edition, each.edition_id)
            mailing_list = lists.by_id(session, edition.mailing_list_id)
            page = f"{runtime.settings.base_url.rstrip('/')}/editions/{mailing_list.slug}/{edition.slug}"
            typer.echo(f"{each.id}  asked for on {in_words(london_date(each.asked_at))}: {each.format.value}, {page}")
            for line in (each.name, *each.address.splitlines()):
                typer.echo(f"    {line}")
    if not envelopes:
        typer.echo("Nothing is to be posted.")


@paper.command("done")
def paper_done(paper_id: Annotated[int, typer.Argument(metavar="ID", min=1)]) -> None:
    """Note that a copy was posted. Its name and address are deleted when their time is over (“retention show”)."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        paper_copies.done(session, paper_id, now=runtime.clock.now())
    typer.echo(f"{paper_id} is noted as posted.")
