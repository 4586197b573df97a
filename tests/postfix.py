"""A real Postfix of the tests' own: its configuration, queue, data and log lie in one directory, and nothing of it is
known to, or taken from, a Postfix that this machine may run.

It listens on a port of this machine alone and is stopped with the test. Postfix insists on being started by root.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

#: Beside these, a Postfix needs no service for what the tests do with it. Type, private, unprivileged, chroot, wakeup,
#: maxproc, command.
_SERVICES = """\
{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

#: How long anything that Postfix does may take.
PATIENCE_S = 60


def find() -> str:
    """The command `postfix`. Where it is missing the test fails under CI, and says elsewhere that it was left out."""
    command = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if command is not None and os.geteuid() == 0:
        return command
    why = "needs a Postfix (Debian: apt-get install postfix)" if command is None else "needs root to start Postfix"
    if os.environ.get("CI"):
        pytest.fail(f"The journey through a real mail server {why}; .ci/run sees to that.")
    pytest.skip(f"The journey through a real mail server {why}.")


class Postfix:
    """One instance, running for as long as the block it is the context of. `settings` go into `main.cf`, `services` are
    lines for `master.cf`; `{directory}` in them is where all of it lies."""

    def __init__(self, settings: Mapping[str, str], services: str = "") -> None:
        self._command = find()
        # Not below pytest's own directory: Postfix's processes, which are not root, must get there.
        self.directory = Path(tempfile.mkdtemp(prefix="newsletter-postfix-"))
        self.directory.chmod(0o755)
        self.port = _free_port()
        for name in ("etc", "spool", "data"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", "postfix")
        self.log = self.directory / "mail.log"
        values = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.directory / "spool"),
            "data_directory": str(self.directory / "data"),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.directory),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "relay.example.org",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "local_transport": "error:nobody lives here",
            "alias_maps": "",
            "alias_database": "",
            "recipient_delimiter": "+",
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "smtputf8_enable": "yes",
            "notify_classes": "",
            "in_flow_delay": "0",  # it would slow down whoever hands over faster than it passes on
            **settings,
        }
        etc = self.directory / "etc"
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))
        (etc / "master.cf").write_text(
            _SERVICES.format(listen=f"127.0.0.1:{self.port}") + services.format(directory=self.directory)
        )

    def __enter__(self) -> "Postfix":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Postfix":
        try:
            self.run("start")
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                        assert connection.recv(3) == b"220", self.said()
                    return self
                except OSError:
                    assert time.monotonic() < deadline, self.said()
                    time.sleep(0.05)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and remove everything it wrote. Safe to call twice."""
        if self.directory.exists():
            self.run("abort", must_succeed=False)
            shutil.rmtree(self.directory)

    def flush(self) -> None:
        """Let it try again at once what it had put off."""
        self.run("flush")

    def run(self, *arguments: str, must_succeed: bool = True) -> None:
        """`postfix` with its own configuration."""
        ended = subprocess.run(
            [self._command, "-c", str(self.directory / "etc"), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert not must_succeed or ended.returncode == 0, ended.stdout + ended.stderr + self.said()

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else "(Postfix has logged nothing)"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
