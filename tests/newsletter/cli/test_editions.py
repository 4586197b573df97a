"""`newsletter edition …` on the sample partnership."""

import asyncio
import json
import os
import re
import signal
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from unittest import mock

import pytest
from sqlmodel import select

from newsletter import running
from newsletter.content.dates import london_date
from newsletter.content.models import Partner
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.delivery import opening, reconciling
from newsletter.delivery.ledger import counts
from newsletter.delivery.models import Batch, Delivery, DeliveryState
from newsletter.delivery.sending import Sender
from newsletter.editions import composing, publishing
from newsletter.editions.models import Edition
from newsletter.providers import outbox, registry
from newsletter.staff import accounts
from newsletter.staff.models import AuditEntry, StaffRoleHeld
from subscribers import lists
from tests.newsletter.cli.conftest import Newsletter

APPROVER = "approver@example.org"
#: What stands before a finding that wants a reason.
KEY = re.compile(r"^([0-9a-f]{8})  ", re.MULTILINE)


def approved(newsletter: Newsletter, edition: int = 1) -> None:
    result = newsletter("edition", "approve", edition, "--by", APPROVER)
    assert result.exit_code == 0, result.stderr


def weigh(newsletter: Newsletter, edition: int) -> None:
    """Give a reason for everything that wants one."""
    for key in re.findall(KEY, newsletter("edition", "check", edition).stdout):
        said = newsletter("edition", "answer", edition, key, "--reason", "It reads well.", "--by", "author@example.org")
        assert said.exit_code == 0, said.stderr


def status(newsletter: Newsletter, edition: int = 1) -> dict[str, object]:
    found: dict[str, object] = json.loads(newsletter("edition", "status", edition, "--json").stdout)
    return found


def test_assembling_names_the_edition_in_hand(demo: Newsletter) -> None:
    first, second = demo("edition", "assemble", "parents"), demo("edition", "assemble", "parents")
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1] == "1"


def test_nothing_new_is_no_edition_and_says_why_of_every_update(demo: Newsletter) -> None:
    approved(demo)
    demo("edition", "send", 1, "--now")
    result = demo("edition", "assemble", "parents")
    assert result.exit_code == 1
    assert result.stderr.startswith("Nothing new for")
    assert "Already in edition 1" in result.stdout


def test_the_list_can_be_narrowed(demo: Newsletter) -> None:
    assert len(demo("edition", "list").stdout.splitlines()) == 2
    (line,) = demo("edition", "list", "parents").stdout.splitlines()
    assert line.startswith("1\tparents\tno. 1\t")


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_preview_is_the_mail_as_it_will_be(demo: Newsletter, tmp_path: Path, is_approved: bool) -> None:
    if is_approved:
        approved(demo)
    result = demo("edition", "preview", 1, "--out", tmp_path / "there" / "preview")
    assert result.exit_code == 0, result.stderr
    html = (tmp_path / "there" / "preview" / "edition.html").read_text()
    text = (tmp_path / "there" / "preview" / "edition.txt").read_text()
    mail = message_from_bytes((tmp_path / "there" / "preview" / "edition.eml").read_bytes(), policy=policy.default)
    assert "[[" not in html + text
    assert "/leave/" in html
    assert "/leave/" in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == text.split()


def test_approving_twice_says_so(demo: Newsletter) -> None:
    approved(demo)
    assert "approved already" in demo("edition", "approve", 1, "--by", APPROVER).stdout


def test_a_draft_is_submitted_and_approved_in_one_go(demo: Newsletter) -> None:
    demo("edition", "cancel", 1)
    edition = demo("edition", "assemble", "parents", "--by", "author@example.org").stdout.splitlines()[-1]
    assert edition != "1"
    assert status(demo, int(edition))["state"] == "draft"
    approved(demo, int(edition))
    assert status(demo, int(edition))["state"] == "approved"


def test_the_author_cannot_approve(demo: Newsletter) -> None:
    demo("staff", "add", "author@example.org", "--role", "approver")
    result = demo("edition", "approve", 1, "--by", "author@example.org")
    assert result.exit_code == 1
    assert status(demo)["state"] == "review"


def test_without_now_the_clock_takes_it(demo: Newsletter) -> None:
    approved(demo)
    assert demo("edition", "send", 1).exit_code == 0
    assert status(demo)["state"] == "scheduled"
    assert status(demo)["recipients"] == 0


def test_a_time_is_a_time_in_london(demo: Newsletter) -> None:
    approved(demo)
    result = demo("edition", "send", 1, "--at", "2099-07-01 09:30")
    assert result.exit_code == 0, result.stderr
    assert "09:30 on 1 July 2099" in result.stdout
    assert demo("edition", "send", 1, "--at", "2001-07-01 09:30").exit_code == 1
    assert demo("edition", "send", 1, "--at", "soon").exit_code == 1
    assert demo("edition", "send", 1, "--at", "2099-07-01 09:30", "--now").exit_code == 2


def test_a_paused_edition_is_not_sent_until_it_is_resumed(demo: Newsletter, data_dir: Path) -> None:
    approved(demo)
    database = runtimes.build(settings.load())
    with database.db.transaction() as session:
        opening.release_and_open(session, 1, now=database.clock.now())  # and no worker is running
    database.db.dispose()
    assert demo("edition", "pause", 1, "--because", "A figure is wrong.").exit_code == 0
    assert "Paused because: A figure is wrong." in demo("edition", "send", 1, "--now").stdout
    assert not list((data_dir / "outbox").glob("**/*.eml"))
    assert demo("edition", "resume", 1).exit_code == 0
    assert demo("edition", "send", 1, "--now").exit_code == 0
    assert status(demo)["state"] == "sent"
    assert demo("edition", "cancel", 1).exit_code == 1  # too late


def test_ctrl_c_finishes_what_is_on_its_way_and_the_next_call_goes_on(
    demo: Newsletter, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(demo)
    calls: list[int] = []

    async def interrupted(self: outbox.Outbox, message: object, recipients: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return await original(self, message, recipients)  # type: ignore[arg-type]

    original = outbox.Outbox.send
    with monkeypatch.context() as patched:
        patched.setattr(outbox.Outbox, "send", interrupted)
        result = demo("edition", "send", 1, "--now")
    assert result.exit_code == 1
    assert result.stderr == "Stopped. What was not sent yet goes out when you send it again.\n"
    counts = status(demo)["counts"]
    assert counts["unknown"] == counts["sending"] == 0  # type: ignore[index]
    assert 0 < counts["accepted"] < status(demo)["recipients"]  # type: ignore[index, operator]
    assert demo("edition", "send", 1, "--now").exit_code == 0
    assert status(demo)["state"] == "sent"
    assert len(list((data_dir / "outbox").glob("**/*.eml"))) == status(demo)["recipients"]


def test_a_cancelled_edition_is_not_sent(demo: Newsletter, data_dir: Path) -> None:
    approved(demo)
    assert demo("edition", "cancel", 1, "--by", "admin@example.org").exit_code == 0
    assert demo("edition", "send", 1, "--now").exit_code == 1
    assert not (data_dir / "outbox").exists() or not list((data_dir / "outbox").glob("**/*.eml"))


class TestUnknown:
    @pytest.fixture
    def doubt(self, demo: Newsletter) -> Newsletter:
        """A sent edition of which three copies are unknown."""
        approved(demo)
        demo("edition", "send", 1, "--now")
        database = runtimes.build(settings.load())
        with database.db.transaction() as session:
            for delivery_id in (1, 2, 3):
                delivery = session.get_one(Delivery, delivery_id)
                delivery.state = DeliveryState.UNKNOWN  # house: a story needs a past
            batch = session.get_one(Batch, (1, 0))
            batch.accepted, batch.unknown = batch.accepted - 3, batch.unknown + 3
            session.flush()
            assert counts(session, 1)["unknown"] == 3
        database.db.dispose()
        return demo

    def test_they_are_counted(self, doubt: Newsletter) -> None:
        assert "Of 3 copies nobody knows" in doubt("edition", "unknown", 1).stdout

    def test_leaving_them_changes_nothing(self, doubt: Newsletter) -> None:
        before = status(doubt)
        assert doubt("edition", "unknown", 1, "--leave").exit_code == 0
        assert status(doubt) == before

    def test_sending_again_needs_a_person_who_may(self, doubt: Newsletter, data_dir: Path) -> None:
        files = set((data_dir / "outbox").glob("**/*.eml"))
        assert doubt("edition", "unknown", 1, "--send-again").exit_code == 1
        assert doubt("edition", "unknown", 1, "--send-again", "--by", "author@example.org").exit_code == 1
        assert doubt("edition", "unknown", 1, "--send-again", "--leave").exit_code == 2
        assert doubt("edition", "unknown", 1, "--send-again", "--by", APPROVER).exit_code == 0
        assert doubt("edition", "send", 1, "--now").exit_code == 0
        assert status(doubt)["counts"]["unknown"] == 0  # type: ignore[index]
        assert len(set((data_dir / "outbox").glob("**/*.eml")) - files) in (0, 3)


class TestRules:
    def test_they_are_said(self, demo: Newsletter) -> None:
        said = demo("edition", "rules", "parents").stdout
        assert "for 24 hours" in said
        assert "after 2 hours" in said
        assert "a person decides" in said

    def test_an_admin_changes_them_and_nobody_else(self, demo: Newsletter) -> None:
        change = ("edition", "rules", "parents", "--keep-trying", "48", "--late-after", "6", "--resend-once")
        assert demo(*change).exit_code == 1
        assert demo(*change, "--by", "author@example.org").exit_code == 1
        assert "for 24 hours" in demo("edition", "rules", "parents").stdout
        said = demo(*change, "--by", "admin@example.org").stdout
        assert "for 48 hours" in said
        assert "after 6 hours" in said
        assert "one second copy" in said
        assert demo("edition", "rules", "parents").stdout == said
        assert "for 24 hours" in demo("edition", "rules", "professionals").stdout


def test_an_edition_that_a_running_worker_sends_is_said_to_be_sent(demo: Newsletter) -> None:
    """The worker has recorded the last copy and not yet closed the edition: whoever watched it is told how it ended."""
    approved(demo)
    other = runtimes.build(settings.load())

    async def send_without_closing() -> None:
        provider = registry.make_configured(other)
        with mock.patch.object(reconciling, "close_finished"):
            await Sender(other, provider).send_until_idle()

    with running.only_worker(other):  # as a worker in another process holds it
        with other.db.transaction() as session:
            opening.release_and_open(session, 1, now=other.clock.now())
        asyncio.run(send_without_closing())
        said = demo("edition", "send", 1, "--now")
    other.db.dispose()
    assert said.exit_code == 0, said.stderr
    assert said.stdout.startswith("Edition 1 of parents: sent\n")


def test_other_forms_of_an_edition_are_promised_added_and_listed(demo: Newsletter, tmp_path: Path) -> None:
    easy = tmp_path / "easy.md"
    easy.write_text("# News\n\nShort words.")
    assert "is promised. The edition can be" in demo("edition", "variant", "add", 1, "easy-read").stdout
    assert "promised, without a date" in demo("edition", "variant", "list", 1).stdout
    assert demo("edition", "approve", 1, "--by", APPROVER).exit_code == 1
    said = demo("edition", "variant", "add", 1, "audio", "--promised-for", "2099-05-03")
    assert said.stdout == "Audio is promised for 3 May 2099.\n"
    assert demo("edition", "variant", "add", 1, "easy-read", "--file", easy).exit_code == 0
    approved(demo)
    demo("edition", "send", 1, "--now")
    polish = ("--language", "pl", "--title", "Polski", "--url", "https://example.org/pl", "--by", "author@example.org")
    assert "Polski is public now." in demo("edition", "variant", "add", 1, "translation", *polish).stdout
    listed = demo("edition", "variant", "list", 1).stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["easy-read", "translation", "audio"]
    assert ["public since" in line for line in listed] == [True, True, False]


def test_a_sent_edition_is_corrected_by_an_approver_and_what_was_approved_stays(demo: Newsletter) -> None:
    approved(demo)
    database = runtimes.build(settings.load())
    with database.db.reading() as session:
        edition = session.get_one(Edition, 1)
        frozen = edition.frozen_sha256
        update = composing.page_from_json(edition.frozen_page or "").sections[0].updates[0]
    change = (
        "edition",
        "correct",
        1,
        "--at",
        update.anchor,
        "--old",
        update.title,
        "--because",
        "The title was wrong.",
    )
    assert demo(*change, "--new", "A better title", "--by", APPROVER).exit_code == 1  # not sent yet
    demo("edition", "send", 1, "--now")
    assert demo(*change, "--new", "A better title", "--by", "author@example.org").exit_code == 1
    assert demo(*change, "--new", "A better title", "--by", APPROVER).stdout.startswith(
        "Corrected: The title was wrong."
    )
    assert demo(*change, "--new", "A better title", "--by", APPROVER).exit_code == 1  # the old words are gone
    with database.db.reading() as session:
        edition = session.get_one(Edition, 1)
        assert edition.frozen_sha256 == frozen
        publishing.verify_frozen(edition)
    database.db.dispose()


def test_a_correction_can_be_mailed_once_somebody_else_has_approved_it(demo: Newsletter, data_dir: Path) -> None:
    approved(demo)
    demo("edition", "send", 1, "--now")
    before = set((data_dir / "outbox").glob("**/*.eml"))
    database = runtimes.build(settings.load())
    with database.db.reading() as session:
        subject = session.get_one(Edition, 1).frozen_subject
        page = composing.page_from_json(session.get_one(Edition, 1).frozen_page or "")
    database.db.dispose()
    first, second = page.sections[0].updates[0], page.sections[1].updates[0]

    def correct(anchor: str, title: str) -> list[str]:
        because = ("--because", "The title was wrong.", "--by", APPROVER, "--mail")
        result = demo("edition", "correct", 1, "--at", anchor, "--old", title, "--new", f"Not: {title}", *because)
        assert result.exit_code == 0, result.stderr
        return result.stdout.splitlines()

    said = correct(first.anchor, first.title)
    mail = int(said[-1])
    assert f"Edition 2, “Correction: {subject}”, tells readers. Somebody else has to approve it." in said
    assert correct(second.anchor, second.title)[-1] == str(mail), "both in one email"
    refused = demo("edition", "send", mail, "--now")
    assert (refused.exit_code, refused.stderr.strip().startswith("Edition 2 must be approved first")) == (1, True)
    own = demo("edition", "approve", mail, "--by", APPROVER)
    assert (own.exit_code, own.stderr) == (1, "Somebody who did not write edition 2 has to approve it.\n")
    demo("staff", "add", "second.approver@example.org", "--role", "approver")
    found = demo("edition", "approve", mail, "--by", "second.approver@example.org")
    assert found.exit_code == 0, found.stderr
    assert demo("edition", "send", mail, "--now").exit_code == 0
    new = sorted(set((data_dir / "outbox").glob("**/*.eml")) - before)
    assert len(new) == status(demo, mail)["recipients"] == len(before)
    message = message_from_bytes(new[0].read_bytes(), policy=policy.default)
    assert message["Subject"] == f"Correction: {subject}"
    body = message.get_body(("plain",))  # type: ignore[attr-defined]
    text = " ".join(body.get_content().split())
    assert f"It now says: “Not: {first.title}”" in text
    assert f"It now says: “Not: {second.title}”" in text


def test_what_the_checks_find_wants_a_reason_here_too(demo: Newsletter) -> None:
    """The same rule as on the pages: nothing goes out that nobody has weighed."""
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        publishing.edit(
            session, 1, subject="News of more help by phone " + "and of much else " * 3, now=built.clock.now()
        )
    built.db.dispose()
    refused = demo("edition", "approve", 1, "--by", APPROVER)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Edition 1 cannot be approved yet.\n")
    assert "phones cut it off after about 70" in refused.stderr
    assert "newsletter edition answer 1 " in refused.stderr
    assert status(demo)["state"] == "draft"  # nothing of it was done
    checked = demo("edition", "check", 1)
    assert checked.exit_code == 1
    keys = re.findall(KEY, checked.stdout)
    assert keys
    assert demo("edition", "answer", 1, keys[0], "--reason", "", "--by", "author@example.org").exit_code == 1
    assert demo("edition", "answer", 1, keys[0], "--reason", "x", "--by", APPROVER).exit_code == 1
    weigh(demo, 1)
    built = runtimes.build(settings.load())
    with built.db.reading() as session:
        noted = session.exec(select(AuditEntry).where(AuditEntry.detail == "reason for a warning")).all()
        assert len(noted) == len(keys)
        assert {(entry.action, entry.about) for entry in noted} == {("change edition", "edition 1")}
    built.db.dispose()
    checked = demo("edition", "check", 1)
    assert (checked.exit_code, "It may stay: It reads well." in checked.stdout) == (0, True)
    approved(demo)
    again = demo("edition", "answer", 1, keys[0], "--reason", "x", "--by", "author@example.org")
    assert again.exit_code == 0  # until it goes out
    demo("edition", "send", 1, "--now")
    assert demo("edition", "answer", 1, keys[0], "--reason", "x", "--by", "author@example.org").exit_code == 1


def test_a_role_for_another_list_answers_for_nothing(demo: Newsletter) -> None:
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        publishing.edit(session, 1, subject="News of more help " + "and of much else " * 4, now=built.clock.now())
        author = accounts.find(session, built.crypto, "author@example.org")
        for held in session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == author.id)):
            held.mailing_list_id = lists.by_slug(session, "professionals").id
            session.add(held)
    built.db.dispose()
    key = re.findall(KEY, demo("edition", "check", 1).stdout)[0]
    refused = demo("edition", "answer", 1, key, "--reason", "x", "--by", "author@example.org")
    assert refused.exit_code == 1
    assert "author or admin for this mailing list" in refused.stderr


def test_everything_that_an_approval_wants_is_said_at_once(demo: Newsletter) -> None:
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        publishing.edit(session, 1, subject="News about your child", now=built.clock.now())
        for partner in session.exec(select(Partner)):
            partner.approves_texts = True
            session.add(partner)
        today = london_date(built.clock.now())
    built.db.dispose()
    demo("election", "add", "By-election", "--from", today, "--until", today + timedelta(days=9))
    refused = demo("edition", "approve", 1, "--by", APPROVER)
    assert refused.exit_code == 1
    assert "mend      subject:" in refused.stderr
    assert "has still to approve its texts." in refused.stderr
    assert "is in the pre-election period “By-election”" in refused.stderr
    answered = demo("edition", "approve", 1, "--by", APPROVER, "--election-reason", "The officer agreed")
    assert "pre-election" not in answered.stderr


def test_what_has_to_be_mended_is_said_on_the_command_line(demo: Newsletter) -> None:
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        publishing.edit(session, 1, subject="News about your child", now=built.clock.now())
    built.db.dispose()
    refused = demo("edition", "approve", 1, "--by", APPROVER)
    assert refused.exit_code == 1
    assert "mend      subject: The subject says “your child”" in refused.stderr
