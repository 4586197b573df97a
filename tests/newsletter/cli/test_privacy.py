"""The data protection officer's papers come from live settings and are never overwritten."""

from pathlib import Path

import pytest

from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.web import notice
from tests.newsletter.cli.conftest import Newsletter

FILES = ["appropriate-policy.md", "dpia.md", "privacy-notice.md", "record-of-processing.md"]


def test_four_papers_are_written_with_what_is_so_here(
    demo: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_MAIL_CARRIER", "Example Post Ltd (Ireland)")
    result = demo("privacy", "records", "--out", tmp_path / "papers")
    assert result.exit_code == 0, result.stderr
    built = runtimes.build(settings.load())
    with built.db.reading() as session:
        kept = notice.kept(session)
    built.db.dispose()
    papers = {file.name: file.read_text() for file in (tmp_path / "papers").iterdir()}
    assert sorted(papers) == FILES
    for name, text in papers.items():
        assert "Oxfordshire" in text, name
        assert "dpo@example.org" in text, name
        assert "SEND news for parents and carers" in text, name
        assert "{" not in text, name
        for each in kept:
            assert f"- {each.what}: {each.how_long}" in text, name
        if name != "appropriate-policy.md":
            assert "Example Post Ltd (Ireland)" in text, name
        for row in (line for line in text.splitlines() if line.startswith("|")):
            assert row.endswith("|"), (name, row)


def test_what_people_wrote_into_is_not_overwritten(demo: Newsletter, tmp_path: Path) -> None:
    (tmp_path / "dpia.md").write_text("ours")
    result = demo("privacy", "records", "--out", tmp_path)
    assert result.exit_code == 1
    assert "dpia.md exists already" in result.stderr
    assert (tmp_path / "dpia.md").read_text() == "ours"
    assert not (tmp_path / "privacy-notice.md").exists()


def test_without_a_partnership_there_is_nothing_to_write(newsletter: Newsletter, tmp_path: Path) -> None:
    newsletter("migrate")
    assert newsletter("privacy", "records", "--out", tmp_path).exit_code == 1
