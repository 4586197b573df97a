"""The roles of a process: one worker on SQLite, a port of one's own, and an end in good order."""

import asyncio
import os
import signal
import socket

import pytest

from newsletter import running
from newsletter.core.errors import ConfigurationError, WrongState
from newsletter.core.runtime import Runtime


def test_there_is_one_worker_on_sqlite_and_any_number_on_postgresql(runtime: Runtime) -> None:
    with running.only_worker(runtime):
        if runtime.db.is_sqlite:
            with pytest.raises(WrongState, match="only one"), running.only_worker(runtime):
                raise AssertionError
        else:
            with running.only_worker(runtime):
                pass
    with running.only_worker(runtime):  # and after it the next
        pass


def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            running.listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        running.listen(host, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_roles_stop_at_a_signal(sqlite_runtime: Runtime, number: signal.Signals) -> None:
    async def serve_and_stop() -> None:
        serving = asyncio.create_task(
            running.serve(sqlite_runtime, listener=running.listen("127.0.0.1", 0), clock=True, worker=True)
        )
        await asyncio.sleep(0)  # the handlers are in place
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), number)
        await asyncio.wait_for(serving, 30)

    asyncio.run(serve_and_stop())


def test_a_role_that_fails_ends_the_others_and_is_told(
    sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: Runtime) -> None:
        raise ConfigurationError("There is no such provider.")

    monkeypatch.setattr(running.registry, "make_configured", unknown)
    with pytest.raises(ConfigurationError, match="no such provider"):
        asyncio.run(
            asyncio.wait_for(
                running.serve(sqlite_runtime, listener=running.listen("127.0.0.1", 0), clock=True, worker=True), 30
            )
        )
