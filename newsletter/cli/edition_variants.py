"""`newsletter edition variant …`: promise and add other forms of an edition."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import in_words
from newsletter.core.errors import InvalidInput
from newsletter.editions import moves, variants
from newsletter.editions.models import VariantKind
from newsletter.staff.models import StaffRole

app = typer.Typer(no_args_is_help=True, help="Short versions, Easy Read, translations and other forms of an edition.")

EditionId = Annotated[int, typer.Argument(metavar="ID", help="Number that “edition assemble” printed.", min=1)]


@app.command()
def add(
    edition_id: EditionId,
    kind: Annotated[VariantKind, typer.Argument(metavar="KIND", help=", ".join(kind.value for kind in VariantKind))],
    language: Annotated[
        str | None, typer.Option("--language", metavar="TAG", help="Its language, like “pl” for Polish.")
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", metavar="TEXT", help="The words of its link, in its own language: “Polski”."),
    ] = None,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where it is, from https:// on.")] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE.md", exists=True, dir_okay=False, help="Its text, in Markdown."),
    ] = None,
    promised_for: Annotated[
        datetime | None,
        typer.Option("--promised-for", metavar="DATE", formats=["%Y-%m-%d"], help="Not there yet: by when it will be."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="EMAIL", help="The member of staff who does this.")] = None,
) -> None:
    """Add another form of an edition, or promise it. It is published with the edition; after that, at once."""
    try:
        text = file.read_text(encoding="utf-8") if file is not None else ""
    except UnicodeDecodeError:
        raise InvalidInput("The file must be text in UTF-8.") from None
    with edge.opened() as runtime, runtime.db.transaction() as session:
        staff_id = None if by is None else edge.staff_id(session, runtime, by, StaffRole.AUTHOR, StaffRole.ADMIN)
        variant = variants.add(
            session,
            edition_id,
            kind,
            language=language,
            title=title,
            url=url,
            text=text,
            promised_for=promised_for.date() if promised_for is not None else None,
            now=runtime.clock.now(),
            staff_id=staff_id,
        )
        if variant.published_at is not None:
            typer.echo(f"{variant.title} is public now.")
        elif variant.url or variant.text:
            typer.echo(f"{variant.title} is added, and public when the edition goes out.")
        elif variant.promised_for is not None:
            typer.echo(f"{variant.title} is promised for {in_words(variant.promised_for)}.")
        else:
            typer.echo(f"{variant.title} is promised. The edition can be approved when it is there or has a date.")


@app.command("list")
def list_variants(edition_id: EditionId) -> None:
    """List the other forms of an edition: kind, language, title, and whether they are there."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        moves.read(session, edition_id)
        for variant in variants.all_of(session, edition_id):
            if variant.published_at is not None:
                stands = f"public since {variant.published_at:%Y-%m-%d}"
            elif variant.url or variant.text:
                stands = "ready"
            else:
                stands = f"promised for {variant.promised_for}" if variant.promised_for else "promised, without a date"
            typer.echo(f"{variant.kind.value}\t{variant.language}\t{variant.title}\t{stands}")
