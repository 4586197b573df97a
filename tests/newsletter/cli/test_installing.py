"""`newsletter migrate`, `demo`, `doctor`, `backup` and `restore` as commands."""

import json
from pathlib import Path

import pytest

from newsletter import running
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from tests.newsletter.cli.conftest import Newsletter


def test_migrating_twice_says_that_nothing_was_to_do(newsletter: Newsletter) -> None:
    assert newsletter("migrate").stdout == "The database is up to date.\n"
    assert newsletter("migrate").stdout == "The database was up to date already.\n"


def test_the_sample_is_loaded_once(demo: Newsletter) -> None:
    before = demo("edition", "list").stdout
    assert demo("demo").exit_code == 0
    assert demo("edition", "list").stdout == before


def test_only_a_new_database_gets_the_sample_with_if_new(newsletter: Newsletter) -> None:
    assert "is loaded" in newsletter("demo", "--if-new").stdout
    assert newsletter("demo", "--if-new").stdout == ""


def test_the_doctor_exits_with_1_when_something_needs_mending(
    demo: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo("doctor").exit_code == 0
    monkeypatch.setenv("NEWSLETTER_MAIL_PROVIDER", "pigeon")
    result = demo("doctor")
    assert result.exit_code == 1
    assert "problem  mail provider pigeon" in result.stdout
    assert result.stderr == "Something needs mending.\n"


def test_a_backup_comes_back(demo: Newsletter, data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "there" / "backup.zip"
    demo("edition", "approve", 1, "--by", "approver@example.org")
    demo("edition", "send", 1)
    result = demo("backup", file)
    assert result.exit_code == 0, result.stderr
    assert "The secret is not in it" in result.stdout
    assert demo("backup", file).exit_code == 1  # it exists
    assert demo("restore", file).exit_code == 1  # something is in the database
    (data_dir / "newsletter.db").unlink()
    for left in data_dir.glob("newsletter.db-*"):
        left.unlink()
    result = demo("restore", file)  # makes the tables itself
    assert result.exit_code == 0, result.stderr
    assert "Held until a person looks: edition 1." in result.stdout
    assert json.loads(demo("edition", "status", 1, "--json").stdout)["state"] == "approved"
    assert demo("restore", file, "--replace").exit_code == 0


def test_nothing_is_restored_under_a_running_worker(demo: Newsletter, tmp_path: Path) -> None:
    assert demo("backup", tmp_path / "backup.zip").exit_code == 0
    working = runtimes.build(settings.load())
    with running.only_worker(working):
        result = demo("restore", tmp_path / "backup.zip", "--replace")
    working.db.dispose()
    assert result.exit_code == 1
    assert "worker is already running" in result.stderr


def test_another_secret_cannot_restore(demo: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo("backup", tmp_path / "backup.zip").exit_code == 0
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "new"))
    result = demo("restore", tmp_path / "backup.zip")
    assert result.exit_code == 1
    assert "NEWSLETTER_SECRET_KEY" in result.stderr
