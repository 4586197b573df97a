"""The commands as a person types them, on a SQLite database of their own."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newsletter.cli import app

Newsletter = Callable[..., Result]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep everything; no setting of this machine reaches them."""
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_"):
            monkeypatch.delenv(name)
    directory = tmp_path / "var"
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(directory))
    monkeypatch.chdir(tmp_path)  # no .env either
    return directory


@pytest.fixture
def newsletter(data_dir: Path) -> Iterator[Newsletter]:
    """`newsletter("edition", "list")`: run a command in this process. Its logging is undone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def demo(newsletter: Newsletter) -> Newsletter:
    """The sample partnership, loaded."""
    result = newsletter("demo")
    assert result.exit_code == 0, result.stderr
    return newsletter
