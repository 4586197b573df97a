"""Waiting for what must happen: never for a time and hoping, always for a condition, and never for ever."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Far longer than anything here takes on a busy machine.
PATIENCE_S = 60.0
LOOK_S = 0.02


def wait_for(what: str | Callable[[], str], condition: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """The first value of the condition that is true; an assertion error that says what never happened."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"In {seconds:g} seconds this did not happen: {what if isinstance(what, str) else what()}"
            )
        time.sleep(LOOK_S)
    return found
