"""The weeks before elections: entered, listed, taken out."""

from datetime import timedelta

import pytest

from newsletter.content.dates import london_date
from newsletter.core.clock import SystemClock
from tests.newsletter.cli.conftest import Newsletter

ADMIN = "admin@example.org"
WEEKS = ("--from", "2029-03-27", "--until", "2029-05-03")


def test_a_period_is_entered_listed_and_taken_out(demo: Newsletter) -> None:
    assert demo("election", "list").stdout == "No election period was entered.\n"
    added = demo("election", "add", "County council election", *WEEKS, "--by", ADMIN)
    assert added.stdout == "1\tCounty council election: 27 March to 3 May 2029\n"
    assert demo("election", "add", "County council election", *WEEKS).stdout == added.stdout
    assert demo("election", "list").stdout == "1\t2029-03-27 to 2029-05-03\tCounty council election\n"
    assert demo("election", "remove", 1, "--by", ADMIN).stdout == "“County council election” was removed.\n"
    assert demo("election", "remove", 1).exit_code == 1
    assert demo("election", "list").stdout == "No election period was entered.\n"


def test_the_list_says_which_one_it_is_now(demo: Newsletter) -> None:
    today = london_date(SystemClock().now())
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    assert demo("election", "add", "By-election", "--from", first, "--until", last).exit_code == 0
    assert demo("election", "list").stdout.endswith("\tBy-election\tnow\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Council", "--from", "2029-05-03", "--until", "2029-03-27"), "The last day must be on or after the first"),
        (("", *WEEKS), "Enter a name of 1 to 120 characters"),
        (("Council", *WEEKS, "--by", "author@example.org"), "This needs somebody with the role admin"),
        (("Council", *WEEKS, "--by", "nobody@example.org"), ""),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(demo: Newsletter, arguments: tuple[str, ...], said: str) -> None:
    result = demo("election", "add", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(said)
    assert demo("election", "list").stdout == "No election period was entered.\n"
