"""`newsletter receipts take`: where a mail server, or a mailbox filled by something else, hands over what came back."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from newsletter.cli import edge
from newsletter.core.errors import ConfigurationError, InvalidInput, NewsletterError
from newsletter.core.runtime import Runtime
from newsletter.delivery import inbox
from newsletter.delivery.inbox import Taken

app = typer.Typer(no_args_is_help=True, help="What comes back: notices of delivery, bounces, complaints.")

#: "Temporary failure" (sysexits.h): the mail server keeps the message and tries again.
TRY_AGAIN = 75
#: Larger messages are read no further: what they are about stands at their beginning.
MOST_BYTES = 25_000_000

Message = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="One message; - or nothing: standard input.", dir_okay=False)
]
Maildir = Annotated[
    Path | None,
    typer.Option(
        "--maildir", metavar="DIR", help="Take every new message of this Maildir instead.", exists=True, file_okay=False
    ),
]


def add_to(typer_app: typer.Typer) -> None:
    typer_app.add_typer(app, name="receipts")


@app.callback()
def group() -> None:
    """What comes back: notices of delivery, bounces, complaints."""


@app.command()
def take(file: Message = None, maildir: Maildir = None) -> None:
    """Take in one message that came back, and let it count; the same message counts once.

    Exit code 0: it is kept, whatever it was, so that nobody bounces a bounce. 75: not now; keep it and try again.
    """
    if file is not None and maildir is not None:
        raise typer.BadParameter("Give a FILE or --maildir, not both.")
    if file is not None and str(file) != "-" and not file.is_file():
        raise typer.BadParameter(f"There is no file {file}.")
    try:
        with edge.opened() as runtime:
            if maildir is not None:
                _take_all(runtime, maildir)
            else:
                typer.echo(_sentence(_take(runtime, _read(file))))
    except (NewsletterError, ConfigurationError) as error:
        _not_now(str(error))
    except DBAPIError as error:
        _not_now(edge.database_sentence(error))
    except SQLAlchemyError as error:
        _not_now(f"The database cannot be used ({type(error).__name__}).")
    except OSError as error:
        _not_now(f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}.")


def _take_all(runtime: Runtime, maildir: Path) -> None:
    """Every message in `new`, moved to `cur` as read once it is kept: whatever happens, none is lost or taken twice."""
    new, cur = maildir / "new", maildir / "cur"
    if not new.is_dir() or not cur.is_dir():
        raise InvalidInput(f"{maildir} is no Maildir: it has no directories new and cur.")
    outcomes: Counter[str] = Counter()
    for path in sorted(new.iterdir()):
        if not path.is_file():
            continue
        taken = _take(runtime, _read(path))
        path.rename(cur / f"{path.name.partition(':')[0]}:2,S")
        outcomes[taken.outcome.value if taken.is_new else "taken before"] += 1
    listed = ", ".join(f"{outcome} {number:,}" for outcome, number in sorted(outcomes.items()))
    typer.echo(f"Taken: {listed}." if listed else "There is nothing new.")


def _read(path: Path | None) -> bytes:
    if path is None or str(path) == "-":
        return sys.stdin.buffer.read(MOST_BYTES)
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def _take(runtime: Runtime, raw: bytes) -> Taken:
    with runtime.db.transaction() as session:
        return inbox.take(session, runtime.crypto, runtime.tokens, raw, now=runtime.clock.now())


def _sentence(taken: Taken) -> str:
    what = f"{taken.kind.value}{f' ({taken.status})' if taken.status else ''}"
    return f"{what}: {taken.outcome.value}." if taken.is_new else f"{what}: taken before."


def _not_now(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(TRY_AGAIN)
