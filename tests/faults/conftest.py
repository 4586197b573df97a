"""What a test of faults can ask for."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter import migrating
from newsletter.core.db import Database
from tests.faults.hostile import HostileServer
from tests.faults.installation import Installation
from tests.faults.postgresql import PostgreSQL, quick_directory
from tests.faults.processes import Processes

#: Makes an installation with a database and a mail server of its own: `install("sqlite", smtp_timeout_s=1)`.
Install = Callable[..., Installation]

SEED = "NEWSLETTER_FAULTS_SEED"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Every choice that is left to chance. When a test fails, its seed is shown, and can be given again."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    request.node.add_report_section("setup", "seed", f"Left to chance; to have the same again: {SEED}={seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    directory = Path(tempfile.mkdtemp(prefix="newsletter-faults-"))
    running = Processes(directory)
    yield running
    running.close()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "newsletter.db"
    database = Database(f"sqlite:///{path}")
    migrating.upgrade(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    try:
        yield server.prepare()
    finally:
        server.close()


@pytest.fixture
def install(request: pytest.FixtureRequest, processes: Processes, chance: random.Random) -> Iterator[Install]:
    made: list[Installation] = []
    with tempfile.TemporaryDirectory(prefix="newsletter-", dir=quick_directory()) as parent:

        def installed(kind: str, directory: Path | None = None, **settings: Any) -> Installation:
            where = directory or Path(tempfile.mkdtemp(dir=parent))
            if kind == "sqlite":
                shutil.copy(request.getfixturevalue("migrated_sqlite"), where / "newsletter.db")
                url = f"sqlite:///{where / 'newsletter.db'}"
            else:
                url = request.getfixturevalue("postgresql").new_database()
            server, seed = HostileServer().start(), chance.random()
            made.append(Installation(url, where, processes, server, random.Random(seed), **settings))
            return made[-1]

        yield installed
        for installation in made:
            installation.abandon()
            installation.server.stop()
