"""The nursery: a process that has read the product once and forks a child for every command of it that is wanted.

To import the application takes a second of processor time, and a hundred workers are killed in a run. A child calls
what the console script `newsletter` calls, in a process group of its own, and may be killed like any other process.
Orders come in on standard input and news goes out on standard output, a line of JSON each; when the input ends, every
child still alive is killed.

    {"arguments": ["worker"], "settings": {"NEWSLETTER_…": "…"}, "output": "/file", "group": 0}
    {"born": 4711}        {"ended": 4711, "code": -9}
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

from sqlalchemy.orm import configure_mappers

from newsletter.cli import app

#: What a command imports only when it comes to it.
READ_BEFOREHAND = (
    "asyncpg",
    "newsletter.providers.smtp",
    "newsletter.tables",
    "psycopg",
    "scheduler.timetable",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)


class Nursery:
    def __init__(self) -> None:
        self._alive: set[int] = set()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        rest = b""
        while True:
            ready, _, _ = select.select([0, self._read_end], [], [])
            if self._read_end in ready:
                os.read(self._read_end, 4096)
                self._bury()
            if 0 in ready:
                read = os.read(0, 65536)
                if not read:
                    break
                *orders, rest = (rest + read).split(b"\n")
                for order in orders:
                    self._bear(json.loads(order))
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)

    def _bear(self, order: dict[str, Any]) -> None:
        group = order["group"] if order["group"] in self._alive else 0
        pid = os.fork()
        if not pid:
            live(order, group)
        with contextlib.suppress(OSError):  # the child does the same: whoever is first
            os.setpgid(pid, group)
        self._alive.add(pid)
        _tell({"born": pid})

    def _bury(self) -> None:
        while self._alive:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._alive.discard(pid)
            _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def live(order: dict[str, Any], group: int) -> NoReturn:
    """The life of a child: one command of the product."""
    code: Any = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.setpgid(0, group)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(order["settings"])
        app(order["arguments"], prog_name="newsletter")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(news: dict[str, int]) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    for name in READ_BEFOREHAND:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    configure_mappers()
    gc.collect()
    gc.freeze()
    Nursery().run()
