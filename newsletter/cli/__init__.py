"""The one command, `newsletter`, and every command in it. Each module holds one group; nothing here does the work."""

import typer

from newsletter.cli import (
    answering,
    content,
    editions,
    elections,
    feedback,
    installing,
    keys,
    leaves,
    people,
    privacy,
    receipts,
    retention,
    roles,
    topics,
)
from newsletter.cli.edge import PlainRefusals

app = typer.Typer(
    cls=PlainRefusals,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its traces show the values of variables, and some are addresses
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Two newsletters about progress in SEND services: signed up for, assembled, approved, sent once.",
)
roles.add_to(app)
installing.add_to(app)
app.add_typer(editions.app, name="edition")
content.add_to(app)
elections.add_to(app)
people.add_to(app)
receipts.add_to(app)
retention.add_to(app)
feedback.add_to(app)
answering.add_to(app)
privacy.add_to(app)
topics.add_to(app)
leaves.add_to(app)
keys.add_to(app)
