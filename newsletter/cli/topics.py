"""`newsletter topics …`: what special editions of a mailing list may be about."""

from datetime import datetime
from typing import Annotated

import typer

from newsletter.cli import edge
from newsletter.content.dates import london_date
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput
from subscribers import lists
from subscribers import topics as of_lists

topics = typer.Typer(no_args_is_help=True, help="Topics of special editions, which professionals may choose.")

ListSlug = Annotated[str, typer.Argument(metavar="LIST", help="The mailing list: professionals.")]
_DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(topics, name="topics")


@topics.command("add")
def add_topic(
    list_slug: ListSlug,
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Short name: early-years.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people see: “Early years”.")],
    from_date: Annotated[datetime | None, typer.Option("--from", help="First day. Default: today.", **_DAY)] = None,
    until_date: Annotated[datetime | None, typer.Option("--until", help="Last day it is offered.", **_DAY)] = None,
) -> None:
    """Offer a topic, or change the name and dates of one. Nobody is enrolled in it."""
    with edge.opened() as runtime, runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, list_slug)
        if mailing_list.audience is Audience.PARENTS:
            raise InvalidInput("Parents and carers are asked for an address and nothing else: topics are not for them.")
        topic = of_lists.write(
            session,
            mailing_list.id or 0,
            slug=slug,
            name=name,
            from_date=from_date.date() if from_date else london_date(runtime.clock.now()),
            until_date=until_date.date() if until_date else None,
        )
        typer.echo(f"{topic.name} can be chosen {_dates(topic.from_date, topic.until_date)}.")


@topics.command("list")
def list_topics(list_slug: ListSlug) -> None:
    """List the topics of a mailing list: short name, name, dates."""
    with edge.opened() as runtime, runtime.db.reading() as session:
        for topic in of_lists.of_list(session, lists.by_slug(session, list_slug).id or 0):
            typer.echo(f"{topic.slug}\t{topic.name}\t{_dates(topic.from_date, topic.until_date)}")


def _dates(first: object, last: object) -> str:
    return f"from {first}" + (f" until {last}" if last else "")
