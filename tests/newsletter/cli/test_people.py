"""`newsletter subscribers …`, `person …`, `schools …` and `staff …` on the sample partnership."""

import csv
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.core.tokens import Purpose
from subscribers import identity, lists
from tests.newsletter.cli.conftest import Newsletter
from tests.subscribers.test_sheets import opened
from tests.subscribers.test_workbooks import made as workbook

DPO = "dpo@example.org"
HEADER = "email,consent_date,wording,source\n"
EVIDENCE = "2024-05-01,I agree to get the newsletter by email.,summer fair\n"


def rows(*addresses: str) -> str:
    return HEADER + "".join(f"{address},{EVIDENCE}" for address in addresses)


def exported(newsletter: Newsletter, out: Path, slug: str = "parents") -> list[dict[str, str]]:
    two = ("--second", "admin@example.org", "--reason", "Moving to another product")
    result = newsletter("subscribers", "export", slug, "--by", DPO, *two, "--out", out)
    assert result.exit_code == 0, result.stderr
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestAdding:
    def test_a_sign_up_on_paper_is_kept_with_its_source_and_waits_for_a_yes(self, demo: Newsletter) -> None:
        result = demo("subscribers", "add", "parents", "new@example.org", "--source", "paper")
        assert result.exit_code == 0, result.stderr
        assert "new@" not in result.output
        (row,) = json.loads(demo("person", "export", "new@example.org").stdout)["mailing_lists"]
        (consent,) = row["consents"]
        assert (row["state"], consent["source"], consent["confirmed_at"]) == ("pending", "paper", None)
        assert consent["wording_version"] == 1

    def test_the_answer_is_the_same_for_who_is_on_the_list(self, demo: Newsletter) -> None:
        known, unknown = (
            demo("subscribers", "add", "parents", address, "--source", "phone")
            for address in ("parent-001@example.org", "new@example.org")
        )
        assert (known.exit_code, known.output) == (unknown.exit_code, unknown.output)

    def test_a_professional_says_what_they_do_and_where(self, demo: Newsletter) -> None:
        add = ("subscribers", "add", "professionals", "new@example.org", "--source", "event")
        assert demo(*add).exit_code == 1
        assert demo(*add, "--role", "health", "--setting", "Therapies team").exit_code == 0
        (row,) = json.loads(demo("person", "export", "new@example.org").stdout)["mailing_lists"]
        assert (row["role"], row["setting_name"]) == ("health", "Therapies team")

    def test_parents_give_an_address_and_nothing_else(self, demo: Newsletter) -> None:
        result = demo("subscribers", "add", "parents", "new@example.org", "--source", "paper", "--role", "senco")
        assert result.exit_code == 1
        assert "We only need an email address" in result.stderr


class TestImporting:
    def test_they_come_in_pending_and_are_asked_to_confirm(
        self, demo: Newsletter, tmp_path: Path, data_dir: Path
    ) -> None:
        file = tmp_path / "people.csv"
        file.write_text(rows("new1@example.org", "new2@example.org", "nonsense"))
        result = demo("subscribers", "import", "parents", file)
        assert result.exit_code == 0, result.stderr
        assert "line 4: invalid" in result.stdout
        assert "imported 2" in result.stdout
        assert "2 people are asked by mail" in result.stdout
        assert "new1@" not in result.output
        assert not {"new1@example.org"} & {row["email"] for row in exported(demo, tmp_path / "out.csv")}
        demo("edition", "approve", 1, "--by", "approver@example.org")
        demo("edition", "send", 1, "--now")  # sends what is queued: their letters too
        letters = [f for f in (data_dir / "outbox").glob("**/*.eml") if b"new1@example.org" in f.read_bytes()]
        assert len(letters) == 1

    def test_a_dry_run_changes_nothing(self, demo: Newsletter, tmp_path: Path) -> None:
        file = tmp_path / "people.csv"
        file.write_text(rows("new1@example.org"))
        for _ in range(2):
            result = demo("subscribers", "import", "parents", file, "--dry-run")
            assert result.exit_code == 0
            assert "line 2: imported" in result.stdout
            assert "Nothing was changed" in result.stdout

    def test_confirmed_people_come_in_only_with_the_data_protection_officer(
        self, demo: Newsletter, tmp_path: Path
    ) -> None:
        file = tmp_path / "people.csv"
        file.write_text(rows("moved@example.org"))
        command = ("subscribers", "import", "parents", file, "--already-confirmed")
        assert demo(*command).exit_code == 1
        assert demo(*command, "--by", "admin@example.org").exit_code == 1
        assert demo(*command, "--by", DPO).exit_code == 0
        assert "moved@example.org" in {row["email"] for row in exported(demo, tmp_path / "out.csv")}

    def test_a_workbook_comes_in_and_a_list_goes_out_as_one(self, demo: Newsletter, tmp_path: Path) -> None:
        file, out = tmp_path / "people.xlsx", tmp_path / "out.xlsx"
        file.write_bytes(workbook(("email",), ("new1@example.org",), ("nonsense",)))
        result = demo("subscribers", "import", "parents", file)
        assert result.exit_code == 0, result.stderr
        assert "line 3: invalid" in result.stdout
        two = ("--by", DPO, "--second", "admin@example.org", "--reason", "audit", "--out", out)
        assert demo("subscribers", "export", "parents", *two).exit_code == 0
        assert out.stat().st_mode & 0o077 == 0
        cells = opened(out.read_bytes())
        assert len(cells) > 100
        assert {row[1][0] for row in cells[1:]} == {"d"}
        file.write_bytes(workbook(("email",), ("=1+1",)))
        result = demo("subscribers", "import", "parents", file)
        assert (result.exit_code, "Cell A2 has a formula" in result.stderr) == (1, True)

    def test_a_file_that_is_no_table_is_refused(self, demo: Newsletter, tmp_path: Path) -> None:
        file = tmp_path / "people.csv"
        file.write_bytes(b"\x00\xff\x00 not a table")
        result = demo("subscribers", "import", "parents", file)
        assert result.exit_code == 1
        assert "Traceback" not in result.output


class TestExporting:
    def test_a_list_of_parents_needs_two_people_and_a_reason(self, demo: Newsletter, tmp_path: Path) -> None:
        out = tmp_path / "out.csv"
        assert len(exported(demo, out)) > 100
        assert out.stat().st_mode & 0o077 == 0
        again = ("--by", DPO, "--second", "admin@example.org", "--reason", "audit", "--out", out)
        assert demo("subscribers", "export", "parents", *again).exit_code == 1  # the file exists

    def test_professionals_need_the_data_protection_officer_alone(self, demo: Newsletter) -> None:
        assert demo("subscribers", "export", "professionals").exit_code == 1
        result = demo("subscribers", "export", "professionals", "--by", DPO)
        assert result.exit_code == 0
        assert result.stdout.count("@example.org") > 100
        assert "was exported" in result.stderr  # the log
        assert "@" not in result.stderr


def test_a_reply_that_says_stop_is_carried_out(demo: Newsletter, tmp_path: Path) -> None:
    address = exported(demo, tmp_path / "before.csv")[0]["email"]
    found = runtimes.build(settings.load())
    with found.db.reading() as session:
        mailing_list = lists.by_slug(session, "parents")
        assert mailing_list.id is not None
        subscriber = identity.find(session, found.crypto, mailing_list.id, address)
        assert subscriber is not None
        assert subscriber.id is not None
        tokens = {
            found.tokens.make(Purpose.LEAVE, list_id=mailing_list.id, subject_id=subscriber.id, issued_at=moment)
            for moment in (datetime.now(UTC) - timedelta(seconds=second) for second in range(2000))
        }
        token = next(each for each in sorted(tokens) if each.startswith("-"))  # which must not pass for an option
    found.db.dispose()
    for text in (token, f"stop {token}", f"http://127.0.0.1:8000/leave/{token}"):  # repeatable, however it is pasted
        assert demo("subscribers", "leave", text).exit_code == 0
    assert address not in {row["email"] for row in exported(demo, tmp_path / "after.csv")}


class TestPerson:
    def test_what_is_held_is_json(self, demo: Newsletter, tmp_path: Path) -> None:
        address = exported(demo, tmp_path / "out.csv")[0]["email"]
        held = json.loads(demo("person", "export", address).stdout)
        assert held["address"] == address
        assert held["mailing_lists"]
        assert demo("person", "export", address, "--out", tmp_path / "held.json").exit_code == 0
        assert json.loads((tmp_path / "held.json").read_text()) == held

    def test_an_erased_person_is_gone(self, demo: Newsletter, tmp_path: Path) -> None:
        address = exported(demo, tmp_path / "out.csv")[0]["email"]
        assert demo("person", "erase", address).exit_code == 0
        assert demo("person", "erase", address).exit_code == 0
        assert json.loads(demo("person", "export", address).stdout)["mailing_lists"] == []

    def test_the_files_hold_nothing_of_an_erased_person_while_the_service_runs(
        self, demo: Newsletter, data_dir: Path, tmp_path: Path
    ) -> None:
        file = data_dir / "newsletter.db"

        def stored() -> bytes:
            return b"".join(each.read_bytes() for each in data_dir.glob("newsletter.db*"))

        first, second, *_ = (row["email"] for row in exported(demo, tmp_path / "out.csv"))
        running = sqlite3.connect(file, isolation_level=None)  # a server keeps its connections, and so the log
        try:
            sealed = dict(running.execute("SELECT id, address_sealed FROM subscriber").fetchall())
            assert all(content in stored() for content in sealed.values())
            assert demo("person", "erase", first).stdout == "Erased.\n"
            gone = sealed.keys() - {row[0] for row in running.execute("SELECT id FROM subscriber").fetchall()}
            assert len(gone) == 1
            assert sealed[gone.pop()] not in stored()

            running.execute("BEGIN")
            running.execute("SELECT count(*) FROM subscriber").fetchone()
            assert "leaves its log with the next sweep" in demo("person", "erase", second).stdout
        finally:
            running.close()


class TestSchools:
    @pytest.fixture
    def register(self, tmp_path: Path) -> Path:
        file = tmp_path / "register.csv"
        file.write_bytes(resources.files("newsletter.sample").joinpath("schools.csv").read_bytes())
        return file

    def test_the_partnerships_own_are_taken(self, demo: Newsletter, register: Path) -> None:
        assert "schools are in the register now" in demo("schools", "import", register).stdout

    def test_without_a_partnership_it_asks_which(self, newsletter: Newsletter, register: Path) -> None:
        newsletter("migrate")
        assert newsletter("schools", "import", register).exit_code == 1
        assert newsletter("schools", "import", register, "--everywhere").exit_code == 0
        assert newsletter("schools", "import", register, "--local-authority", "931").exit_code == 0

    def test_the_coverage_names_schools_and_no_people(self, demo: Newsletter, tmp_path: Path) -> None:
        shown = demo("schools", "coverage")
        assert shown.exit_code == 0, shown.stderr
        assert "Community special school\t" in shown.stdout
        assert "open schools without a subscriber:" in shown.stdout
        assert "@" not in shown.output
        lines = list(csv.DictReader(demo("schools", "coverage", "--csv").stdout.splitlines()))
        assert {line["has_subscriber"] for line in lines} <= {"yes", "no"}
        assert len(lines) == 40
        assert {"urn", "name", "phase", "town", "has_subscriber", "unanswered"} == set(lines[0])
        out = tmp_path / "coverage.xlsx"
        assert demo("schools", "coverage", "--out", out).exit_code == 0
        headings, *cells = opened(out.read_bytes())
        assert [text for _, text in headings] == list(lines[0])
        assert [cells[0][0], cells[0][1][0]] == [("n", int(lines[0]["urn"])), "s"]


class TestTopics:
    def test_a_topic_is_offered_listed_and_ended(self, demo: Newsletter) -> None:
        before = demo("topics", "list", "professionals").stdout.splitlines()
        added = demo("topics", "add", "professionals", "autism", "Autism", "--from", "2026-01-01")
        assert added.exit_code == 0, added.stderr
        assert added.stdout == "Autism can be chosen from 2026-01-01.\n"
        demo("topics", "add", "professionals", "autism", "Autism", "--from", "2026-01-01", "--until", "2026-07-31")
        after = demo("topics", "list", "professionals").stdout.splitlines()
        assert set(after) - set(before) == {"autism\tAutism\tfrom 2026-01-01 until 2026-07-31"}

    def test_what_cannot_be_is_refused(self, demo: Newsletter) -> None:
        for arguments in (
            ("parents", "autism", "Autism"),
            ("professionals", "Not Short", "Autism"),
            ("professionals", "autism", " "),
            ("professionals", "autism", "Autism", "--from", "2026-02-01", "--until", "2026-01-01"),
        ):
            refused = demo("topics", "add", *arguments)
            assert refused.exit_code == 1
            assert len(refused.stderr.strip().splitlines()) == 1
        assert demo("topics", "add", "professionals", "x", "X", "--from", "soon").exit_code == 2


def test_a_special_edition_is_assembled_beside_the_regular_one(demo: Newsletter) -> None:
    assert demo("edition", "assemble", "professionals", "--topic", "training").exit_code == 2
    assert demo("edition", "assemble", "professionals", "--special", "--topic", "nothing").exit_code == 1
    regular = demo("edition", "assemble", "professionals").stdout.splitlines()[-1]
    special = demo("edition", "assemble", "professionals", "--special", "--topic", "training")
    assert special.exit_code == 0, special.stderr
    assert special.stdout.splitlines()[-1] != regular
    again = demo("edition", "assemble", "professionals", "--special", "--topic", "training")
    assert again.stdout.splitlines()[-1] == special.stdout.splitlines()[-1]


def test_staff_get_roles_one_after_the_other(demo: Newsletter) -> None:
    first = demo("staff", "add", "new@example.org", "--role", "author").stdout.splitlines()
    second = demo("staff", "add", "new@example.org", "--role", "dpo").stdout.splitlines()
    assert (first[0], second[0]) == ("Holds: author.", "Holds: author, dpo.")
    for said in (first, second, demo("staff", "invite", "new@example.org").stdout.splitlines()):
        assert "/staff/join/" in said[-1]
