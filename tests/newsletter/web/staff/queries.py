"""How many questions a page asks the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from newsletter.core.runtime import Runtime


@contextmanager
def counted(runtime: Runtime) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(runtime.db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(runtime.db.engine, "before_cursor_execute", note)
