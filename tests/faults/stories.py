"""Stories told at the same time, each in an installation of its own: they mostly wait, and need not wait in turn."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.faults.installation import Installation

#: A story on each of the two.
BOTH = ("sqlite", "postgresql")


def side_by_side(tell: Callable[[Installation], None], everywhere: Sequence[Installation]) -> None:
    """Tell the story everywhere. What goes wrong first is raised, with the names of all databases on which it did."""
    with ThreadPoolExecutor(len(everywhere)) as threads:
        told = [threads.submit(tell, here) for here in everywhere]
    failures = [(here, failure) for here, each in zip(everywhere, told, strict=True) if (failure := each.exception())]
    for here, failure in failures:
        failure.add_note(f"This was on {here.database}, in {here.name}.")
    if failures:
        raise failures[0][1]
