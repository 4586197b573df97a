"""`newsletter edition correct`: put something right in an edition that has gone out."""

from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.editions import corrections, moves
from newsletter.staff.models import StaffRole
from subscribers import lists


def correct(
    edition_id: Annotated[int, typer.Argument(metavar="ID", help="Number that “edition assemble” printed.", min=1)],
    old: Annotated[str, typer.Option("--old", metavar="TEXT", help="The words as they were approved.")],
    new: Annotated[str, typer.Option("--new", metavar="TEXT", help="The words as they should be; “” takes them out.")],
    because: Annotated[str, typer.Option("--because", metavar="SENTENCE", help="What changed, for readers.")],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="The approver who answers for it.")],
    anchor: Annotated[
        str | None, typer.Option("--at", metavar="ANCHOR", help="The update, like update-12. Else: the introduction.")
    ] = None,
) -> None:
    """Correct an edition that has gone out. Its page, text and feed show what it said and what it says now.

    The emails that were sent, and what was approved, stay as they are.
    """
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = edge.staff_id(session, runtime, by, StaffRole.APPROVER, StaffRole.ADMIN)
        correction = corrections.correct(
            session,
            edition_id,
            anchor=anchor,
            old=old,
            new=new,
            because=because,
            now=runtime.clock.now(),
            staff_id=staff_id,
        )
        edition = moves.read(session, edition_id)
        slug = lists.by_id(session, edition.mailing_list_id).slug
        typer.echo(f"Corrected: {correction.because}")
        typer.echo(f"{runtime.settings.base_url.rstrip('/')}/editions/{slug}/{edition.slug}")
