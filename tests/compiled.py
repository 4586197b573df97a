"""Templates and SQL compiled once for a whole run, rather than once for each of the thousand applications and databases
that it makes: a fifth of the time of a test of a page went into SQL that the test before it had compiled."""

from functools import partialmethod
from typing import Any

import sqlalchemy as sa
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


class InMemory(BytecodeCache):
    """What was compiled, by template. Jinja itself asks whether a source is still the one that was compiled."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


def share() -> None:
    """Every environment and every engine made from now on uses what any other has compiled."""
    Environment.__init__ = partialmethod(Environment.__init__, bytecode_cache=InMemory())  # type: ignore[assignment, method-assign]
    sa.create_engine = _engine


#: More than the product has.
_STATEMENTS = 10_000

_create_engine = sa.create_engine
_first: dict[str, sa.Engine] = {}


def _engine(url: sa.URL | str, **settings: Any) -> sa.Engine:
    """An engine with the cache of the first one for that kind of database. A cache goes with its dialect, which is
    ready once it has been connected."""
    engine = _create_engine(url, **{"query_cache_size": _STATEMENTS, **settings})
    first = _first.get(engine.name)
    if first is not None and first.dialect.server_version_info is not None:
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    else:
        _first[engine.name] = engine
    return engine
