"""`newsletter receipts take` as a mail server calls it, and for a mailbox that something else fills."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newsletter.cli import app
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.core.runtime import Runtime
from newsletter.providers.base import Outcome
from subscribers.models import Subscriber, SubscriberState
from tests.newsletter.cli.conftest import Newsletter
from tests.newsletter.delivery.coming_back import Copy, copy_of, made_out, receipts
from tests.newsletter.delivery.scene import add_readers, claim, opened_edition, record, set_up, states


@pytest.fixture
def product(newsletter: Newsletter) -> Iterator[Runtime]:
    """The database that the commands work on, with an edition that was sent to three readers."""
    assert newsletter("migrate").exit_code == 0
    built = runtimes.build(settings.load())
    mailing_list = set_up(built)
    add_readers(built, mailing_list, 3)
    opened_edition(built, mailing_list)
    record(built, claim(built), Outcome.ACCEPTED)
    yield built
    built.db.dispose()


@pytest.fixture
def copies(product: Runtime) -> list[Copy]:
    return [copy_of(product, reader, 1) for reader in (1, 2, 3)]


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


def take(raw: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["receipts", "take", *arguments], input=raw)


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_one_message_is_taken_from_standard_input(product: Runtime, copies: list[Copy], arguments: list[str]) -> None:
    raw = made_out("gmail-no-such-user", copies[0])
    result = take(raw, *arguments)
    assert (result.exit_code, result.stdout) == (0, "bounced (5.1.1): applied.\n")
    assert states(product, 1) == {"accepted": 2, "bounced": 1}
    with product.db.reading() as session:
        assert session.get_one(Subscriber, 1).state is SubscriberState.SUSPENDED
    assert take(raw, *arguments).stdout == "bounced (5.1.1): taken before.\n"


def test_one_message_is_taken_from_a_file(newsletter: Newsletter, copies: list[Copy], tmp_path: Path) -> None:
    file = tmp_path / "complaint.eml"
    file.write_bytes(made_out("yahoo-complaint", copies[0]))
    assert newsletter("receipts", "take", file).stdout == "complained: applied.\n"


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"Subject: Hello\n\nHow are you?\n", b"\xff\x00" * 5000])
def test_what_tells_nothing_is_kept_too_so_that_nobody_bounces_a_bounce(product: Runtime, raw: bytes) -> None:
    result = take(raw)
    assert (result.exit_code, result.stdout) == (0, "other: no delivery.\n")
    with product.db.reading() as session:
        (receipt,) = receipts(session)
    assert receipt.evidence == ""


def test_every_new_message_of_a_maildir_is_taken_and_put_with_the_read_ones(
    newsletter: Newsletter, product: Runtime, copies: list[Copy], maildir: Path
) -> None:
    samples = ("gmail-no-such-user", "yahoo-complaint", "out-of-office", "postfix-delayed")
    for number, sample in enumerate(samples):
        (maildir / "new" / f"{number}.M1P2.host").write_bytes(made_out(sample, copies[number % 3]))
    (maildir / "new" / "9.M1P2.host").write_bytes(made_out("yahoo-complaint", copies[1]))
    result = newsletter("receipts", "take", "--maildir", maildir)
    assert result.stdout == "Taken: applied 2, no delivery 1, nothing new 1, taken before 1.\n"
    assert list((maildir / "new").iterdir()) == []
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == [
        *(f"{number}.M1P2.host:2,S" for number in range(4)),
        "9.M1P2.host:2,S",
    ]
    assert states(product, 1) == {"accepted": 1, "bounced": 1, "complained": 1}
    assert newsletter("receipts", "take", "--maildir", maildir).stdout == "There is nothing new.\n"


def test_while_the_database_is_busy_the_mail_server_keeps_the_message(
    newsletter: Newsletter,
    copies: list[Copy],
    maildir: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = made_out("gmail-no-such-user", copies[0])
    (maildir / "new" / "1").write_bytes(raw)
    with monkeypatch.context() as patched:
        patched.setattr("newsletter.core.db.SQLITE_BUSY_TIMEOUT_MS", 50)
        holder = sqlite3.connect(data_dir / "newsletter.db", isolation_level=None)
        try:
            holder.execute("BEGIN IMMEDIATE")
            for result in (take(raw), newsletter("receipts", "take", "--maildir", maildir)):
                assert result.exit_code == 75
                assert "busy" in result.stderr
                assert result.stdout == ""
        finally:
            holder.close()
    assert [path.name for path in (maildir / "new").iterdir()] == ["1"]
    assert newsletter("receipts", "take", "--maildir", maildir).stdout == "Taken: applied 1.\n"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2"),
        ("DATABASE_URL", "nonsense"),
        ("SECRET_KEY", "quite another secret than the one before"),
        ("SECRET_KEY_FILE", "/nowhere"),
    ],
)
def test_whatever_keeps_us_from_taking_it_the_mail_server_is_asked_to_try_again(
    newsletter: Newsletter, product: Runtime, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{setting}", value)
    result = take(b"Subject: Hello\n\n")
    assert result.exit_code == 75
    assert len(result.stderr.splitlines()) == 1


def test_before_the_first_migration_the_mail_server_is_asked_to_try_again(newsletter: Newsletter) -> None:
    result = take(b"Subject: Hello\n\n")
    assert (result.exit_code, result.stderr) == (
        75,
        "The database has no tables yet. Run “newsletter migrate” first.\n",
    )


def test_a_directory_that_is_no_maildir_is_said_to_be_none(
    newsletter: Newsletter, product: Runtime, tmp_path: Path
) -> None:
    result = newsletter("receipts", "take", "--maildir", tmp_path)
    assert result.exit_code == 75
    assert "is no Maildir" in result.stderr
