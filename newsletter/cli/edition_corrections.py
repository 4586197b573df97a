"""`newsletter edition correct`: put something right in an edition that has gone out."""

from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.editions import correction_mail, corrections, moves
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
    mail: Annotated[
        bool, typer.Option("--mail", help="Draft a short email to readers as well, for somebody else to approve.")
    ] = False,
) -> None:
    """Correct an edition that has gone out. Its page, text and feed show what it said and what it says now.

    The emails that were sent, and what was approved, stay as they are. With --mail there is a draft of a short edition
    that tells readers; its id stands alone on the last line. A mail about the same edition that has not gone out yet
    says this as well, and has to be approved again.
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
        mailing_list = lists.by_id(session, edition.mailing_list_id)
        typer.echo(f"Corrected: {correction.because}")
        typer.echo(f"{runtime.settings.base_url.rstrip('/')}/editions/{mailing_list.slug}/{edition.slug}")
        if mail:
            drafted = correction_mail.draft(
                session, correction, list_name=mailing_list.name, now=runtime.clock.now(), staff_id=staff_id
            )
            typer.echo(
                f"Edition {drafted.number}, “{drafted.subject}”, tells readers. Somebody else has to approve it."
            )
            typer.echo(f"To look at it: newsletter edition preview {drafted.id} --out DIR")
            typer.echo(f"To approve it: newsletter edition approve {drafted.id} --by EMAIL")
            typer.echo(drafted.id)
