"""Asking for a mailing list and confirming it."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import (
    ExpiredToken,
    InvalidInput,
    InvalidToken,
    NewsletterError,
    NotFound,
    TooMany,
    WrongState,
)
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from subscribers import identity, lists, preferences, signup, suppression
from subscribers.models import Attempt, Consent, Phase, Role, Subscriber, SubscriberState, SuppressionReason
from subscribers.signup import Answer, Details, Requested
from tests.subscribers.conftest import Lists

ADDRESS = "parent-one@example.org"
SENCO = Details(role=Role.SENCO, school_urn=123456, phase=Phase.PRIMARY)


def ask(runtime: Runtime, mailing_list_id: int, address: str = ADDRESS, details: Details | None = None) -> Requested:
    with runtime.db.transaction() as session:
        return signup.request(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list_id,
            address=address,
            details=details,
            now=runtime.clock.now(),
        )


def link(runtime: Runtime, mailing_list_id: int, subscriber_id: int | None) -> str:
    assert subscriber_id is not None
    return runtime.tokens.make(
        Purpose.CONFIRM, list_id=mailing_list_id, subject_id=subscriber_id, issued_at=runtime.clock.now()
    )


def press(runtime: Runtime, text: str) -> signup.Confirmed:
    with runtime.db.transaction() as session:
        return signup.confirm(session, runtime.tokens, text, now=runtime.clock.now())


def type_code(runtime: Runtime, mailing_list_id: int, code: str, address: str = ADDRESS) -> signup.Confirmed:
    with runtime.db.transaction() as session:
        return signup.confirm_by_code(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list_id,
            address=address,
            code=code,
            now=runtime.clock.now(),
        )


def code_of(runtime: Runtime, subscriber_id: int | None) -> str:
    with runtime.db.reading() as session:
        return signup.code_for(runtime.crypto, row(session, subscriber_id))


def row(session: Session, subscriber_id: int | None) -> Subscriber:
    found = session.get(Subscriber, subscriber_id)
    assert found is not None
    return found


def confirmed(runtime: Runtime, mailing_list_id: int, address: str = ADDRESS, details: Details | None = None) -> int:
    asked = ask(runtime, mailing_list_id, address, details)
    return press(runtime, link(runtime, mailing_list_id, asked.subscriber_id)).subscriber_id


def leave(runtime: Runtime, mailing_list_id: int, subscriber_id: int) -> preferences.Left:
    with runtime.db.transaction() as session:
        return preferences.leave(
            session,
            mailing_list_id=mailing_list_id,
            subscriber_id=subscriber_id,
            how="button",
            now=runtime.clock.now(),
        )


def test_somebody_new_becomes_pending_with_a_consent_for_the_wording_shown(runtime: Runtime, both: Lists) -> None:
    asked = ask(runtime, both.parents)
    assert asked.answer is Answer.CONFIRM
    with runtime.db.reading() as session:
        subscriber = row(session, asked.subscriber_id)
        consent = session.exec(select(Consent)).one()
        assert subscriber.state is SubscriberState.PENDING
        assert consent.subscriber_id == asked.subscriber_id
        assert consent.wording_id == lists.current_wording(session, both.parents).id
        assert (consent.source, consent.confirmed_at, consent.withdrawn_at) == ("web form", None, None)
        assert subscriber.address_sealed is not None
        assert runtime.crypto.decrypt(subscriber.address_sealed) == ADDRESS


def test_pressing_the_link_twice_confirms_once(runtime: Runtime, both: Lists, clock: ManualClock) -> None:
    text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
    clock.move(timedelta(hours=3))
    first, second = press(runtime, text), press(runtime, text)
    assert (first.newly, second.newly) == (True, False)
    assert first.mailing_list_id == both.parents
    with runtime.db.reading() as session:
        consent = session.exec(select(Consent)).one()
        assert consent.confirmed_at == clock.now() == row(session, first.subscriber_id).confirmed_at
        assert consent.requested_at == clock.now() - timedelta(hours=3)


def test_asking_again_changes_nothing_for_somebody_confirmed(runtime: Runtime, both: Lists) -> None:
    subscriber_id = confirmed(runtime, both.professionals, details=SENCO)
    again = ask(runtime, both.professionals, details=Details(role=Role.HEAD, setting_name="Somewhere else"))
    assert again == Requested(Answer.ALREADY, subscriber_id)
    with runtime.db.reading() as session:
        subscriber = row(session, subscriber_id)
        assert (subscriber.role, subscriber.school_urn, subscriber.phase) == (Role.SENCO, 123456, Phase.PRIMARY)
        assert subscriber.state is SubscriberState.CONFIRMED


@pytest.mark.parametrize("spelling", ["Parent-One@Example.org", "  parent-one@EXAMPLE.org\n"])
def test_one_address_is_one_subscriber_however_it_is_typed(runtime: Runtime, both: Lists, spelling: str) -> None:
    assert ask(runtime, both.parents).subscriber_id == ask(runtime, both.parents, spelling).subscriber_id


def test_asking_again_the_same_way_reuses_the_consent_and_a_new_wording_makes_a_new_one(
    runtime: Runtime, both: Lists
) -> None:
    ask(runtime, both.parents)
    ask(runtime, both.parents)
    with runtime.db.transaction() as session:
        assert len(session.exec(select(Consent)).all()) == 1
        lists.add_wording(session, lists.by_id(session, both.parents), "New words.", now=runtime.clock.now())
    asked = ask(runtime, both.parents)
    press(runtime, link(runtime, both.parents, asked.subscriber_id))
    with runtime.db.reading() as session:
        old, new = session.exec(select(Consent).order_by(Consent.id)).all()  # type: ignore[arg-type]
        assert old.confirmed_at is None
        assert new.confirmed_at == runtime.clock.now()


class TestTwoFormsAtOnce:
    @pytest.mark.parametrize("threads", [2, 6])
    def test_give_one_subscriber_and_no_error(self, runtime: Runtime, both: Lists, threads: int) -> None:
        barrier = Barrier(threads)
        answers: list[Requested] = []
        errors: list[BaseException] = []

        def submit() -> None:
            try:
                barrier.wait(timeout=30)
                answers.append(ask(runtime, both.parents))
            except BaseException as error:
                errors.append(error)

        running = [Thread(target=submit) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert errors == []
        assert len(answers) == threads
        assert sum(answer.answer is Answer.CONFIRM for answer in answers) == min(threads, 3)
        with runtime.db.reading() as session:
            assert len(session.exec(select(Subscriber)).all()) == 1
            assert len(session.exec(select(Consent)).all()) == 1


class TestDetails:
    @pytest.mark.parametrize(
        "details",
        [SENCO, Details(role=Role.SENCO), Details(setting_name="A setting"), Details(phase=Phase.PRIMARY)],
    )
    def test_nothing_about_a_parent_is_taken(self, runtime: Runtime, both: Lists, details: Details) -> None:
        with pytest.raises(InvalidInput, match="only need an email address"):
            ask(runtime, both.parents, details=details)

    @pytest.mark.parametrize(
        ("details", "field"),
        [
            (None, "role"),
            (Details(school_urn=123456), "role"),
            (Details(role=Role.SENCO), "school_urn"),
            (Details(role=Role.SENCO, setting_name=" \t "), "school_urn"),
            (Details(role=Role.SENCO, school_urn=999999), "school_urn"),
            (Details(role=Role.SENCO, school_urn=10**30), "school_urn"),
            (Details(role=Role.SENCO, school_urn=-1), "school_urn"),
            (Details(role=Role.SENCO, school_urn=123456, setting_name="Both"), "setting_name"),
            (Details(role=Role.SENCO, setting_name="x" * 201), "setting_name"),
            (Details(role=Role.SENCO, setting_name="null\0null"), "setting_name"),
        ],
    )
    def test_a_professional_gives_role_and_one_setting(
        self, runtime: Runtime, both: Lists, details: Details | None, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            ask(runtime, both.professionals, details=details)
        assert caught.value.field == field
        with runtime.db.reading() as session:
            assert session.exec(select(Subscriber)).all() == []

    def test_a_setting_in_ones_own_words_is_tidied(self, runtime: Runtime, both: Lists) -> None:
        asked = ask(
            runtime, both.professionals, details=Details(role=Role.EARLY_YEARS, setting_name="  Acorn \n nursery ")
        )
        with runtime.db.reading() as session:
            assert row(session, asked.subscriber_id).setting_name == "Acorn nursery"

    def test_a_list_that_is_not_there(self, runtime: Runtime, both: Lists) -> None:
        with pytest.raises(NotFound):
            ask(runtime, 99)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.text(max_size=60) | st.emails(), setting=st.text(max_size=220))
def test_whatever_is_typed_gives_an_answer_or_a_sentence(
    runtime: Runtime, both: Lists, address: str, setting: str
) -> None:
    said = "nothing"
    try:
        ask(runtime, both.professionals, address, Details(role=Role.OTHER, setting_name=setting))
    except NewsletterError as error:
        said = str(error)
    assert said
    assert "@" not in said.replace("name@example.com", "")


class TestLimits:
    def test_three_mails_a_day_whichever_list_asks(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        answers = [ask(runtime, both.parents).answer, ask(runtime, both.professionals, details=SENCO).answer]
        answers += [ask(runtime, both.parents).answer for _ in range(2)]
        assert answers == [Answer.CONFIRM] * 3 + [Answer.NOTHING]
        clock.move(timedelta(hours=24))
        assert ask(runtime, both.parents).answer is Answer.CONFIRM

    def test_a_request_over_the_limit_leaves_the_last_code_good(self, runtime: Runtime, both: Lists) -> None:
        asked = [ask(runtime, both.parents) for _ in range(4)]
        assert type_code(runtime, both.parents, code_of(runtime, asked[0].subscriber_id)).newly

    def test_already_letters_count_too(self, runtime: Runtime, both: Lists) -> None:
        confirmed(runtime, both.parents)
        answers = [ask(runtime, both.parents).answer for _ in range(3)]
        assert answers == [Answer.ALREADY, Answer.ALREADY, Answer.NOTHING]

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("testclient", "testclient", True),
        ],
    )
    def test_a_network(self, sqlite_runtime: Runtime, one: str, other: str, same: bool) -> None:
        crypto = sqlite_runtime.crypto
        assert (identity.network_key(crypto, one) == identity.network_key(crypto, other)) is same

    def test_a_network_waits_its_turn_and_trying_does_not_make_it_longer(
        self, runtime: Runtime, clock: ManualClock
    ) -> None:
        def form() -> None:
            with runtime.db.transaction() as session:
                signup.check_network(session, runtime.crypto, ip="192.0.2.1", limit_per_hour=2, now=clock.now())

        form()
        clock.move(timedelta(minutes=20))
        form()
        for _ in range(3):
            with pytest.raises(TooMany) as caught:
                form()
            assert caught.value.retry_after_s == 40 * 60
        clock.move(timedelta(minutes=40))
        form()
        with runtime.db.reading() as session:
            assert b"192" not in b"".join(attempt.key_hash for attempt in session.exec(select(Attempt)))


class TestConfirming:
    def test_a_link_works_for_seven_days(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        clock.move(timedelta(days=7, seconds=1))
        with pytest.raises(ExpiredToken):
            press(runtime, text)
        clock.move(timedelta(seconds=-1))
        assert press(runtime, text).newly

    def test_a_link_whose_record_is_gone(self, runtime: Runtime, both: Lists) -> None:
        asked = ask(runtime, both.parents)
        text = link(runtime, both.parents, asked.subscriber_id)
        with runtime.db.transaction() as session:
            session.delete(session.exec(select(Consent)).one())
            session.flush()
            session.delete(row(session, asked.subscriber_id))
        with pytest.raises(NotFound, match="Sign up again"):
            press(runtime, text)
        newcomer = ask(runtime, both.parents, "parent-two@example.org")
        assert newcomer.subscriber_id != asked.subscriber_id  # or the old link would be theirs

    def test_a_link_of_another_list_or_purpose(self, runtime: Runtime, both: Lists) -> None:
        asked = ask(runtime, both.parents)
        with pytest.raises(NotFound):
            press(runtime, link(runtime, both.professionals, asked.subscriber_id))
        assert asked.subscriber_id is not None
        leave_text = runtime.tokens.make(
            Purpose.LEAVE, list_id=both.parents, subject_id=asked.subscriber_id, issued_at=runtime.clock.now()
        )
        with pytest.raises(InvalidToken):
            press(runtime, leave_text)

    def test_an_old_mail_does_not_bring_back_somebody_who_left(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        asked = ask(runtime, both.parents)
        old = link(runtime, both.parents, asked.subscriber_id)
        subscriber_id = press(runtime, old).subscriber_id
        clock.move(timedelta(hours=1))
        leave(runtime, both.parents, subscriber_id)
        with pytest.raises(ExpiredToken):
            press(runtime, old)
        clock.move(timedelta(hours=1))
        assert ask(runtime, both.parents).answer is Answer.CONFIRM
        with pytest.raises(ExpiredToken):  # somebody else may have typed the address in
            press(runtime, old)
        assert press(runtime, link(runtime, both.parents, subscriber_id)).newly

    def test_both_links_of_two_requests_work(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        first = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        clock.move(timedelta(hours=1))
        ask(runtime, both.parents)
        assert press(runtime, first).newly


class TestCode:
    def test_six_digits_confirm_with_spaces_or_pasted(self, runtime: Runtime, both: Lists) -> None:
        code = code_of(runtime, ask(runtime, both.parents).subscriber_id)
        assert len(code) == 6
        assert code.isdecimal()
        assert type_code(runtime, both.parents, f" {code[:3]} {code[3:]}\n", f" {ADDRESS} ").newly
        assert not type_code(runtime, both.parents, code).newly

    def test_a_code_has_thirty_minutes(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        code = code_of(runtime, ask(runtime, both.parents).subscriber_id)
        clock.move(timedelta(minutes=30, seconds=1))
        with pytest.raises(InvalidInput):
            type_code(runtime, both.parents, code)

    def test_a_code_has_five_tries_and_a_new_request_gives_a_new_code(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        asked = ask(runtime, both.parents)
        code = code_of(runtime, asked.subscriber_id)
        for _ in range(5):
            with pytest.raises(InvalidInput):
                type_code(runtime, both.parents, "no code")
        with pytest.raises(InvalidInput):
            type_code(runtime, both.parents, code)
        clock.move(timedelta(minutes=1))
        ask(runtime, both.parents)
        renewed = code_of(runtime, asked.subscriber_id)
        assert renewed != code
        assert type_code(runtime, both.parents, renewed).newly

    def test_every_failure_says_the_same(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        left = confirmed(runtime, both.parents, "left@example.org")
        code_of_left = code_of(runtime, left)
        leave(runtime, both.parents, left)
        code = code_of(runtime, ask(runtime, both.parents).subscriber_id)
        said = set()
        for address, typed in [
            (ADDRESS, "000000" if code != "000000" else "111111"),
            (ADDRESS, ""),
            (ADDRESS, "\ud800 é"),
            ("unknown@example.org", code),
            ("no address", code),
            ("left@example.org", code_of_left),
        ]:
            with pytest.raises(InvalidInput) as caught:
                type_code(runtime, both.parents, typed, address)
            said.add((str(caught.value), caught.value.field))
        clock.move(timedelta(hours=1))
        with pytest.raises(InvalidInput) as caught:
            type_code(runtime, both.parents, code)
        said.add((str(caught.value), caught.value.field))
        assert len(said) == 1
        assert "code" in said.pop()[0]


class TestRenewing:
    def test_an_expired_link_gives_a_new_one_while_the_record_is_there(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        asked = ask(runtime, both.professionals, details=SENCO)
        old = link(runtime, both.professionals, asked.subscriber_id)
        clock.move(timedelta(days=8))
        with runtime.db.transaction() as session:
            renewed = signup.renew(session, runtime.crypto, runtime.tokens, old, now=clock.now())
        assert renewed == asked
        with runtime.db.reading() as session:
            subscriber = row(session, asked.subscriber_id)
            assert (subscriber.role, subscriber.school_urn) == (Role.SENCO, 123456)
        assert press(runtime, link(runtime, both.professionals, asked.subscriber_id)).newly

    def test_nothing_to_renew(self, runtime: Runtime, both: Lists) -> None:
        with runtime.db.transaction() as session:
            with pytest.raises(NotFound, match="Sign up again"):
                signup.renew(
                    session, runtime.crypto, runtime.tokens, link(runtime, both.parents, 77), now=runtime.clock.now()
                )

    def test_the_limit_holds(self, runtime: Runtime, both: Lists) -> None:
        text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        answers = []
        for _ in range(3):
            with runtime.db.transaction() as session:
                answers.append(
                    signup.renew(session, runtime.crypto, runtime.tokens, text, now=runtime.clock.now()).answer
                )
        assert answers == [Answer.CONFIRM, Answer.CONFIRM, Answer.NOTHING]


class TestNotRequested:
    def refuse(self, runtime: Runtime, text: str) -> int:
        with runtime.db.transaction() as session:
            return signup.not_requested(session, runtime.crypto, runtime.tokens, text, now=runtime.clock.now())

    def test_it_deletes_the_record_and_keeps_the_form_silent_for_thirty_days(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        assert self.refuse(runtime, text) == self.refuse(runtime, text) == both.parents
        with runtime.db.reading() as session:
            assert session.exec(select(Subscriber)).all() == []
            consent = session.exec(select(Consent)).one()
            assert (consent.subscriber_id, consent.withdrawn_how) == (None, "not requested")
        assert ask(runtime, both.parents).answer is Answer.NOTHING
        assert ask(runtime, both.professionals, details=SENCO).answer is Answer.NOTHING
        clock.move(timedelta(days=30, seconds=1))
        assert ask(runtime, both.parents).answer is Answer.CONFIRM

    def test_after_confirming_it_points_to_leaving(self, runtime: Runtime, both: Lists) -> None:
        text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        press(runtime, text)
        with pytest.raises(WrongState, match="To stop them"):
            self.refuse(runtime, text)

    def test_after_leaving_there_is_nothing_to_do(self, runtime: Runtime, both: Lists) -> None:
        subscriber_id = confirmed(runtime, both.parents)
        leave(runtime, both.parents, subscriber_id)
        assert self.refuse(runtime, link(runtime, both.parents, subscriber_id)) == both.parents
        with runtime.db.reading() as session:
            assert row(session, subscriber_id).state is SubscriberState.LEFT

    def test_a_link_too_old(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        text = link(runtime, both.parents, ask(runtime, both.parents).subscriber_id)
        clock.move(timedelta(days=8))
        with pytest.raises(ExpiredToken):
            self.refuse(runtime, text)


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED])
def test_a_suppressed_address_gets_nothing_and_leaves_no_row(
    runtime: Runtime, both: Lists, reason: SuppressionReason
) -> None:
    with runtime.db.transaction() as session:
        suppression.suppress(session, runtime.crypto, ADDRESS, reason=reason, now=runtime.clock.now())
    assert ask(runtime, both.parents) == Requested(Answer.NOTHING, None)
    with runtime.db.reading() as session:
        assert session.exec(select(Subscriber)).all() == []
