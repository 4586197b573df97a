"""`newsletter privacy …`: papers for the data protection officer."""

from pathlib import Path
from typing import Annotated

import typer

from newsletter import records
from newsletter.cli import edge

privacy = typer.Typer(no_args_is_help=True, help="Papers for the data protection officer.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(privacy, name="privacy")


@privacy.callback()
def _group() -> None:
    """Papers for the data protection officer."""


@privacy.command("records")
def write_records(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory to write into.", file_okay=False)],
) -> None:
    """Write impact assessment, record of processing, privacy notice and policy as Markdown, from the settings."""
    with edge.opened() as runtime:
        files = records.write(runtime, out)
    for file in files:
        typer.echo(file)
    typer.echo("Each is a draft: read it, complete what stands in italics, and have it signed.")
