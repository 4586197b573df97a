"""Every command explains itself, refuses in one plain sentence, and never shows a trace."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from newsletter.cli import app
from newsletter.staff import accounts
from tests.newsletter.cli.conftest import Newsletter

#: The names that scripts and documents rely on.
PROMISED = set(
    """
    backup
    complaints acknowledge
    complaints close
    complaints list
    complaints show
    demo
    doctor
    edition answer
    edition approve
    edition assemble
    edition cancel
    edition check
    edition correct
    edition list
    edition pause
    edition preview
    edition resume
    edition rules
    edition send
    edition status
    edition unknown
    edition variant add
    edition variant list
    election add
    election list
    election remove
    event add
    event cancel
    event list
    feedback answer
    feedback delete
    feedback file
    feedback list
    feedback set-aside
    feedback take
    feedback themes
    glossary add
    glossary import
    glossary list
    keys add
    keys list
    keys revoke
    leaves dismiss
    leaves held
    leaves obey
    migrate
    paper done
    paper list
    person erase
    person export
    privacy records
    receipts take
    response add
    response list
    restore
    retention set
    retention show
    run
    scheduler
    schools coverage
    schools import
    staff add
    staff invite
    subscribers add
    subscribers export
    subscribers import
    subscribers leave
    topics add
    topics list
    web
    worker
    """.strip().split("\n    ")
)


def names(group: object, before: str = "") -> set[str]:
    found: set[str] = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            found |= names(command, f"{before}{name} ")
        else:
            found.add(f"{before}{name}")
    return found


ALL = sorted(names(typer.main.get_command(app)))
GROUPS = sorted({name.rpartition(" ")[0] for name in ALL} - {""})


def test_every_promised_command_is_there() -> None:
    assert set(ALL) == PROMISED


@pytest.mark.parametrize("command", ["", *GROUPS, *ALL])
def test_it_explains_itself(newsletter: Newsletter, command: str) -> None:
    result = newsletter(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    ["nonsense", "edition send", "edition send one", "edition send 0", "edition send 1 --later",
     "edition variant add 1 braille", "edition approve 1",
     "staff add new@example.org --role king", "restore nowhere.zip", "subscribers import parents nowhere.csv",
     "run --port 99999", "receipts take nowhere", "receipts take pyproject.toml --maildir .", "event add nowhere.toml",
     "event cancel 0", "election add Council",
     "election add Council --from soon --until later", "election remove 0",
     "glossary add EHCP", "glossary import nowhere.csv"],
)  # fmt: skip
def test_wrong_use_exits_with_2(newsletter: Newsletter, arguments: str) -> None:
    result = newsletter(*arguments.split())
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    ["edition list", "edition assemble parents", "edition status 1", "edition send 1 --now", "worker", "scheduler",
     "staff add new@example.org --role author", "person erase somebody@example.org", "backup there.zip"],
)  # fmt: skip
def test_before_the_first_migration_it_says_so(newsletter: Newsletter, arguments: str) -> None:
    result = newsletter(*arguments.split())
    assert result.exit_code == 1
    assert result.stderr == "The database has no tables yet. Run “newsletter migrate” first.\n"


def refused(newsletter: Newsletter, *arguments: object) -> str:
    """The one sentence a refusal consists of."""
    result = newsletter(*arguments)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    (sentence,) = result.stderr.splitlines()
    assert sentence.endswith((".", "EMAIL", "TEXT", "ROLE", "name@example.com"))
    return sentence


@pytest.mark.parametrize(
    "arguments",
    ["edition assemble governors", "edition approve 99 --by approver@example.org", "edition status 99",
     "edition preview 99 --out p", "edition pause 99", "edition resume 99", "edition cancel 99", "edition unknown 99",
     "edition send 99", "edition send 99 --now", "edition check 99",
     "edition answer 1 12345678 --reason a --by author@example.org",
     "edition answer 1 1 --reason a --by dpo@example.org", "edition send 1", "edition send 1 --now", "edition pause 1",
     "edition correct 99 --old a --new b --because c --by approver@example.org",
     "edition correct 1 --old a --new b --because c --by author@example.org",
     "edition correct 1 --old a --new b --because c --by approver@example.org",
     "edition variant list 99", "edition variant add 99 short", "edition variant add 1 translation",
     "edition variant add 1 short --url http://example.org/a", "edition variant add 1 short --language english",
     "edition approve 1 --by nobody@example.org", "edition approve 1 --by author@example.org",
     "edition assemble parents --by nobody@example.org", "subscribers export parents",
     "subscribers export parents --by admin@example.org", "subscribers export parents --by dpo@example.org",
     "subscribers export parents --by dpo@example.org --second dpo@example.org --reason audit",
     "subscribers export governors --by dpo@example.org", "subscribers leave nonsense", "event cancel 99",
     "event cancel 1 --by nobody@example.org", "glossary add EHCP --means Again",
     "staff add nonsense --role author"],
)  # fmt: skip
def test_a_refusal_is_one_plain_sentence(demo: Newsletter, arguments: str) -> None:
    refused(demo, *arguments.split())


def test_a_broken_setting_is_named(newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_LOG_LEVEL", "loud")
    assert "NEWSLETTER_LOG_LEVEL" in refused(newsletter, "migrate")


def test_production_without_a_secret_is_refused(newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_ENVIRONMENT", "production")
    assert "NEWSLETTER_SECRET_KEY" in refused(newsletter, "edition", "list")


def test_another_secret_is_refused(demo: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "quite another secret than the one before")
    assert "NEWSLETTER_SECRET_KEY" in refused(demo, "edition", "list")


def test_an_unknown_provider_is_named(demo: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo("edition", "approve", 1, "--by", "approver@example.org").exit_code == 0
    monkeypatch.setenv("NEWSLETTER_MAIL_PROVIDER", "pigeon")
    assert "pigeon" in refused(demo, "edition", "send", 1, "--now")


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2", "sqlite:////dev/null/newsletter.db"],
)
def test_a_database_out_of_reach_is_one_sentence(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", url)
    for command in (["migrate"], ["edition", "list"], ["run", "--port", 1]):
        refused(newsletter, *command)


@pytest.mark.parametrize("url", ["nonsense", "mysql://somewhere/else", "postgresql+nothing://x/y"])
def test_a_database_url_that_means_nothing_is_named(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", url)
    assert "NEWSLETTER_DATABASE_URL" in refused(newsletter, "edition", "list")


def test_a_busy_database_is_said_to_be_busy(demo: Newsletter, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.core.db.SQLITE_BUSY_TIMEOUT_MS", 50)
    holder = sqlite3.connect(data_dir / "newsletter.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        assert "busy" in refused(demo, "staff", "add", "new@example.org", "--role", "author")
    finally:
        holder.close()


def test_a_mistake_of_ours_shows_no_address_and_no_values(demo: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("somebody@example.org")

    monkeypatch.setattr(accounts, "add", broken)
    result = demo("staff", "add", "somebody@example.org", "--role", "author")
    assert result.exit_code == 1
    assert "This should not have happened (ZeroDivisionError)" in result.stderr
    assert "somebody@" not in result.output


def test_the_clock_alone_refuses_in_one_sentence_too(data_dir: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "scheduler"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("The database cannot be reached or has no tables yet.")
