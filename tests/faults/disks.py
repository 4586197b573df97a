"""Full disks: a small one that is filled to the brim, or, where none may be mounted, files that cannot grow."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.faults.processes import Child

#: Room for a database with a few hundred readers, and for what is written while they are sent to.
DISK_BYTES = 24 * 2**20


class Disk(Protocol):
    name: str

    def fill(self, worker: Child) -> None:
        """From now on nothing that the worker writes finds room."""
        ...

    def free(self, worker: Child) -> None:
        """There is room again."""
        ...


class SmallDisk:
    """A file system of its own in memory, filled up with a file that is in nobody's way otherwise."""

    name = "disk full"

    def __init__(self, directory: Path) -> None:
        self._ballast = directory / "ballast"

    def fill(self, worker: Child) -> None:
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self, worker: Child) -> None:
        self._ballast.unlink()


class FilesThatCannotGrow:
    """A limit on the size of the files that one process writes; it gets an error, as it would on a full disk."""

    name = "disk full (limit of file size)"

    def __init__(self, database: Path) -> None:
        self._journal = Path(f"{database}-wal")

    def fill(self, worker: Child) -> None:
        most = self._journal.stat().st_size if self._journal.exists() else 0
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def free(self, worker: Child) -> None:
        if worker.is_alive:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def mounted(directory: Path) -> Iterator[bool]:
    """A small file system at the directory; False where it may not be mounted."""
    done = os.geteuid() == 0 and _quietly("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(directory))
    try:
        yield done
    finally:
        if done:
            _quietly("umount", "--lazy", str(directory))


def _quietly(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False
