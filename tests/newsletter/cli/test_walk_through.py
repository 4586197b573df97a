"""The whole path as a newcomer walks it: the console script itself, in processes of its own, on an empty directory."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).parent / "newsletter"


@pytest.fixture
def environment(data_dir: Path) -> dict[str, str]:
    return {**os.environ, "NEWSLETTER_DATA_DIR": str(data_dir)}


def newsletter(environment: dict[str, str], *arguments: str, code: int = 0) -> str:
    ended = subprocess.run(
        [SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "@" not in ended.stderr, "logs carry no address"
    return ended.stdout


@contextlib.contextmanager
def running(environment: dict[str, str], *arguments: str, says: str) -> Iterator[subprocess.Popen[str]]:
    """A process that stays, once it has said that it is ready; ended in good order, or the test fails."""
    process = subprocess.Popen(
        [SCRIPT, *arguments], env={**environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        readable, _, _ = select.select([process.stdout], [], [], 60)
        assert readable
        assert says in process.stdout.readline()
        yield process
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert said.splitlines()[-1] == "Stopped."
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def page(url: str) -> int:
    """The status of a page, as soon as the server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def until_sent(data_dir: Path, edition: str) -> None:
    """Look into the database, which is quicker than asking the command each time."""
    deadline = time.monotonic() + 60
    with contextlib.closing(sqlite3.connect(data_dir / "newsletter.db")) as database:
        while database.execute("SELECT state FROM edition WHERE id = ?", (edition,)).fetchone() != ("sent",):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def recipients(data_dir: Path) -> list[str]:
    return [
        str(message_from_bytes(file.read_bytes(), policy=policy.default)["To"])
        for file in (data_dir / "outbox").glob("**/*.eml")
    ]


def test_from_nothing_to_two_sent_editions(environment: dict[str, str], data_dir: Path, tmp_path: Path) -> None:
    newsletter(environment, "migrate")
    newsletter(environment, "demo")

    # Parents, from the command line alone.
    edition = newsletter(environment, "edition", "assemble", "parents").splitlines()[-1]
    assert re.fullmatch(r"\d+", edition)
    newsletter(environment, "edition", "preview", edition, "--out", str(tmp_path / "preview"))
    assert {file.name for file in (tmp_path / "preview").iterdir()} == {"edition.html", "edition.txt", "edition.eml"}
    newsletter(environment, "edition", "send", edition, "--now", code=1)  # nobody has approved it
    newsletter(environment, "edition", "approve", edition, "--by", "approver@example.org")
    newsletter(environment, "edition", "send", edition, "--now")
    status = json.loads(newsletter(environment, "edition", "status", edition, "--json"))
    assert status["list"] == "parents"
    assert status["state"] == "sent"
    assert status["counts"]["accepted"] == status["recipients"] > 100
    parents = recipients(data_dir)
    assert len(parents) == len(set(parents)) == status["recipients"]

    # Once more changes nothing.
    newsletter(environment, "edition", "send", edition, "--now")
    assert len(recipients(data_dir)) == len(parents)

    # Professionals, by the running product.
    port = free_port()
    with running(environment, "run", "--port", str(port), says=f"http://127.0.0.1:{port}"):
        assert page(f"http://127.0.0.1:{port}/") == 200
        newsletter(environment, "worker", code=1)  # one is enough on SQLite
        newsletter(environment, "run", "--port", str(port), code=1)  # the port is taken
        edition = newsletter(environment, "edition", "assemble", "professionals").splitlines()[-1]
        newsletter(environment, "edition", "approve", edition, "--by", "approver@example.org")
        newsletter(environment, "edition", "send", edition)
        until_sent(data_dir, edition)
    status = json.loads(newsletter(environment, "edition", "status", edition, "--json"))
    professionals = [address for address in recipients(data_dir) if address not in parents]
    assert len(professionals) == len(set(professionals)) == status["recipients"]
    assert len(recipients(data_dir)) == len(parents) + len(professionals)


def test_send_now_beside_a_running_worker_waits_for_it(environment: dict[str, str], data_dir: Path) -> None:
    newsletter(environment, "demo")
    newsletter(environment, "edition", "approve", "1", "--by", "approver@example.org")
    with running(environment, "worker", says="Sending what is queued"):
        newsletter(environment, "edition", "send", "1", "--now")
    until_sent(data_dir, "1")
    sent = recipients(data_dir)
    assert len(sent) == len(set(sent)) > 100


def test_the_roles_run_apart(environment: dict[str, str], data_dir: Path) -> None:
    newsletter(environment, "demo")
    newsletter(environment, "edition", "approve", "2", "--by", "approver@example.org")
    port = free_port()
    with (
        running(environment, "scheduler", says="The clock is running"),
        running(environment, "worker", says="Sending what is queued"),
        running(environment, "web", "--port", str(port), says=f"http://127.0.0.1:{port}"),
    ):
        assert page(f"http://127.0.0.1:{port}/") == 200
        newsletter(environment, "edition", "send", "2")
        until_sent(data_dir, "2")


def test_the_clock_runs_as_a_module(environment: dict[str, str]) -> None:
    newsletter(environment, "migrate")
    process = subprocess.Popen(
        [sys.executable, "-m", "scheduler"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        readable, _, _ = select.select([process.stderr], [], [], 60)
        assert readable
        assert "Swept away" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0, said
    finally:
        process.kill()
        process.wait()
