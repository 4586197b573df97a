"""The benchmarks keep up with the tables: what they measure on can still be made."""

import pytest

from benchmarks import stage
from newsletter.core.runtime import Runtime
from newsletter.delivery import opening
from newsletter.delivery.models import Opening


@pytest.mark.parametrize("readable", [True, False])
def test_an_edition_can_be_opened_for_readers_that_a_benchmark_made(runtime: Runtime, readable: bool) -> None:
    made = stage.set_up(runtime, 30, readable=readable, finished=1)
    with runtime.db.transaction() as session:
        assert opening.release_and_open(session, made.edition_id, now=runtime.clock.now())
        assert session.get_one(Opening, made.edition_id).recipients == 30
