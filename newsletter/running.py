"""The roles of the product in one process: the web pages, the clock and the worker, started and stopped together.

On SIGTERM or SIGINT the clock stops, the worker finishes the window it is sending, the web server finishes the answers
it is giving, and the process ends with 0. On SQLite only one worker runs at a time, held by a lock on a file beside the
database; on PostgreSQL there may be any number.
"""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path

import uvicorn

from newsletter.core.errors import ConfigurationError, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery.sending import Sender
from newsletter.providers import registry
from scheduler import timetable

log = logging.getLogger(__name__)

#: How long answers that are under way may take once the process has been told to stop.
GRACE_S = 5

#: Containers that a worker makes before it looks for garbage: more than the windows of ten connections hold. Those
#: are freed as soon as nobody refers to them, so that looking earlier finds nothing.
GARBAGE_AFTER = 20_000

WORKER_RUNNING = (
    "A worker is already running on this SQLite database, and there can be only one. "
    "Stop it first, or use PostgreSQL, where any number may run."
)


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to us: its own handling ends the process before the worker has finished."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Take the port. Raises `ConfigurationError` when somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0).lower()}. "
            f"Stop what uses it, or choose another port: --port {port + 1}."
        ) from None
    except OverflowError:
        raise ConfigurationError("A port is a number from 1 to 65535.") from None


@contextlib.contextmanager
def only_worker(runtime: Runtime) -> Iterator[None]:
    """Be the only worker on a SQLite database for as long as the block runs; on PostgreSQL there is nothing to do.

    The lock is the operating system's and ends with the process, however it ends.
    Raises `WrongState` when another process has it.
    """
    database = runtime.db.url.database
    if not runtime.db.is_sqlite or not database or database == ":memory:":
        yield
        return
    descriptor = os.open(Path(f"{database}.worker-lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongState(WORKER_RUNNING) from None
        yield
    finally:
        os.close(descriptor)


async def serve(
    runtime: Runtime, *, listener: socket.socket | None = None, clock: bool = False, worker: bool = False
) -> None:
    """Run these roles (web where a `listener` is given) until SIGTERM or SIGINT.

    Raises what stopped a role that should have gone on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    roles: list[Coroutine[None, None, None]] = []
    if listener is not None:
        roles.append(_web(runtime, listener, stop))
    if clock:
        roles.append(_clock(runtime, stop))
    if worker:
        roles.append(_worker(runtime, stop))
    try:
        ended = await asyncio.gather(*(_until(stop, role) for role in roles), return_exceptions=True)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    for failure in ended:
        if failure is not None:
            raise failure


async def _until(stop: asyncio.Event, role: Coroutine[None, None, None]) -> None:
    """Carry out a role; when it fails, stop the others in good order too."""
    try:
        await role
        if not stop.is_set():
            raise RuntimeError("A part of the process stopped by itself.")
    finally:
        stop.set()


def _keep_what_is_loaded() -> None:
    """Never look for garbage in it: it stays for as long as the process does, and to look through all of it takes a
    tenth of a second in which no page is answered and nothing is sent."""
    gc.collect()
    gc.freeze()


async def _web(runtime: Runtime, listener: socket.socket, stop: asyncio.Event) -> None:
    from newsletter.main import create_app  # here, so that a command without pages does not wait for FastAPI

    application = create_app(runtime)
    _keep_what_is_loaded()
    server = _Server(
        uvicorn.Config(
            application,
            access_log=False,  # its lines would carry personal links
            log_config=None,
            log_level="warning",
            proxy_headers=False,  # the application itself knows which proxies to believe
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


async def _clock(runtime: Runtime, stop: asyncio.Event) -> None:
    ticking = timetable.start(runtime)
    try:
        await stop.wait()
    finally:
        await asyncio.to_thread(timetable.stop, ticking)


async def _worker(runtime: Runtime, stop: asyncio.Event) -> None:
    provider = registry.make_configured(runtime)
    _keep_what_is_loaded()
    gc.set_threshold(GARBAGE_AFTER)
    try:
        await Sender(runtime, provider).run(stop)
    finally:
        await provider.aclose()
