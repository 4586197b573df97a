"""What comes back counts once, for the right delivery and the right reader, and is kept without saying who it was."""

import logging
from base64 import encodebytes
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from newsletter.core.crypto import Crypto
from newsletter.core.runtime import Runtime
from newsletter.delivery import letters, notices, retention
from newsletter.delivery.inbox import Taken
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState, Receipt, ReceiptKind, ReceiptOutcome
from newsletter.delivery.return_paths import ReturnPaths
from newsletter.providers.base import Outcome
from subscribers import privacy
from subscribers.models import Consent, Subscriber, SubscriberState
from tests.newsletter.delivery.coming_back import SAMPLES, Copy, anew, copy_of, made_out, receipts, take
from tests.newsletter.delivery.scene import (
    add_readers,
    assert_counts_are_right,
    claim,
    deliveries,
    opened_edition,
    record,
    set_up,
    states,
)

#: Of each sample: what it is, its status, the state of the delivery after it, the state of the reader after it.
MEANINGS = {
    "gmail-no-such-user": ("bounced", "5.1.1", "bounced", "suspended"),
    "gmail-disabled": ("bounced", "5.2.1", "bounced", "confirmed"),
    "gmail-not-authenticated": ("bounced", "5.7.26", "bounced", "confirmed"),
    "microsoft-365-no-such-user": ("bounced", "5.1.10", "bounced", "suspended"),
    "microsoft-365-policy": ("bounced", "5.7.515", "bounced", "confirmed"),
    "exchange-mailbox-full": ("bounced", "5.2.2", "bounced", "confirmed"),
    "exchange-no-such-user": ("bounced", "5.1.1", "bounced", "suspended"),
    "nhsmail-no-such-user": ("bounced", "5.1.2", "bounced", "suspended"),
    "nhsmail-content": ("bounced", "5.7.1", "bounced", "confirmed"),
    "yahoo-no-account": ("bounced", "5.0.0", "bounced", "confirmed"),
    "postfix-expired": ("bounced", "4.4.1", "bounced", "confirmed"),
    "postfix-delayed": ("delayed", "4.4.1", "accepted", "confirmed"),
    "postfix-delivered": ("delivered", "2.0.0", "delivered", "confirmed"),
    "qmail-no-such-user": ("bounced", "5.1.1", "bounced", "suspended"),
    "exim-unrouteable": ("bounced", "5.0.0", "bounced", "confirmed"),
    "yahoo-complaint": ("complained", None, "complained", "left"),
    "microsoft-complaint": ("complained", None, "complained", "left"),
    "not-spam": ("other", None, "accepted", "confirmed"),
    "out-of-office": ("other", None, "accepted", "confirmed"),
}


@dataclass
class Sent:
    """An edition that three readers were sent, and their copies."""

    runtime: Runtime
    mailing_list: int
    edition: int
    copies: list[Copy]

    def delivery(self, number: int = 0) -> Delivery:
        return deliveries(self.runtime, self.edition)[number]

    def reader(self, number: int = 0) -> Subscriber:
        with self.runtime.db.reading() as session:
            return session.get_one(Subscriber, self.copies[number].subscriber_id)

    def receipts(self) -> list[Receipt]:
        with self.runtime.db.reading() as session:
            assert_counts_are_right(session)
            return receipts(session)

    def take(self, sample: str, number: int = 0, **changed: str) -> Taken:
        return take(self.runtime, made_out(sample, self.copies[number], **changed))


@pytest.fixture
def sent(runtime: Runtime) -> Sent:
    return sent_edition(runtime)


def sent_edition(runtime: Runtime, outcome: Outcome | None = Outcome.ACCEPTED) -> Sent:
    mailing_list = set_up(runtime)
    readers = add_readers(runtime, mailing_list, 3)
    edition = opened_edition(runtime, mailing_list)
    if outcome is not None:
        record(runtime, claim(runtime), outcome)
    return Sent(runtime, mailing_list, edition, [copy_of(runtime, reader, edition) for reader in readers])


def test_every_sample_has_a_meaning() -> None:
    assert set(SAMPLES) == set(MEANINGS)


@pytest.mark.parametrize("sample", sorted(MEANINGS))
def test_it_counts_for_the_delivery_and_the_reader_it_is_about_and_counts_once(sent: Sent, sample: str) -> None:
    kind, status, delivery, reader = MEANINGS[sample]
    taken = sent.take(sample)
    assert (taken.kind.value, taken.status) == (kind, status)
    again = sent.take(sample)
    assert (again.kind, again.outcome) == (taken.kind, taken.outcome)
    assert not again.is_new
    assert sent.delivery().state == DeliveryState(delivery)
    assert sent.reader().state == SubscriberState(reader)
    (receipt,) = sent.receipts()
    assert receipt.delivery_id == (None if kind == "other" else sent.copies[0].delivery_id)
    # Nobody else is touched.
    assert states(sent.runtime, sent.edition).get("accepted") == (3 if delivery == "accepted" else 2)
    assert sent.reader(1).state is SubscriberState.CONFIRMED


@pytest.mark.parametrize("sample", sorted(MEANINGS))
def test_what_is_kept_names_nobody(sent: Sent, sample: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sent.take(sample)
    copy, (receipt,) = sent.copies[0], sent.receipts()
    delivery = sent.delivery()
    said = [str(vars(each)) for each in caplog.records if each.name.startswith(("newsletter", "subscribers"))]
    for text in (receipt.evidence, delivery.detail or "", delivery.code or "", *said):
        assert "@" not in text
        for secret in (copy.address, "reader-0", copy.leave_token, copy.return_path.partition("@")[0][-40:]):
            assert secret not in text
    assert "Hello, dear reader" not in receipt.evidence
    if receipt.source in ("dsn", "arf"):
        assert receipt.evidence.splitlines()[0].startswith(("Reporting-MTA: dns;", "Feedback-Type: "))
    if receipt.kind is ReceiptKind.OTHER and receipt.source == "mail":
        assert receipt.evidence == ""


@pytest.mark.parametrize("sample", sorted(name for name in MEANINGS if MEANINGS[name][0] != "other"))
def test_without_an_envelope_sender_of_its_own_it_is_found_by_our_message_id(sent: Sent, sample: str) -> None:
    taken = sent.take(sample, return_path="news@example.org")
    assert taken.kind is ReceiptKind.DELAYED or taken.outcome is ReceiptOutcome.APPLIED
    (receipt,) = sent.receipts()
    assert receipt.delivery_id == sent.copies[0].delivery_id


@pytest.mark.parametrize("missing", ["leave_token", "address"])
def test_either_the_leave_link_or_the_address_is_enough_beside_our_message_id(sent: Sent, missing: str) -> None:
    changed = {"leave_token": {"leave_token": "x", "leave_url": "x"}, "address": {"address": "else@example.org"}}[
        missing
    ]
    assert sent.take("gmail-no-such-user", return_path="news@example.org", **changed).outcome is ReceiptOutcome.APPLIED
    assert sent.reader().state is SubscriberState.SUSPENDED


@pytest.mark.parametrize(
    "changed",
    [
        {"return_path": "news@example.org", "message_id": "somebody-elses@example.org"},
        {"return_path": "news@example.org", "message_id": f"{'0' * 32}@news.example.org"},
        {"return_path": f"bounces+{'a' * 40}@bounce.example.org", "message_id": "x@example.org"},
        {"return_path": "news@example.org", "address": "else@example.org", "leave_token": "x", "leave_url": "x"},
    ],
)
def test_what_nobody_can_show_to_be_about_a_copy_of_ours_is_kept_and_changes_nothing(
    sent: Sent, changed: dict[str, str]
) -> None:
    assert sent.take("gmail-no-such-user", **changed).outcome is ReceiptOutcome.NO_DELIVERY
    assert states(sent.runtime, sent.edition) == {"accepted": 3}
    assert sent.reader().state is SubscriberState.CONFIRMED
    (receipt,) = sent.receipts()
    assert receipt.delivery_id is None


def test_a_token_of_another_installation_means_nothing(sent: Sent) -> None:
    write = ReturnPaths(Crypto("another installation's secret, 32+"), "b@example.org").writer(DeliveryKind.EDITION, 1)
    assert write is not None
    foreign = write(sent.copies[0].delivery_id)
    taken = sent.take("gmail-no-such-user", return_path=foreign, message_id="x@example.org")
    assert taken.outcome is ReceiptOutcome.NO_DELIVERY


def test_the_same_message_by_another_way_counts_once(sent: Sent) -> None:
    raw = made_out("gmail-no-such-user", sent.copies[0])
    take(sent.runtime, raw)
    again = b"Delivered-To: bounces@bounce.example.org\nReceived: by elsewhere\n" + raw.replace(b"\r\n", b"\n")
    assert not take(sent.runtime, again).is_new
    assert len(sent.receipts()) == 1


def test_a_message_without_an_id_of_its_own_counts_once_too(sent: Sent) -> None:
    raw = made_out("qmail-no-such-user", sent.copies[0]).replace(b"Message-ID: <qmail", b"X-Id: <qmail")
    assert take(sent.runtime, raw).is_new
    assert not take(sent.runtime, b"Received: by elsewhere\r\n" + raw).is_new


def test_what_came_back_stays_so_whatever_is_said_later_but_a_complaint(sent: Sent) -> None:
    sent.take("postfix-delivered")
    assert sent.delivery().state is DeliveryState.DELIVERED
    sent.take("exchange-mailbox-full")
    assert sent.delivery().state is DeliveryState.BOUNCED
    late = anew(made_out("postfix-delivered", sent.copies[0]), 2)
    assert take(sent.runtime, late).outcome is ReceiptOutcome.NOTHING_NEW
    assert sent.delivery().state is DeliveryState.BOUNCED
    assert sent.take("yahoo-complaint").outcome is ReceiptOutcome.APPLIED
    assert sent.delivery().state is DeliveryState.COMPLAINED
    bounced = anew(made_out("exchange-mailbox-full", sent.copies[0]), 3)
    assert take(sent.runtime, bounced).outcome is ReceiptOutcome.NOTHING_NEW
    assert states(sent.runtime, sent.edition) == {"accepted": 2, "complained": 1}
    assert len(sent.receipts()) == 5


def test_a_delivery_of_which_nobody_knew_resolves_by_itself(runtime: Runtime) -> None:
    sent = sent_edition(runtime, Outcome.UNKNOWN)
    sent.take("postfix-delivered", 0)
    sent.take("gmail-no-such-user", 1)
    assert states(runtime, sent.edition) == {"delivered": 1, "bounced": 1, "unknown": 1}
    assert len(sent.receipts()) == 2


def test_a_notice_that_is_faster_than_the_worker_counts_and_stays(runtime: Runtime) -> None:
    sent = sent_edition(runtime, None)
    held = claim(runtime)
    sent.take("gmail-no-such-user")
    assert states(runtime, sent.edition) == {"bounced": 1, "sending": 2}
    record(runtime, held, Outcome.ACCEPTED)
    assert states(runtime, sent.edition) == {"bounced": 1, "accepted": 2}
    assert len(sent.receipts()) == 1
    assert sent.delivery().code == "5.1.1"


def test_a_copy_that_was_refused_at_once_is_not_touched_by_what_comes_later(runtime: Runtime) -> None:
    sent = sent_edition(runtime, Outcome.REJECTED)
    assert sent.take("postfix-delivered").outcome is ReceiptOutcome.NOTHING_NEW
    assert states(runtime, sent.edition) == {"rejected": 3}


def test_who_complains_is_off_this_list_at_once_and_hears_nothing_more(sent: Sent) -> None:
    second = opened_edition(sent.runtime, sent.mailing_list, number=2)
    sent.take("yahoo-complaint")
    assert sent.reader().state is SubscriberState.LEFT
    assert states(sent.runtime, second) == {"queued": 2, "skipped": 1}
    assert states(sent.runtime, None) == {}, "no goodbye"
    with sent.runtime.db.reading() as session:
        assert_counts_are_right(session)
        withdrawn = session.exec(select(Consent.withdrawn_how)).all()
        exported = privacy.export(session, sent.runtime.crypto, sent.copies[0].address)
    assert set(withdrawn) <= {"complaint"}
    assert exported["suppression"] is None, "they may change their mind, and are on no other list because of it"


def test_a_complaint_about_a_mail_long_forgotten_still_counts(sent: Sent) -> None:
    with sent.runtime.db.transaction() as session:
        session.execute(sa.delete(Delivery))
    assert sent.take("microsoft-complaint").outcome is ReceiptOutcome.APPLIED
    assert sent.reader().state is SubscriberState.LEFT
    assert sent.take("gmail-no-such-user", 1).outcome is ReceiptOutcome.NO_DELIVERY
    assert sent.reader(1).state is SubscriberState.CONFIRMED


def test_a_letter_that_comes_back_counts_only_when_there_is_no_such_person(sent: Sent) -> None:
    welcomed = [copy.subscriber_id for copy in sent.copies[:2]]
    with sent.runtime.db.transaction() as session:
        for reader in welcomed:
            letters.queue(
                session,
                DeliveryKind.WELCOME,
                mailing_list_id=sent.mailing_list,
                subscriber_id=reader,
                now=sent.runtime.clock.now(),
            )
    record(sent.runtime, claim(sent.runtime), Outcome.ACCEPTED)
    full, gone = (copy_of(sent.runtime, reader, None) for reader in welcomed)
    take(sent.runtime, made_out("exchange-mailbox-full", full))
    take(sent.runtime, made_out("exchange-no-such-user", gone).replace(b"-user@mx", b"-other@mx"))
    assert states(sent.runtime, None) == {"bounced": 2}
    assert (sent.reader(0).state, sent.reader(1).state) == (SubscriberState.CONFIRMED, SubscriberState.SUSPENDED)


def test_who_was_erased_meanwhile_is_nobody_any_more(sent: Sent) -> None:
    with sent.runtime.db.transaction() as session:
        privacy.erase(session, sent.runtime.crypto, sent.copies[0].address, now=sent.runtime.clock.now())
    assert sent.take("gmail-no-such-user").outcome is ReceiptOutcome.APPLIED
    assert sent.delivery().state is DeliveryState.BOUNCED
    assert "reader-0" not in sent.receipts()[0].evidence


def test_a_refusal_for_our_sake_is_told_to_the_operator(sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    sent.take("microsoft-365-policy")
    (told,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert vars(told)["status"] == "5.7.515"
    assert "Access denied" in vars(told)["said"]


def test_receipts_go_with_their_deliveries_and_others_after_a_week(sent: Sent) -> None:
    sent.take("gmail-no-such-user")
    sent.take("out-of-office")
    with sent.runtime.db.transaction() as session:
        session.execute(sa.text("UPDATE edition SET state = 'sent'"))
    later = sent.runtime.clock.now() + timedelta(days=6)
    for moment, kept in ((later, 2), (later + timedelta(days=2), 0)):
        with sent.runtime.db.transaction() as session:
            retention.forget(session, now=moment)
            retention.forget_receipts(session, now=moment)
            assert len(receipts(session)) == kept
            assert len(session.exec(select(col(Delivery.id))).all()) == (3 if kept else 0)


def test_of_several_recipients_the_one_that_was_refused_counts(sent: Sent) -> None:
    raw = made_out("postfix-delivered", sent.copies[0]).replace(
        b"Final-Recipient:",
        b"Final-Recipient: rfc822; other@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\nFinal-Recipient:",
        1,
    )
    assert take(sent.runtime, raw).kind is ReceiptKind.BOUNCED


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_fields_that_were_encoded_on_the_way_are_read(encoding: str) -> None:
    fields = (
        "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\n"
    )
    encoded = fields.encode()
    if encoding == "base64":
        encoded = encodebytes(encoded)
    raw = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: " + encoding.encode() + b"\n\n" + encoded
    ) + b"\n--b--\n"
    notice = notices.read(raw)
    assert (notice.kind, notice.status) == (ReceiptKind.BOUNCED, "5.1.1")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (("5.1.1",), "5.1.1"),
        (("5.0.0", "550 5.1.1 <(address)>: Recipient address rejected"), "5.1.1"),
        (("550-5.1.10 no 550 5.1.10 such user",), "5.1.10"),
        (("5.0.0", "554 delivery error"), "5.0.0"),
        (("550 No such person",), "5.0.0"),
        (("452 Too many recipients",), "4.0.0"),
        (("host 10.5.1.1 said no",), None),
        (("5.1.1.1 is an address",), None),
        (("05.01.01",), None),
        (("5.01.001",), "5.1.1"),
        ((None, ""), None),
    ],
)
def test_the_status_is_found_in_what_was_said(said: tuple[str | None, ...], status: str | None) -> None:
    assert notices.enhanced_status(*said) == status


@given(st.binary(max_size=2000))
def test_no_bytes_whatever_make_reading_fail(raw: bytes) -> None:
    notices.read(raw)


COPY = Copy(7, 7, "reader-0@example.org", "bounces+x@bounce.example.org", "0@news.example.org", "x" * 43)


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=40)), max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_notice_makes_reading_fail(sample: str, damages: list[tuple[int, int, bytes]]) -> None:
    notices.read(damaged(made_out(sample, COPY), damages))


def damaged(raw: bytes, damages: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, instead in damages:
        raw = raw[:at] + instead + raw[at + length :]
    return raw


@given(
    st.binary(max_size=300)
    | st.builds(
        damaged,
        st.sampled_from([made_out(sample, COPY) for sample in sorted(SAMPLES)]),
        st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=40)), max_size=8),
    )
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatever_make_taking_fail(sqlite_runtime: Runtime, raw: bytes) -> None:
    """Whatever it was, it is there, and its sender is not told off."""
    take(sqlite_runtime, raw)
    assert not take(sqlite_runtime, raw).is_new


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe" * 100,
        b"a" * 2_000_000,
        b"Final-Recipient: " + b"a" * 1_000_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (depth, depth) for depth in range(3000)),
        b"From: \xff\xff\nSubject: =?nonsense?q?=FF?=\nContent-Type: text/plain; charset=nonsense\n\n\xff",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=\n\n--\n",
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n!!!",
        b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse",
    ],
    ids=range(9),
)
def test_monsters_are_taken_calmly(sqlite_runtime: Runtime, raw: bytes) -> None:
    assert take(sqlite_runtime, raw).outcome is ReceiptOutcome.NO_DELIVERY
