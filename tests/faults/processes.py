"""Commands of the product as processes that a test may stop, wake, ask to end, or kill."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Child:
    """One process that runs one command."""

    arguments: tuple[str, ...]
    output_file: Path
    pid: int = 0
    code: int | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_alive(self) -> bool:
        return self.code is None

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def kill_group(self) -> None:
        """Kill it and everybody who was put into its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def wake(self) -> None:
        self.send(signal.SIGCONT)

    def ask_to_end(self) -> None:
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):  # it ended in this moment
                os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """The exit code; minus the number of the signal that ended it."""
        assert self._ended.wait(seconds), f"{self} did not end in {seconds:g} seconds:\n{self.output()}"
        assert self.code is not None
        return self.code

    def output(self) -> str:
        return self.output_file.read_text(errors="replace") if self.output_file.exists() else ""

    def has_ended(self, code: int) -> None:
        self.code = code
        self._ended.set()

    def __str__(self) -> str:
        return f"“newsletter {' '.join(self.arguments)}” (process {self.pid})"


class Processes:
    """Asks the nursery for children and hears how they end. Any thread may use it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        environment["PYTHONPATH"] = str(ROOT)
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=directory,  # no .env there
            env=environment,
            start_new_session=True,  # an interrupted test run ends it in order, by closing its input
        )
        self._lock = threading.Lock()
        self._expected: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._born: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._number = 0
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()

    def start(self, *arguments: str, settings: Mapping[str, str], group: Child | None = None) -> Child:
        """Run a command, in a process group of its own or in that of another child."""
        with self._lock:
            self._number += 1
            child = Child(arguments, self._directory / f"{self._number:04}-{arguments[0]}.log")
            order = {
                "arguments": arguments,
                "settings": dict(settings),
                "output": str(child.output_file),
                "group": group.pid if group is not None else 0,
            }
            self._expected.put(child)
            assert self._nursery.stdin is not None
            self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
            self._nursery.stdin.flush()
            born = self._born.get(timeout=PATIENCE_S)
            assert born is child
            return child

    def close(self) -> None:
        """End the nursery; it kills what is left."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.wait(PATIENCE_S)
        self._hearing.join(PATIENCE_S)
        self._nursery.stdout.close()

    def _hear(self) -> None:
        children: dict[int, Child] = {}
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            news = json.loads(line)
            if "born" in news:
                child = self._expected.get()
                child.pid = news["born"]
                children[child.pid] = child
                self._born.put(child)
            else:
                children.pop(news["ended"]).has_ended(news["code"])
