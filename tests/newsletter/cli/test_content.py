"""Dates, answers and words from the command line."""

from pathlib import Path

import pytest

from tests.newsletter.cli.conftest import Newsletter

EVENT = """
[[events]]
title = "An evening in summer"
audiences = ["parents"]
partner = "council"
area = 1
starts = 2099-07-20T18:30:00
ends = 2099-07-20T20:00:00
announce_from = 2026-01-01
place = "online"
online_url = "https://meet.example.org/1"
for_whom = "Parents and carers"
access_notes = "There are captions."
without_attending = "Write to us."
adjustments_contact = "Call 01632 960000."
"""

RESPONSE = """
[[responses]]
theme = "Answers take too long"
audiences = ["parents", "professionals"]
partner = "council"
area = 2
people = 9
said = "You wait."
did = "We answer sooner."
outcome = "doing"
doing_by = 2026-01-31
decision_owner = "Head of SEND"
period_from = 2025-10-01
period_until = 2025-12-31
from_date = 2026-01-02
"""


def test_an_event_is_added_listed_and_cancelled(demo: Newsletter, tmp_path: Path) -> None:
    file = tmp_path / "events.toml"
    file.write_text(EVENT)
    added = demo("event", "add", file, "--by", "author@example.org")
    assert added.exit_code == 0, added.stderr
    event_id, address = added.stdout.split()
    assert address.endswith("/events/an-evening-in-summer-2099-07-20")
    assert "Monday 20 July 2099, 6:30pm to 8pm\tAn evening in summer" in demo("event", "list").stdout  # London's time
    assert demo("event", "cancel", event_id).stdout == "Cancelled.\n"
    assert demo("event", "cancel", event_id).stdout == "It was cancelled already.\n"
    assert "An evening in summer\tcancelled" in demo("event", "list", "--all").stdout


def test_cancelling_what_an_edition_carries_makes_it_a_draft_again(demo: Newsletter) -> None:
    assert demo("edition", "approve", 1, "--by", "approver@example.org").exit_code == 0
    cancelled = demo("event", "cancel", 1)
    assert cancelled.stdout == "Cancelled.\nEdition 1 had it and is a draft again.\n"


def test_a_response_is_added_and_listed_as_late(demo: Newsletter, tmp_path: Path) -> None:
    file = tmp_path / "responses.toml"
    file.write_text(RESPONSE)
    added = demo("response", "add", file)
    assert added.exit_code == 0, added.stderr
    assert added.stdout.endswith("\tAnswers take too long\n")
    (late,) = demo("response", "list", "--late").stdout.splitlines()
    assert late.endswith("\tdoing by 2026-01-31 (late)\tAnswers take too long")
    assert len(demo("response", "list").stdout.splitlines()) == 4


def test_words_are_added_imported_and_listed(demo: Newsletter, tmp_path: Path) -> None:
    added = demo("glossary", "add", "CAMHS", "--for", "child and adolescent mental health services", "--means", "Help.")
    assert added.exit_code == 0, added.stderr
    assert "CAMHS\tchild and adolescent mental health services" in demo("glossary", "list").stdout
    file = tmp_path / "words.csv"
    file.write_text("term,expansion,explanation\nCAMHS,,Help.\nTA,teaching assistant,Helps in class.\n")
    assert demo("glossary", "import", file).stdout == "Added 1, changed 1.\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "is no TOML file"),
        ("x = 1", "has no [[events]]"),
        ("events = 1", "has no [[events]]"),
        (EVENT.replace('"council"', '"nobody"'), "no partner called nobody"),
        (EVENT.replace("area = 1", "area = 9"), "no priority area 9"),
        (EVENT.replace("area = 1", "area = [1]"), "no priority area [1]"),
        (EVENT.replace('["parents"]', "5"), "audiences is a list"),
        (EVENT.replace('["parents"]', '["governors"]'), "Extra inputs"),
        (EVENT.replace("2099-07-20T18:30:00", '"tonight"'), "starts = 2026-11-20T18:30:00"),
        (EVENT.replace('["parents"]', "[]"), "Choose who it is for"),
        (EVENT.replace("place", "pace"), "Place: Field required"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_as_a_whole(
    demo: Newsletter, tmp_path: Path, text: str, sentence: str
) -> None:
    before = demo("event", "list", "--all").stdout
    file = tmp_path / "events.toml"
    file.write_text(EVENT + text if text.startswith("\n") else text)
    refused = demo("event", "add", file)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert demo("event", "list", "--all").stdout == before
