"""Days on which something is broken: a clear answer each, nothing lost, nothing sent twice."""

from datetime import timedelta

import sqlalchemy as sa

from newsletter.delivery import ledger
from newsletter.editions import moves, publishing
from newsletter.editions.models import Edition, EditionState
from tests.fakes import HANG_UP
from tests.journeys.conftest import House
from tests.journeys.test_publish_and_leave import counts, editions_received, publish, status

PARENTS = [f"parent-{number}@example.org" for number in range(6)]


def sign_up_all(house: House) -> None:
    for address in PARENTS:
        house.sign_up_as_parent(address)


def resume(house: House, edition_id: int) -> None:
    with house.runtime.db.transaction() as session:
        publishing.resume(session, edition_id, now=house.clock.now())


def test_a_mail_server_that_refuses_everybody_pauses_the_edition_and_says_why(house: House) -> None:
    sign_up_all(house)
    house.mail_server.on_recipient = lambda address: "421 4.3.2 Closing for maintenance"
    edition_id = publish(house, "parents")
    house.tick()
    assert editions_received(house) == []
    house.mail_server.on_recipient = lambda address: None
    for _ in range(5):
        with house.runtime.db.reading() as session:
            edition = moves.read(session, edition_id)
            assert edition.state in (EditionState.PAUSED, EditionState.SENDING, EditionState.SENT)
            if edition.state is EditionState.PAUSED:
                assert edition.paused_because
        if edition.state is EditionState.PAUSED:
            resume(house, edition_id)
        house.tick(hours=1)
    assert sorted(mail.recipients[0] for mail in editions_received(house)) == PARENTS
    assert counts(house, edition_id) == {"accepted": len(PARENTS)}


def test_an_answer_that_got_lost_is_unknown_and_only_a_person_sends_again(house: House) -> None:
    sign_up_all(house)
    cut = PARENTS[3]
    house.mail_server.on_message = lambda mail: HANG_UP if mail.recipients == (cut,) else None
    edition_id = publish(house, "parents")
    house.tick()
    for _ in range(5):
        house.tick(hours=6)
    assert counts(house, edition_id) == {"accepted": len(PARENTS) - 1, "unknown": 1}
    received = [mail for mail in editions_received(house) if mail.recipients == (cut,)]
    assert len(received) == 1, "the server had kept it, and nobody sent it again"

    house.mail_server.on_message = lambda mail: None
    with house.runtime.db.transaction() as session:
        assert ledger.decide_unknown(session, edition_id, send_again=True, now=house.clock.now()) == 1
    house.tick(seconds=1)
    first, second = [mail for mail in editions_received(house) if mail.recipients == (cut,)]
    assert first.parsed["Message-ID"] == second.parsed["Message-ID"], "so that mail programs show one"
    assert counts(house, edition_id) == {"accepted": len(PARENTS)}


def test_who_is_refused_for_good_is_not_tried_again_and_who_is_put_off_is(house: House) -> None:
    sign_up_all(house)
    gone, greylisted = PARENTS[0], PARENTS[1]
    tries: list[str] = []

    def answer(address: str) -> str | None:
        tries.append(address)
        if address == gone:
            return "550 5.1.1 No such person"
        return "451 4.7.1 Come back later" if address == greylisted and tries.count(greylisted) < 3 else None

    house.mail_server.on_recipient = answer
    edition_id = publish(house, "parents")
    house.tick()
    assert counts(house, edition_id) == {"accepted": 4, "rejected": 1, "deferred": 1}
    for _ in range(6):
        house.tick(hours=2)
    assert counts(house, edition_id) == {"accepted": 5, "rejected": 1}
    assert tries.count(gone) == 1
    assert status(house, edition_id)["state"] == "sent"
    assert house.mail_server.copies()[greylisted] == house.mail_server.copies()[PARENTS[2]]


def test_bytes_that_differ_from_those_approved_are_not_sent(house: House) -> None:
    sign_up_all(house)
    edition_id = publish(house, "parents")
    with house.runtime.db.transaction() as session:
        session.execute(
            sa.update(Edition).where(Edition.id == edition_id).values(frozen_html=Edition.frozen_html + "<!-- -->")  # type: ignore[arg-type, operator]
        )
    house.tick()
    assert editions_received(house) == []
    with house.runtime.db.reading() as session:
        edition = moves.read(session, edition_id)
    assert edition.state is EditionState.PAUSED
    assert edition.paused_because


def test_pause_resume_and_cancel_each_act_at_once(house: House) -> None:
    sign_up_all(house)
    edition_id = publish(house, "parents")
    with house.runtime.db.transaction() as session:
        publishing.pause(session, edition_id, because="A wrong date was noticed.", now=house.clock.now())
    house.tick(hours=1)
    assert editions_received(house) == []
    resume(house, edition_id)
    house.clock.move(timedelta(minutes=1))
    with house.runtime.db.transaction() as session:
        publishing.cancel(session, edition_id, now=house.clock.now())
        ledger.skip_edition(session, edition_id, now=house.clock.now())
    house.tick(hours=1)
    assert editions_received(house) == []
    assert counts(house, edition_id) == {"skipped": len(PARENTS)}
