"""Databases that are filled once, when a run first asks for them, and copied for each run."""

from dataclasses import dataclass, field

from benchmarks import stage, workers
from benchmarks.databases import Databases
from benchmarks.stage import Stage
from newsletter import migrating
from newsletter.core import installation


@dataclass(slots=True)
class Templates:
    """The templates of one kind of database."""

    databases: Databases
    _made: dict[str, Stage] = field(default_factory=dict)

    def get(self, readers: int, *, readable: bool = True, finished: int = 0) -> tuple[str, Stage]:
        """The name of a template, and what is on its stage (see `stage.set_up`)."""
        name = f"readers_{readers}_{finished}" if readable else f"opening_{readers}_{finished}"
        if name not in self._made:
            self.databases.keep(name, lambda url: self._fill(name, url, readers, readable, finished))
        return name, self._made[name]

    def forget(self) -> None:
        """Give the place on the disk back."""
        while self._made:
            self.databases.forget(self._made.popitem()[0])

    def _fill(self, name: str, url: str, readers: int, readable: bool, finished: int) -> None:
        runtime = workers.runtime(url)
        try:
            migrating.upgrade(runtime.db)
            with runtime.db.transaction() as session:
                installation.check_secret(session, runtime.crypto, runtime.clock)
            self._made[name] = stage.set_up(runtime, readers, readable=readable, finished=finished)
        finally:
            runtime.db.dispose()
