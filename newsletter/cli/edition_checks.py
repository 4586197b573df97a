"""`newsletter edition check` and `answer`: what stands between an edition and its approval, and why it may stay."""

from typing import Annotated

import typer
from sqlmodel import Session

from newsletter.cli import edge
from newsletter.content.dates import london_date
from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from newsletter.delivery import preview
from newsletter.editions import election_rule, gate, moves, partner_texts
from newsletter.editions.gate import Gate
from newsletter.editions.models import Edition
from newsletter.staff import audit
from newsletter.staff.models import StaffRole

EditionId = Annotated[int, typer.Argument(metavar="ID", help="Number that “edition assemble” printed.", min=1)]

#: As much of a finding's key as is shown and typed.
KEY_LENGTH = 8


def look(session: Session, runtime: Runtime, edition: Edition) -> Gate:
    """What the checks find now. Raises as `gate.look`."""
    now = runtime.clock.now()
    return gate.look(session, edition, preview.letterhead(session, runtime, edition), on=london_date(now), now=now)


def say(found: Gate, edition_id: int, *, err: bool = False) -> None:
    """Each thing found, and what to do about it."""
    for finding in found.errors:
        typer.echo(f"mend      {finding.where}: {finding.message}", err=err)
    for judged in found.warnings:
        key, finding = judged.finding.key[:KEY_LENGTH], judged.finding
        typer.echo(f"{key}  {finding.where}: {finding.message}", err=err)
        if judged.reason is not None:
            typer.echo(f"          It may stay: {judged.reason.reason}", err=err)
    if found.unanswered:
        key = found.unanswered[0].key[:KEY_LENGTH]
        typer.echo(
            f"Mend each, or say why it may stay: newsletter edition answer {edition_id} {key} --reason TEXT --by EMAIL",
            err=err,
        )


def say_rest(
    session: Session, runtime: Runtime, edition: Edition, found: Gate, election_reason: str, *, err: bool = False
) -> None:
    """What no check finds and an approval wants all the same: the partners' word, and a reason before an election."""
    waiting = partner_texts.waiting_for(session, edition, found.mail)
    today = london_date(runtime.clock.now())
    held = election_rule.refusal(session, edition.number, election_reason.strip(), today)
    for sentence in [*waiting, *([held] if held else [])]:
        typer.echo(sentence, err=err)


def check(edition_id: EditionId) -> None:
    """Say what has to be mended, or given a reason, before an edition can be approved. The exit code is then 1."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        found = look(session, runtime, moves.read(session, edition_id))
    say(found, edition_id)
    if not found.is_open:
        raise typer.Exit(1)
    typer.echo("Nothing stands in its way.")


def answer(
    edition_id: EditionId,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The sign that “edition check” shows before a finding.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may stay, in one sentence.")],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="The member of staff who says so.")],
) -> None:
    """Say why something the checks found may stay. The approver sees it; a second reason replaces the first."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        edition, now = moves.read(session, edition_id), runtime.clock.now()
        writers = (StaffRole.AUTHOR, StaffRole.ADMIN)
        staff_id = edge.staff_id(session, runtime, by, *writers, mailing_list_id=edition.mailing_list_id)
        moves.require(edition, moves.Move.EDIT)
        found = look(session, runtime, edition)
        every = [*found.errors, *(judged.finding for judged in found.warnings)]
        meant = [finding for finding in every if len(key) >= KEY_LENGTH and finding.key.startswith(key.casefold())]
        if not meant:
            raise NotFound(f"Nothing of this sign is found now. See: newsletter edition check {edition_id}.")
        gate.give_reason(session, edition, found, meant[0].key, reason, now=now, staff_id=staff_id)
        about, detail = f"edition {edition_id}", "reason for a warning"
        audit.note(session, runtime.crypto, "change edition", staff_id=staff_id, about=about, detail=detail, now=now)
        typer.echo(f"It may stay: {meant[0].message}")
