"""What staff cannot do: take the parents' list alone, or learn who is on it from anything else (REQ-32, 35, 36)."""

import inspect
import itertools
import json
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer
from sqlalchemy import event, text

import subscribers
from newsletter.cli import app
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.core.db import Database
from newsletter.staff import accounts
from subscribers import lists, signup
from subscribers.models import Role
from tests.newsletter.cli.conftest import Newsletter
from tests.newsletter.cli.test_every_command import ALL

DPO, AUTHOR, ADMIN = "dpo@example.org", "author@example.org", "admin@example.org"
REASON = "The yearly audit"

#: On the sample's lists under these addresses; one person is on both.
BOTH = "parent-001@example.org"


def export(newsletter: Newsletter, list_slug: str, **options: str) -> tuple[int, str, str]:
    arguments = itertools.chain.from_iterable((f"--{name}", value) for name, value in options.items())
    result = newsletter("subscribers", "export", list_slug, *arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def overlapping(demo: Newsletter) -> Newsletter:
    """The sample, in which a parent is a professional too."""
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        list_id = lists.by_slug(session, "professionals").id
        assert list_id is not None
        details = signup.Details(role=Role.SENCO, setting_name="A school")
        signup.request(
            session, built.crypto, mailing_list_id=list_id, address=BOTH, details=details, now=built.clock.now()
        )
    built.db.dispose()
    return demo


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"by": DPO},
        {"by": DPO, "second": ADMIN},
        {"by": DPO, "second": ADMIN, "reason": "   "},
        {"by": DPO, "reason": REASON},
        {"second": ADMIN, "reason": REASON},
        {"by": DPO, "second": DPO, "reason": REASON},
        {"by": DPO, "second": "DPO@Example.org", "reason": REASON},
        {"by": DPO, "second": "nobody@example.org", "reason": REASON},
        *({"by": other, "second": DPO, "reason": REASON} for other in (AUTHOR, ADMIN, "approver@example.org")),
        {"by": ADMIN, "second": AUTHOR, "reason": REASON},
    ],
)
def test_parents_leave_only_with_the_officer_another_person_and_a_reason(
    demo: Newsletter, options: dict[str, str]
) -> None:
    code, out, said = export(demo, "parents", **options)
    assert code == 1
    assert out == ""
    assert len(said.splitlines()) == 1


def test_an_export_is_logged_with_who_and_why_and_without_an_address(demo: Newsletter) -> None:
    code, out, said = export(demo, "parents", by=DPO, second=ADMIN, reason=f"{REASON}, asked for by a@example.org")
    assert code == 0
    assert out.count("@example.org") == 300
    assert "A mailing list was exported" in said
    people = re.search(r"staff_ids=\[(\d+), (\d+)\]", said)
    assert people is not None
    assert people[1] != people[2]
    assert f"{REASON}, asked for by (address)" in said
    assert "@" not in said


def test_somebody_without_an_active_account_is_no_second_person(demo: Newsletter) -> None:
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        accounts.find(session, built.crypto, ADMIN).is_active = False
    built.db.dispose()
    assert export(demo, "parents", by=DPO, second=ADMIN, reason=REASON)[0] == 1


def test_only_two_commands_can_say_who_is_on_a_list(overlapping: Newsletter, tmp_path: Path) -> None:
    """Run whatever can be run without an argument about one person; nobody's address comes out of it."""
    arguments = {
        "edition status": ["1", "--json"],
        "edition preview": ["1", "--out", str(tmp_path / "preview")],
        "edition assemble": ["professionals"],
        "edition unknown": ["1"],
        "edition rules": ["professionals"],
        "backup": [str(tmp_path / "backup.zip")],
        "privacy records": ["--out", str(tmp_path / "papers")],
        "feedback themes": ["--since", "2026-01-01", "--until", "2027-01-01"],
    }
    reading = ["edition list", "feedback list", "complaints list", "paper list", "doctor", *arguments]
    assert set(reading) <= set(ALL)
    for command in reading:
        result = overlapping(*command.split(), *arguments.get(command, []))
        for address in (BOTH, "parent-002", "professional-001"):
            assert address.partition("@")[0] not in result.output, command


def test_no_command_asks_for_two_lists_at_once() -> None:
    """Whatever took two lists could be made to compare them."""

    def parameters(command: object, before: str = "") -> Iterator[tuple[str, str]]:
        for name, each in command.commands.items():  # type: ignore[attr-defined]
            if hasattr(each, "commands"):
                yield from parameters(each, f"{before}{name} ")
            else:
                yield from (
                    (before + name, parameter.name) for parameter in each.params if "list" in (parameter.name or "")
                )

    found = list(parameters(typer.main.get_command(app)))
    assert found
    assert len({name for name, _ in found}) == len(found)


def test_the_professionals_list_says_nothing_of_the_parents_list(overlapping: Newsletter, tmp_path: Path) -> None:
    """What staff of the professionals' list see is the same, byte for byte, whether or not parents are among them."""

    def seen(out: str) -> tuple[str, str, str]:
        exported = export(overlapping, "professionals", by=DPO)[1]
        file = tmp_path / f"{out}.csv"
        file.write_text(f"email,consent_date,wording,source\n{BOTH},2026-01-01,Words,paper\n")
        dry = overlapping("subscribers", "import", "professionals", file, "--dry-run").stdout
        status = overlapping("edition", "status", 2, "--json").stdout
        return exported, dry, status

    with_parent = seen("before")
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:  # the parent was never one
        session.connection().execute(text("DELETE FROM consent WHERE subscriber_id = 1"))
        session.connection().execute(text("DELETE FROM subscriber WHERE id = 1"))
    built.db.dispose()
    assert seen("after") == with_parent
    assert json.loads(with_parent[2])["list"] == "professionals"


def test_no_statement_joins_subscribers_with_themselves(
    overlapping: Newsletter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The addresses of two lists meet in no query: their hashes could not be joined, and nobody tries."""
    statements: list[str] = []
    made = Database.__init__

    def listening(self: Database, *given: object, **named: object) -> None:
        made(self, *given, **named)  # type: ignore[arg-type]
        event.listen(self.engine, "before_cursor_execute", lambda *call: statements.append(call[2].lower()))

    monkeypatch.setattr(Database, "__init__", listening)
    for command in ("edition list", "doctor", "subscribers export professionals --by dpo@example.org"):
        overlapping(*command.split())
    overlapping("person", "export", BOTH)
    assert any("from subscriber" in each for each in statements)
    assert not [
        each for each in statements if each.count("subscriber as ") > 1 or re.search(r"join subscriber\b", each)
    ]


def test_no_public_function_of_subscribers_takes_two_lists() -> None:
    found = []
    for module in pkgutil.iter_modules(subscribers.__path__):
        for name, each in inspect.getmembers(import_module(f"subscribers.{module.name}"), inspect.isfunction):
            taken = [parameter for parameter in inspect.signature(each).parameters if "mailing_list" in parameter]
            if not name.startswith("_") and len(taken) > 1:
                found.append(f"{module.name}.{name}")
    assert found == []
