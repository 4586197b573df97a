"""A SENCO's story: from the form to the colleague who takes over, with one special edition between."""

import re
from datetime import date, timedelta

from sqlmodel import select

from newsletter.delivery import opening
from newsletter.editions import assembling, publishing
from scheduler import jobs
from subscribers import lists, topics
from subscribers.models import Subscriber, SubscriberState
from tests.journeys.conftest import House
from tests.journeys.test_publish_and_leave import approve

SENCO, COLLEAGUE = "senco@example.org", "deputy@example.org"


def sign_up(house: House, address: str) -> None:
    """By postcode, from the page that asks which school it is, to the confirmed welcome."""
    typed = {"email": address, "role": "senco", "school_name": "ZZ1 1AA", "phase": ""}
    asked = house.browser.post("/professionals", data=typed)
    assert "Which of these is yours?" in asked.text
    number = re.search(r'name="pick" type="radio" value="(\d+)"', asked.text)
    assert number
    house.register({**typed, "pick": number.group(1)})
    house.send()
    house.browser.post(house.inbox(address)[-1].link("/confirm/"))
    house.send()


def special_edition(house: House, topic: str) -> None:
    with house.runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, "professionals")
        assert mailing_list.id is not None
        assembled = assembling.assemble(
            session,
            mailing_list_id=mailing_list.id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=house.clock.now(),
            special=assembling.Special(topics.by_slug(session, mailing_list.id, topic).id),
        )
        assert assembled.edition is not None
        edition_id = assembled.edition.id
        assert edition_id is not None
        publishing.submit(session, edition_id, now=house.clock.now())
    approve(house, edition_id)
    with house.runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=house.clock.now())
    house.send()


def editions_of(house: House, address: str) -> int:
    return sum(mail.parsed["Feedback-ID"] is not None for mail in house.inbox(address))


def test_a_senco_chooses_a_topic_gets_its_edition_and_hands_over(house: House) -> None:
    sign_up(house, SENCO)
    sign_up(house, "other@example.org")
    manage = house.inbox(SENCO)[-1].link("/manage/")
    with house.runtime.db.transaction() as session:
        list_id = lists.by_slug(session, "professionals").id
        assert list_id is not None
        topics.write(session, list_id, slug="consultations", name="Consultations", from_date=date(2020, 1, 1))
    assert "Consultations" in house.browser.get(manage).text
    saved = house.browser.post(f"{manage}/choices", data={"editions": "all", "topic-consultations": "1"})
    assert "Your answers are saved" in saved.text
    special_edition(house, "consultations")
    assert editions_of(house, SENCO) == 1
    assert editions_of(house, "other@example.org") == 0

    house.clock.move(timedelta(days=365))
    assert jobs.ask_if_still_you(house.runtime) == 2
    house.send()
    question = house.inbox(SENCO)[-1].link("/still-you/")
    assert "Yes, keep sending" in house.browser.get(question).text
    house.browser.post(f"{question}/hand-over", data={"email": COLLEAGUE, "stop": "then"})
    house.send()
    house.browser.post(house.inbox(COLLEAGUE)[-1].link("/confirm/"))
    house.send()
    with house.runtime.db.reading() as session:
        states = session.exec(select(Subscriber.state).order_by(Subscriber.id)).all()  # type: ignore[arg-type]
        assert list(states) == [SubscriberState.LEFT, SubscriberState.CONFIRMED, SubscriberState.CONFIRMED]
    assert "Your emails have stopped" in str(house.inbox(SENCO)[-1].parsed["Subject"])
    assert "You are signed up" in str(house.inbox(COLLEAGUE)[-1].parsed["Subject"])
    assert SENCO not in "".join(str(mail.parsed) for mail in house.inbox(COLLEAGUE))
