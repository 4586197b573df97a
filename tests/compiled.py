"""Templates compiled once for a whole run, rather than once for each of the thousand applications that it makes."""

from functools import partialmethod

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
    """Every environment made from now on uses what any other has compiled."""
    Environment.__init__ = partialmethod(Environment.__init__, bytecode_cache=InMemory())  # type: ignore[assignment, method-assign]
