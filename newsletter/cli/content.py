"""`newsletter event …`, `response …` and `glossary …`: what an edition carries besides its updates.

Events and responses come from a TOML file with one table for each, `[[events]]` or `[[responses]]`: the fields of
their drafts, the organisation by its slug, the priority area by its number, `audiences` as a list, and local times.
"""

import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from newsletter.cli import edge
from newsletter.content import events, fields, glossary, partners, responses
from newsletter.content.dates import LONDON, from_until, london_date
from newsletter.content.events import EventDraft
from newsletter.content.glossary import TermDraft
from newsletter.content.responses import ResponseDraft
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing
from newsletter.staff.models import StaffRole
from subscribers import spreadsheets

event = typer.Typer(no_args_is_help=True, help="Dates that editions tell of, and that calendars can subscribe to.")
response = typer.Typer(no_args_is_help=True, help="“You said, we did”: what people said, and what came of it.")
words = typer.Typer(no_args_is_help=True, help="The glossary: words and acronyms that are explained to readers.")

InToml = Annotated[Path, typer.Argument(metavar="FILE.toml", exists=True, dir_okay=False, readable=True)]
InCsv = Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True)]
By = Annotated[str | None, typer.Option("--by", metavar="EMAIL", help="The member of staff who does this.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(event, name="event")
    app.add_typer(response, name="response")
    app.add_typer(words, name="glossary")


@event.command("add")
def add_events(file: InToml, by: By = None) -> None:
    """Add the events of a TOML file, all or none, and say the id and address of each."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = _staff_id(session, runtime, by)
        for values in _entries(session, file, "events"):
            for mine, theirs in (("starts", "starts_at"), ("ends", "ends_at")):
                values[theirs] = _in_london(values.pop(mine, None), mine)
            written = events.write(
                session, fields.read(EventDraft, values), now=runtime.clock.now(), author_id=staff_id
            )
            typer.echo(f"{written.id}\t{runtime.settings.base_url.rstrip('/')}/events/{written.slug}")


@event.command("list")
def list_events(
    past: Annotated[bool, typer.Option("--all", help="Those that are over or not announced too.")] = False,
) -> None:
    """List what is coming, soonest first: id, when, title."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        found = events.all_events(session)[::-1] if past else events.coming(session, now=runtime.clock.now())
        for one in found:
            cancelled = "\tcancelled" if one.cancelled_at else ""
            typer.echo(f"{one.id}\t{from_until(one.starts_at, one.ends_at)}\t{one.title}{cancelled}")


@event.command("cancel")
def cancel_event(
    event_id: Annotated[int, typer.Argument(metavar="ID", help="Number that “event list” shows.", min=1)], by: By = None
) -> None:
    """Call an event off: its page and every calendar say so. An edition that has it and has not gone out is a draft
    again."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id, now = _staff_id(session, runtime, by), runtime.clock.now()
        is_new = events.cancel(session, event_id, now=now, editor_id=staff_id)
        reopened = publishing.reopen_editions_with_event(session, event_id, now=now, staff_id=staff_id)
        typer.echo("Cancelled." if is_new else "It was cancelled already.")
        for edition_id in reopened:
            typer.echo(f"Edition {edition_id} had it and is a draft again.")


@response.command("add")
def add_responses(file: InToml, by: By = None) -> None:
    """Add the responses of a TOML file, all or none, and say the id of each."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = _staff_id(session, runtime, by)
        for values in _entries(session, file, "responses"):
            written = responses.write(
                session, fields.read(ResponseDraft, values), now=runtime.clock.now(), author_id=staff_id
            )
            typer.echo(f"{written.id}\t{written.theme}")


@response.command("list")
def list_responses(
    late: Annotated[bool, typer.Option("--late", help="Only what was promised and is not done in time.")] = False,
) -> None:
    """List responses, newest first: id, outcome, by when, theme."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        today = london_date(runtime.clock.now())
        for one in responses.overdue(session, on=today) if late else responses.all_responses(session):
            by = f" by {one.doing_by}{' (late)' if responses.is_overdue(one, today) else ''}" if one.doing_by else ""
            typer.echo(f"{one.id}\t{one.outcome.value}{by}\t{one.theme}")


@words.command("add")
def add_term(
    term: Annotated[str, typer.Argument(metavar="TERM", help="The word or acronym, like EHCP.")],
    means: Annotated[str, typer.Option("--means", metavar="TEXT", help="One or two plain sentences.")],
    stands_for: Annotated[str, typer.Option("--for", metavar="TEXT", help="What an acronym stands for.")] = "",
) -> None:
    """Add a term; editions from today on write an acronym out at its first use."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        values = {"term": term, "expansion": stands_for, "explanation": means}
        today = london_date(runtime.clock.now())
        glossary.write(session, fields.read(TermDraft, {**values, "from_date": today}))
        typer.echo(f"{term} is in the glossary.")


@words.command("list")
def list_terms() -> None:
    """List the terms of today from A to Z, with what they stand for."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        for one in glossary.standing(session, london_date(runtime.clock.now())):
            typer.echo(f"{one.term}\t{one.expansion}")


@words.command("import")
def import_terms(file: InCsv) -> None:
    """Take over a CSV file or workbook with the columns term, expansion, explanation, all or nothing.

    A known term is replaced.
    """
    with edge.opened() as runtime, spreadsheets.opened(file) as rows, runtime.db.transaction() as session:
        read = spreadsheets.read(rows, required=("term", "expansion", "explanation"))
        added, changed = glossary.import_rows(session, read, on=london_date(runtime.clock.now()))
        typer.echo(f"Added {added:,}, changed {changed:,}.")


def _staff_id(session: Session, runtime: Runtime, by: str | None) -> int | None:
    return None if by is None else edge.staff_id(session, runtime, by, StaffRole.AUTHOR, StaffRole.ADMIN)


def _entries(session: Session, file: Path, name: str) -> Iterator[dict[str, Any]]:
    """The tables of the file as values of a draft, with ids for slugs and numbers."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get(name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is no TOML file: {error}.") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidInput(f"{file} has no [[{name}]].")
    areas = {str(area.number): area.id for area in partners.priority_areas(session)}
    for entry in entries:
        audiences = entry.pop("audiences", [])
        if not isinstance(audiences, list):
            raise InvalidInput(f'{file}: audiences is a list, like audiences = ["parents"].')
        values: dict[str, Any] = {f"for_{audience}": True for audience in audiences}
        values["partner_id"] = partners.partner_by_slug(session, str(entry.pop("partner", ""))).id
        number = str(entry.pop("area", ""))
        if number and number not in areas:
            raise InvalidInput(f"There is no priority area {number}.")
        values["priority_area_id"] = areas.get(number)
        yield {**entry, **values}


def _in_london(moment: Any, name: str) -> datetime:
    """A local date and time of the file."""
    if not isinstance(moment, datetime):
        raise InvalidInput(f"Give “{name}” as a date and time, like {name} = 2026-11-20T18:30:00.", field=name)
    return moment if moment.tzinfo else moment.replace(tzinfo=LONDON)
