"""A real `newsletter web` process to knock at, on an installation of its own that was filled once.

Nobody empties the letter box meanwhile: what is measured is the page. Each request says that it comes from another
network, as behind a proxy, so that no limit is met.
"""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from benchmarks import workers
from newsletter import migrating, sample
from newsletter.core import installation
from newsletter.core.runtime import Runtime
from newsletter.web import robots
from subscribers import lists

_START_S = 60.0
_networks = count(1)


def fill(url: str) -> None:
    """The sample's lists and wordings, and nobody on them."""
    runtime = workers.runtime(url)
    migrating.upgrade(runtime.db)
    with runtime.db.transaction() as session:
        installation.check_secret(session, runtime.crypto, runtime.clock)
    sample.load(runtime, with_people=False)
    if runtime.db.is_sqlite:
        with runtime.db.engine.connect() as connection:  # so that one file holds everything and can be copied
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    runtime.db.dispose()


def parents_id(runtime: Runtime) -> int:
    with runtime.db.reading() as session:
        found = lists.by_slug(session, "parents").id
    assert found is not None
    return found


def sign_up_form(runtime: Runtime, list_id: int, address: str) -> dict[str, str]:
    """The fields that a person sends."""
    return {
        "email": address,
        robots.STAMP: robots.stamp(runtime.crypto, list_id, now=runtime.clock.now() - 2 * robots.TYPING),
    }


@dataclass(frozen=True, slots=True)
class Web:
    """A web process that answers."""

    port: int
    pid: int


@contextmanager
def open_at(database_url: str) -> Iterator[Web]:
    """A web process on this database. Raises `WorkerFailed` when it does not come up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with workers.directory() as directory:
        environ = workers.plain_environ() | {
            "NEWSLETTER_DATABASE_URL": database_url,
            "NEWSLETTER_DATA_DIR": str(directory),
            "NEWSLETTER_SECRET_KEY": workers.SECRET,
            "NEWSLETTER_BASE_URL": workers.BASE_URL,
            "NEWSLETTER_TRUSTED_PROXIES": "127.0.0.1",
            "NEWSLETTER_LOG_LEVEL": "warning",
        }
        command = [str(Path(sys.executable).with_name("newsletter")), "web", "--port", str(port)]
        log = directory / "web.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory, env=environ)
        try:
            _wait_for(process, port, log)
            yield Web(port, process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    began_s = time.monotonic()
    while process.poll() is None and time.monotonic() - began_s < _START_S:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise workers.WorkerFailed(f"The web process did not start. Its log ends:\n{log.read_text()[-2000:]}")


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, form: Mapping[str, str], cookie: str = "") -> tuple[int, float]:
        """The status, and the seconds from the first byte sent to the last one read."""
        number = next(_networks)
        network = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        headers = {"content-type": "application/x-www-form-urlencoded", "x-forwarded-for": network, "cookie": cookie}
        body = urlencode(form)
        start_s = time.perf_counter()
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - start_s

    def get(self, path: str, cookie: str) -> tuple[int, float, int]:
        """The status, the seconds from the first byte sent to the last one read, and how many were read."""
        start_s = time.perf_counter()
        self._connection.request("GET", path, headers={"cookie": cookie})
        answer = self._connection.getresponse()
        size = len(answer.read())
        return answer.status, time.perf_counter() - start_s, size

    def close(self) -> None:
        self._connection.close()
