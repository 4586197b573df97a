"""`newsletter feedback …`: what readers told us, taken from replies, read, and grouped into themes."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from newsletter.cli import edge, files
from newsletter.content import partners, responses
from newsletter.content.dates import london_date
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions import moves, replied
from newsletter.editions.models import Edition
from newsletter.feedback import replies, taking, themes
from newsletter.feedback.models import FeedbackSource
from newsletter.feedback.replies import Reply

feedback = typer.Typer(no_args_is_help=True, help="What readers told us. It names nobody.")

Ids = Annotated[list[int], typer.Argument(metavar="IDS", help="The numbers that “list” shows.")]
Area = Annotated[int | None, typer.Option("--area", metavar="N", help="The number of a priority area.")]

COLUMNS = ("id", "day", "source", "kind", "area", "who", "useful", "edition", "part", "state", "theme", "text")


def add_to(app: typer.Typer) -> None:
    app.add_typer(feedback, name="feedback")


@feedback.command("take")
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE.eml", exists=True, dir_okay=False, readable=True)],
    area: Area = None,
    edition_id: Annotated[
        int | None,
        typer.Option("--edition", metavar="ID", min=1, help="The edition it answers. Else: the one with its subject."),
    ] = None,
    about: Annotated[
        str | None,
        typer.Option("--about", metavar="PART", help="The part it is about: its title, or its name like update-12."),
    ] = None,
) -> None:
    """Keep the words of a reply to one of our mails: without its sender, its signature and what it quotes.

    The report of the edition counts it, for the part it is about. Without --area it has the priority area of that part.
    """
    with edge.opened() as runtime, runtime.db.transaction() as session:
        today = london_date(runtime.clock.now())
        area_id = next(
            (
                each.id
                for each in partners.priority_areas(session, on=today)
                if area is not None and each.number == area
            ),
            None,
        )
        if area is not None and area_id is None:
            raise NotFound(f"There is no priority area {area} today.")
        reply = replies.read(file.read_bytes())
        edition = _answered(session, edition_id, reply)
        if edition is not None:
            anchor = None if about is None else replied.part(edition, about)
            row = replied.take(session, edition, text=reply.words, day=today, anchor=anchor, priority_area_id=area_id)
            belongs = f"It answers edition {edition.id}, “{edition.frozen_subject}”{f': {anchor}' if anchor else ''}."
        elif about is not None:
            raise InvalidInput("No edition that went out has the subject of this mail. Say which: --edition ID.")
        else:
            row = taking.view(
                session, text=reply.words, day=today, source=FeedbackSource.REPLY, priority_area_id=area_id
            )
            belongs = "It belongs to no edition: none that went out has its subject."
        number = row.id
    typer.echo(reply.words)
    typer.echo(belongs)
    typer.echo(f"This is feedback {number}. Check that nothing in it names a person, then delete the mail.")


def _answered(session: Session, edition_id: int | None, reply: Reply) -> Edition | None:
    """The edition that was named, or else the one with the subject of the reply."""
    if edition_id is not None:
        return moves.read(session, edition_id)
    found = replied.by_subject(session, reply.subject)
    if len(found) > 1:
        ids = " and ".join(map(str, found))
        raise InvalidInput(
            f"Editions {ids}, of several newsletters, have the subject of this mail. Say which: --edition ID."
        )
    return moves.read(session, found[0]) if found else None


@feedback.command("list")
def list_feedback(
    area: Area = None,
    since: Annotated[
        datetime | None, typer.Option("--since", metavar="DATE", formats=["%Y-%m-%d"], help="Like 2026-09-01.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As a table for a spreadsheet.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", dir_okay=False, help="A table into this file: .csv or .xlsx."),
    ] = None,
) -> None:
    """Show what readers wrote, oldest first."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        areas = {each.id: each for each in partners.priority_areas(session)}
        wanted = None if area is None else [id_ for id_, each in areas.items() if each.number == area and id_]
        rows = themes.listed(session, priority_area_ids=wanted, since=since.date() if since else None)
    cells = [
        (
            str(row.id),
            row.day.isoformat(),
            row.source.value,
            row.kind.value,
            f"{areas[row.priority_area_id].number} {areas[row.priority_area_id].name}" if row.priority_area_id else "",
            row.speaker.value if row.speaker else "",
            {True: "yes", False: "no", None: ""}[row.is_useful],
            str(row.edition_id or ""),
            row.anchor or "",
            row.state.value,
            theme or "",
            row.text or "",
        )
        for row, theme in rows
    ]
    if as_csv or out is not None:
        files.write_table(
            out, COLUMNS, ((row.id, row.day, *text[2:]) for (row, _), text in zip(rows, cells, strict=True))
        )
        return
    for row_cells in cells:
        said = dict(zip(COLUMNS, row_cells, strict=True))
        about = [said["day"], said["source"], said["area"] or "no area", said["who"], said["state"], said["theme"]]
        typer.echo(f"{said['id']:>5}  {' · '.join(part for part in about if part)}")
        typer.echo("".join(f"       {line}\n" for line in said["text"].splitlines()))
    if not cells:
        typer.echo("There is no feedback.")


@feedback.command("file")
def file_feedback(
    ids: Ids,
    theme: Annotated[str, typer.Option("--theme", metavar="TEXT", help="What they are about, in a few words.")],
) -> None:
    """Group feedback into a theme, to be answered together in “You said, we did”."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        name = themes.file(session, ids, theme, now=runtime.clock.now()).name
    typer.echo(f"Filed under “{name}”: {len(set(ids))}.")


@feedback.command("set-aside")
def set_aside(ids: Ids) -> None:
    """Count feedback nowhere: it is vexatious, or about the service that one person gets."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        themes.set_aside(session, ids)
    typer.echo(f"Set aside: {len(set(ids))}.")


@feedback.command("delete")
def delete(ids: Ids) -> None:
    """Delete feedback for good: it was kept twice, or somebody stands in it."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        themes.delete(session, ids)
    typer.echo(f"Deleted: {len(set(ids))}.")


@feedback.command("themes")
def list_themes(
    since: Annotated[datetime, typer.Option("--since", metavar="DATE", formats=["%Y-%m-%d"])],
    until: Annotated[datetime, typer.Option("--until", metavar="DATE", formats=["%Y-%m-%d"])],
) -> None:
    """Count each theme by priority area, as it may be published: numbers from 1 to 4 are “fewer than 5”."""
    if until < since:
        raise InvalidInput("--until must not be before --since.")
    with edge.opened() as runtime, runtime.db.reading() as session:
        names = {each.id: f"{each.number} {each.name}" for each in partners.priority_areas(session)}
        for counted in themes.counts(session, since=since.date(), until=until.date()):
            area = names.get(counted.priority_area_id, "no area")
            answered = f"answered by response {counted.response_id}" if counted.response_id else "not answered yet"
            typer.echo(f"{counted.in_public:>12}  {counted.theme} ({area}), {answered}")


@feedback.command("answer")
def answer(
    theme: Annotated[str, typer.Argument(metavar="THEME", help="One that “themes” lists.")],
    response_id: Annotated[int, typer.Argument(metavar="RESPONSE", help="The number that “response list” shows.")],
) -> None:
    """Say which “You said, we did” answers a theme; the yearly report leads from one to the other."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        said = responses.by_id(session, response_id).theme
        name = themes.answer(session, theme, response_id).name
    typer.echo(f"“{name}” is answered by “{said}”.")
