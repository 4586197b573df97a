"""`newsletter run`, `web`, `worker` and `scheduler`: the processes that stay."""

import contextlib
from typing import Annotated

import typer

from newsletter import migrating, running
from newsletter.cli import edge
from newsletter.core import installation, loops
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, invitations

Host = Annotated[str, typer.Option("--host", metavar="HOST", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", help="Port to listen on.", min=1, max=65535)]


def add_to(app: typer.Typer) -> None:
    for command in (run, web, worker, scheduler):
        app.command()(command)


def run(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run everything in one process: web pages, clock and sending. Brings the database up to date first."""
    runtime = edge.configured(serving=True)
    listener = running.listen(host, port)
    with contextlib.closing(listener), running.only_worker(runtime):
        migrating.upgrade(runtime.db)
        with runtime.db.transaction() as session:
            installation.check_secret(session, runtime.crypto, runtime.clock)
        _say_where(host, port, runtime.settings.mail_provider == "outbox" and not runtime.settings.is_production)
        _say_how_to_join(runtime)
        try:
            loops.run(running.serve(runtime, listener=listener, clock=True, worker=True))
        finally:
            runtime.db.dispose()
    typer.echo("Stopped.")


def web(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the web pages alone. Beside them a worker and a scheduler are needed."""
    with edge.opened(serving=True) as runtime, contextlib.closing(running.listen(host, port)) as listener:
        _say_where(host, port, runtime.settings.mail_provider == "outbox" and not runtime.settings.is_production)
        loops.run(running.serve(runtime, listener=listener))
    typer.echo("Stopped.")


def worker() -> None:
    """Send what is queued, until stopped. One process on SQLite; any number, on any host, on PostgreSQL."""
    with edge.opened(serving=True) as runtime, running.only_worker(runtime):
        typer.echo("Sending what is queued. Stop with Ctrl-C.")
        loops.run(running.serve(runtime, worker=True))
    typer.echo("Stopped.")


def scheduler() -> None:
    """Run the clock alone: assembles what falls due, lets scheduled editions go, sweeps. Any number may run."""
    with edge.opened(serving=True) as runtime:
        typer.echo("The clock is running. Stop with Ctrl-C.")
        loops.run(running.serve(runtime, clock=True))
    typer.echo("Stopped.")


def _say_how_to_join(runtime: Runtime) -> None:
    """While no administrator has joined, whoever starts the product is the one to let the first in."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        staff_id = accounts.first_to_join(session)
        if staff_id is not None:
            text = invitations.invite(session, runtime.crypto, staff_id, now=now)
            audit.note(session, runtime.crypto, "invite", staff_id=None, about=f"account {staff_id}", now=now)
            typer.echo(f"The first administrator joins here, once: {runtime.settings.base_url}/staff/join/{text}")


def _say_where(host: str, port: int, has_outbox: bool) -> None:
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}"
    typer.echo(f"Open {address} in a browser.")
    if has_outbox:
        typer.echo(f"No mail leaves this machine: read it at {address}/outbox")
    typer.echo("Stop with Ctrl-C.")
