"""Whatever happens to whom in whatever order, what nobody may ever see broken stays whole.

Two mailing lists, a school with more mailboxes than make a burst, and one public mailbox. `wants` is what we know from
outside: who said yes last, and has not said no since.
"""

import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import NotFound
from newsletter.core.tokens import Purpose
from newsletter.delivery import stopping
from scheduler import jobs
from subscribers import bursts, identity, preferences, privacy, recipients, signup
from subscribers.models import BurstDecision, Consent, HeldLeave, LeaveBurst, Subscriber, SubscriberState
from subscribers.signup import Details
from tests.conftest import START, make_runtime
from tests.subscribers.conftest import make_lists
from tests.subscribers.test_signup import SENCO, confirmed

READERS = [*(f"reader-{number}@school.example.org" for number in range(6)), "reader@gmail.com"]
ADDRESSES = [*READERS, "moved@school.example.org", "moved@gmail.com"]
Place = tuple[int, str]

addresses = st.sampled_from(ADDRESSES)
lists = st.sampled_from([0, 1])


class AnyOrder(RuleBasedStateMachine):
    template: Path  # everybody is on both lists

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="newsletter-order-"))
        shutil.copy(self.template, self.directory / "newsletter.db")
        self.clock = ManualClock(START)
        self.runtime = make_runtime(f"sqlite:///{self.directory / 'newsletter.db'}", self.clock, self.directory)
        self.lists = (1, 2)
        self.wants: set[Place] = {(which, address) for which in (0, 1) for address in READERS}
        self.evidence: dict[int, Consent] = {}

    def teardown(self) -> None:
        self.runtime.db.dispose()
        shutil.rmtree(self.directory)

    # What people do, and machines.

    @rule(which=lists, address=addresses, confirms=st.sampled_from([True, True, True, False]))
    def sign_up(self, which: int, address: str, confirms: bool) -> None:
        details: Details | None = SENCO if which else None
        with self.runtime.db.transaction() as session:
            signup.request(
                session, self.runtime.crypto, mailing_list_id=self.lists[which], address=address, details=details,
                now=self.clock.now(),
            )  # fmt: skip
        if confirms:
            self.confirm(which, address)

    @rule(which=lists, address=addresses)
    def confirm(self, which: int, address: str) -> None:
        found = self.row(which, address)
        if found is None or found.state is not SubscriberState.PENDING:
            return
        token = self.runtime.tokens.make(
            Purpose.CONFIRM, list_id=self.lists[which], subject_id=found.id or 0, issued_at=self.clock.now()
        )
        with self.runtime.db.transaction() as session:
            done = signup.confirm(session, self.runtime.tokens, token, now=self.clock.now())
            replaced = session.get(Subscriber, done.replaced.subscriber_id) if done.replaced else None
            old = self.runtime.crypto.decrypt(replaced.address_sealed or b"") if replaced else None
        if old is not None:
            self.wants.discard((which, old))
        self.wants.add((which, address))

    @rule(which=lists, address=addresses, how=st.sampled_from([bursts.ONE_CLICK, bursts.BUTTON]))
    def press(self, which: int, address: str, how: str) -> None:
        if (found := self.row(which, address)) is None:
            return
        others = self.snapshot(1 - which)
        with self.runtime.db.transaction() as session:
            left = bursts.press(
                session, self.runtime.crypto, mailing_list_id=self.lists[which], subscriber_id=found.id or 0, how=how,
                now=self.clock.now(),
            )  # fmt: skip
            stopping.stop_for(session, [left], self.clock.now())
        self.wants.discard((which, address))
        assert self.snapshot(1 - which) == others
        assert not (left.is_held and address.endswith("@gmail.com"))

    @rule(which=lists, then=st.sampled_from([None, *BurstDecision]))
    def a_filter_presses_them_all(self, which: int, then: BurstDecision | None) -> None:
        for address in ADDRESSES:
            self.press(which, address, bursts.ONE_CLICK)
        if then is not None and self.held():
            self.decide(then)

    @rule(which=lists, address=addresses, everything=st.booleans())
    def leave_for_certain(self, which: int, address: str, everything: bool) -> None:
        if (found := self.row(which, address)) is None:
            return
        who = {"mailing_list_id": self.lists[which], "subscriber_id": found.id or 0}
        others = self.snapshot(1 - which)
        with self.runtime.db.transaction() as session:
            if everything:
                lefts = preferences.leave_all(
                    session, self.runtime.crypto, **who, how="button for all", now=self.clock.now()
                )
            else:
                lefts = [preferences.leave(session, **who, how="button, sure", now=self.clock.now())]
            stopping.stop_for(session, lefts, self.clock.now())
        for each in (0, 1) if everything else (which,):
            self.wants.discard((each, address))
            row = self.row(each, address)
            assert row is None or row.state is SubscriberState.LEFT
        assert everything or self.snapshot(1 - which) == others

    @rule(which=lists, address=addresses)
    def come_back(self, which: int, address: str) -> None:
        if (found := self.row(which, address)) is None:
            return
        with self.runtime.db.transaction() as session, suppress(NotFound):
            preferences.return_to(session, subscriber_id=found.id or 0, now=self.clock.now())

    @rule(which=lists, old=addresses, new=addresses, confirms=st.booleans())
    def change_address(self, which: int, old: str, new: str, confirms: bool) -> None:
        if (found := self.row(which, old)) is None:
            return
        with self.runtime.db.transaction() as session, suppress(NotFound):
            preferences.change_address(
                session, self.runtime.crypto, mailing_list_id=self.lists[which], subscriber_id=found.id or 0,
                address=new, now=self.clock.now(),
            )  # fmt: skip
        if confirms:
            self.confirm(which, new)

    @rule(address=addresses)
    def erase(self, address: str) -> None:
        with self.runtime.db.transaction() as session:
            privacy.erase(session, self.runtime.crypto, address, now=self.clock.now())
        self.wants -= {(0, address), (1, address)}

    @precondition(lambda self: self.held())
    @rule(decision=st.sampled_from(list(BurstDecision)))
    def decide(self, decision: BurstDecision) -> None:
        burst_id, people = next(iter(self.held().items()))
        with self.runtime.db.transaction() as session:
            stopping.settle(session, burst_id, decision, by=None, now=self.clock.now())
        if decision is BurstDecision.DISMISSED:
            self.wants |= people

    @rule(by=st.sampled_from([timedelta(minutes=1), timedelta(hours=25), timedelta(days=6), timedelta(days=29)]))
    def time_passes(self, by: timedelta) -> None:
        self.clock.move(by)
        jobs.obey_held(self.runtime)
        with self.runtime.db.transaction() as session:
            privacy.sweep(session, now=self.clock.now())

    # What always holds.

    @invariant()
    def only_who_said_yes_last_gets_mail(self) -> None:
        with self.runtime.db.reading() as session:
            for which, list_id in enumerate(self.lists):
                ids = session.scalars(recipients.confirmed_ids(list_id)).all()
                found = recipients.reachable(
                    session, self.runtime.crypto, ids, states={SubscriberState.CONFIRMED}, now=self.clock.now()
                )
                assert set(found.values()) == {address for each, address in self.wants if each == which}

    @invariant()
    def consent_stands_for_who_gets_mail_and_is_withdrawn_for_who_left(self) -> None:
        with self.runtime.db.reading() as session:
            consents = session.exec(select(Consent)).all()
            for row in session.exec(select(Subscriber)):
                mine = [consent for consent in consents if consent.subscriber_id == row.id]
                if row.state is SubscriberState.CONFIRMED:
                    assert any(consent.confirmed_at and not consent.withdrawn_at for consent in mine)
                elif row.state in (SubscriberState.LEFT, SubscriberState.HELD):
                    assert all(consent.withdrawn_at and consent.withdrawn_how for consent in mine)

    @invariant()
    def evidence_is_never_rewritten(self) -> None:
        now: dict[int, Consent] = {}  # whoever was forgotten meanwhile may have left their number to somebody else
        with self.runtime.db.reading() as session:
            for consent in session.exec(select(Consent)):
                before = self.evidence.get(consent.id or 0)
                for name in ("requested_at", "wording_id", "source", "confirmed_at", "withdrawn_at", "withdrawn_how"):
                    was = getattr(before, name) if before else None
                    assert was is None or was == getattr(consent, name)
                session.expunge(consent)
                now[consent.id or 0] = consent
        self.evidence = now

    @invariant()
    def who_is_held_waits_for_a_decision_that_can_still_come(self) -> None:
        with self.runtime.db.reading() as session:
            held = set(session.exec(select(Subscriber.id).where(Subscriber.state == SubscriberState.HELD)))
            assert set(session.exec(select(HeldLeave.subscriber_id))) == held
            undecided = set(session.exec(select(LeaveBurst.id).where(LeaveBurst.decided_at == None)))  # noqa: E711
            assert set(session.exec(select(HeldLeave.burst_id))) <= undecided
            assert not bursts.overdue(session, now=self.clock.now() - timedelta(days=29))

    # Looking.

    def row(self, which: int, address: str) -> Subscriber | None:
        with self.runtime.db.reading() as session:
            found = identity.find(session, self.runtime.crypto, self.lists[which], address)
            if found is not None:
                session.expunge(found)
            return found

    def snapshot(self, which: int) -> list[object]:
        with self.runtime.db.reading() as session:
            rows = session.exec(select(Subscriber).where(Subscriber.mailing_list_id == self.lists[which])).all()
            consents = session.exec(select(Consent).where(Consent.mailing_list_id == self.lists[which])).all()
            return [each.model_dump() for each in (*rows, *consents)]

    def held(self) -> dict[int, set[Place]]:
        found: dict[int, set[Place]] = {}
        with self.runtime.db.reading() as session:
            for held in session.exec(select(HeldLeave)):
                row = session.get_one(Subscriber, held.subscriber_id)
                place = self.lists.index(row.mailing_list_id), self.runtime.crypto.decrypt(row.address_sealed or b"")
                found.setdefault(held.burst_id, set()).add(place)
        return found


def test_any_order_of_events_keeps_the_promises(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make_runtime(sqlite_url, ManualClock(START - timedelta(days=2)), tmp_path)
    made = make_lists(runtime)
    for list_id, details in ((made.parents, None), (made.professionals, SENCO)):
        for address in READERS:
            confirmed(runtime, list_id, address, details=details)
    runtime.db.dispose()
    monkeypatch.setattr(AnyOrder, "template", tmp_path / "newsletter.db", raising=False)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
