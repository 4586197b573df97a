"""Held leaves on the command line: what is shown, who may decide, what is said afterwards."""

from pathlib import Path

from newsletter.core import runtime as runtimes
from newsletter.core import settings
from subscribers import bursts, lists, signup
from subscribers.models import Role
from subscribers.signup import Details
from tests.newsletter.cli.conftest import Newsletter


def pressed(number: int) -> None:
    """So many of one school's mailboxes pressed stop, through the rooms of the product."""
    built = runtimes.build(settings.load())
    now = built.clock.now()
    with built.db.transaction() as session:
        list_id = lists.by_slug(session, "professionals").id
        assert list_id is not None
        details = Details(role=Role.SENCO, setting_name="A school")
        for n in range(number):
            address = f"senco-{n}@school.example.org"
            who = signup.request(
                session, built.crypto, mailing_list_id=list_id, address=address, details=details, now=now
            ).subscriber_id
            assert who is not None
            token = built.tokens.make(signup.Purpose.CONFIRM, list_id=list_id, subject_id=who, issued_at=now)
            signup.confirm(session, built.tokens, token, now=now)
            bursts.press(
                session, built.crypto, mailing_list_id=list_id, subscriber_id=who, how=bursts.ONE_CLICK, now=now
            )
    built.db.dispose()


def test_a_burst_is_shown_and_dismissed_by_somebody_who_may(demo: Newsletter, data_dir: Path) -> None:
    assert demo("leaves", "held").stdout == "No leaves are held.\n"
    pressed(6)
    shown = demo("leaves", "held").stdout
    assert shown.startswith("1: 6 of professionals from school.example.org, since ")
    assert "senco-" not in shown
    assert "leaves: 6 came in a burst and are held for a person" in demo("doctor").stdout
    for arguments in (("obey", 1), ("dismiss", 1)):
        assert demo("leaves", *arguments).exit_code == 2
        refused = demo("leaves", *arguments, "--by", "author@example.org")
        assert (refused.exit_code, "admin or dpo" in refused.stderr) == (1, True)
    done = demo("leaves", "dismiss", 1, "--by", "dpo@example.org")
    assert "The emails of 6 people go on" in done.stdout
    assert demo("leaves", "held").stdout == "No leaves are held.\n"
    again = demo("leaves", "obey", 1, "--by", "admin@example.org")
    assert (again.exit_code, "was dismissed on" in again.stderr) == (1, True)
    assert demo("leaves", "obey", 7, "--by", "admin@example.org").exit_code == 1


def test_the_status_of_an_edition_tells_of_held_leaves(demo: Newsletter, data_dir: Path) -> None:
    pressed(5)
    editions = demo("edition", "list").stdout
    number = next(line.split()[0] for line in editions.splitlines() if "professionals" in line)
    assert "5 leaves came in a burst and are held" in demo("edition", "status", number).stdout
    assert '"held_leaves": 5' in demo("edition", "status", number, "--json").stdout
    assert "5 people have left." in demo("leaves", "obey", 1, "--by", "admin@example.org").stdout
