"""`newsletter retention …`: the data protection officer decides, within bounds, and sees when the sweep last ran."""

from newsletter.core import runtime as runtimes
from newsletter.core import settings
from scheduler import jobs
from tests.newsletter.cli.conftest import Newsletter


def test_the_periods_and_the_last_sweep_are_shown(demo: Newsletter) -> None:
    before = demo("retention", "show").stdout
    assert "pending" in before
    assert "7 days" in before
    assert "Last sweep: not yet" in before
    runtime = runtimes.build(settings.load())
    jobs.sweep(runtime)
    runtime.db.dispose()
    after = demo("retention", "show").stdout
    assert "Last sweep: not yet" not in after
    assert "UTC" in after


def test_only_the_data_protection_officer_changes_one_and_only_within_its_bounds(demo: Newsletter) -> None:
    refused = demo("retention", "set", "row-after-end", 400, "--by", "author@example.org")
    assert refused.exit_code == 1
    assert "dpo" in refused.stderr
    too_short = demo("retention", "set", "address-after-end", 3, "--by", "dpo@example.org")
    assert too_short.exit_code == 1
    assert "between 28 and 90" in too_short.stderr
    for _ in range(2):
        done = demo("retention", "set", "row-after-end", 400, "--by", "dpo@example.org")
        assert done.exit_code == 0, done.stderr
    assert "400 days" in demo("retention", "show").stdout
    assert demo("retention", "set", "nonsense", 10, "--by", "dpo@example.org").exit_code == 2
