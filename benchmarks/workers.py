"""Real `newsletter worker` processes, started with an environment as an operator's, and stopped as an operator stops
them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from pydantic import SecretStr

from benchmarks import processes
from newsletter.core import runtime as runtimes
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings

SECRET = "a secret that only the benchmarks know"
BASE_URL = "https://news.example.org"


#: A worker that has said that it runs, and used less than this in so long a time, has started and is idle.
_IDLE_CPU_S, _IDLE_S = 0.005, 0.4
_START_S = 60.0


class WorkerFailed(Exception):
    """A worker ended, or did not end, as it should not."""


class Worker:
    """A worker that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    def must_run(self) -> None:
        """Raises `WorkerFailed` with the end of its log when it has ended."""
        if (code := self._process.poll()) is not None:
            raise WorkerFailed(f"The worker ended with {code}. Its log ends:\n{self.said()}")

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def wait_until_idle(self) -> None:
        """Until it has started, and nothing of that is left to be done. Raises `WorkerFailed`."""
        began_s = time.monotonic()
        used_s, is_idle = processes.cpu_s(self.pid), False
        while not is_idle:
            time.sleep(_IDLE_S)
            self.must_run()
            before_s, used_s = used_s, processes.cpu_s(self.pid)
            is_idle = bool(self.said()) and used_s - before_s < _IDLE_CPU_S
            if time.monotonic() - began_s > _START_S:
                raise WorkerFailed(f"The worker did not come to rest. Its log ends:\n{self.said()}")

    def stop(self) -> None:
        """As a service manager does. Raises `WorkerFailed` when it does not end in good order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise WorkerFailed(f"The worker did not stop. Its log ends:\n{self.said()}") from None
        if code != 0:
            raise WorkerFailed(f"The worker ended with {code}. Its log ends:\n{self.said()}")


def runtime(database_url: str) -> Runtime:
    """The same installation as the workers', in this process."""
    settings = {"database_url": database_url, "secret_key": SecretStr(SECRET), "base_url": BASE_URL}
    return runtimes.build(Settings.model_validate(settings))


@contextmanager
def directory() -> Iterator[Path]:
    """Where workers may leave what they write: nothing lies there, no `.env` either."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-worker-") as name:
        yield Path(name)


def plain_environ() -> dict[str, str]:
    """The environment without settings that somebody may have left in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}


@contextmanager
def running(number: int, database_url: str, directory: Path, mail: Mapping[str, str]) -> Iterator[list[Worker]]:
    """So many workers on one database. `mail` are the settings of the mail server."""
    environ = plain_environ() | {
        "NEWSLETTER_DATABASE_URL": database_url,
        "NEWSLETTER_DATA_DIR": str(directory),
        "NEWSLETTER_SECRET_KEY": SECRET,
        "NEWSLETTER_BASE_URL": BASE_URL,
        "NEWSLETTER_MAIL_PROVIDER": "smtp",
        **mail,
    }
    with ExitStack() as stack:
        workers = [_start(stack, directory / f"worker-{each}.log", directory, environ) for each in range(number)]
        for worker in workers:
            worker.wait_until_idle()
        yield workers
        for worker in workers:
            worker.stop()


def _start(stack: ExitStack, log: Path, directory: Path, environ: Mapping[str, str]) -> Worker:
    output: IO[bytes] = stack.enter_context(log.open("wb"))
    command = [str(Path(sys.executable).with_name("newsletter")), "worker"]
    process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory, env=dict(environ))
    stack.callback(_end, process)
    return Worker(process, log)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
