"""The small partnership on each database."""

import pytest

from newsletter.core.runtime import Runtime
from tests.newsletter.editions.world import World, make


@pytest.fixture
def world(runtime: Runtime) -> World:
    """On SQLite and on PostgreSQL."""
    return make(runtime)


@pytest.fixture
def sqlite_world(sqlite_runtime: Runtime) -> World:
    """On SQLite alone."""
    return make(sqlite_runtime)
