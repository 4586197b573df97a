"""The event loop that everything asynchronous here runs in: uvloop, which spends a third less than Python's own on a
message that goes out."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a loop of its own, as `asyncio.run` does, and give back what it returns."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
