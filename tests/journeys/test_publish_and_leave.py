"""From updates to an edition in every reader's hands, and out again by every door."""

import re
from datetime import timedelta

import httpx
import pytest

from newsletter.core.errors import NotAllowed, WrongState
from newsletter.delivery import opening, reports
from newsletter.delivery.letterheads import letterhead
from newsletter.editions import assembling, composing, correction_mail, corrections, moves, publishing
from newsletter.editions.models import EditionState
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from subscribers import lists, privacy
from tests.journeys.conftest import House
from tests.mails import Mail, assert_keeps_the_rules

PARENTS = [f"parent-{number}@example.org" for number in range(4)]
SENCO = "senco@example.org"


def assemble(house: House, slug: str) -> int:
    with house.runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, slug)
        assert mailing_list.id is not None
        author = accounts.find(session, house.runtime.crypto, "author@example.org")
        assembled = assembling.assemble(
            session,
            mailing_list_id=mailing_list.id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=house.clock.now(),
            author_id=author.id,
        )
        assert assembled.edition is not None, assembled.because
        assert assembled.edition.id is not None
        publishing.submit(session, assembled.edition.id, now=house.clock.now())
        return assembled.edition.id


def approve(house: House, edition_id: int, by: str = "approver@example.org") -> None:
    with house.runtime.db.transaction() as session:
        staff = accounts.find(session, house.runtime.crypto, by)
        assert staff.id is not None
        edition = moves.read(session, edition_id)
        mailing_list = lists.by_id(session, edition.mailing_list_id)
        publishing.approve(
            session,
            edition_id,
            approver_id=staff.id,
            roles=accounts.roles_of(session, staff.id),
            letterhead=letterhead(session, mailing_list, house.runtime.settings.base_url),
            now=house.clock.now(),
        )


def publish(house: House, slug: str) -> int:
    edition_id = assemble(house, slug)
    approve(house, edition_id)
    with house.runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=house.clock.now())
    return edition_id


def register_professional(house: House, address: str) -> None:
    house.register({"email": address, "role": "senco", "setting_name": "A school"})
    house.send()
    house.browser.post(house.inbox(address)[-1].link("/confirm/"))
    house.send()


def editions_received(house: House) -> list[Mail]:
    return [mail for mail in house.mail_server.received if mail.parsed["Feedback-ID"]]


def status(house: House, edition_id: int) -> dict[str, object]:
    with house.runtime.db.reading() as session:
        return reports.status(session, edition_id)


def counts(house: House, edition_id: int) -> dict[str, int]:
    found = status(house, edition_id)["counts"]
    assert isinstance(found, dict)
    return {state: number for state, number in found.items() if number}


def test_an_edition_goes_to_exactly_the_people_who_asked_for_it(house: House) -> None:
    for address in PARENTS:
        house.sign_up_as_parent(address)
    house.browser.post("/parents", data={"email": "undecided@example.org"})
    register_professional(house, SENCO)
    house.send()

    edition_id = publish(house, "parents")
    house.tick()
    received = editions_received(house)
    assert sorted(mail.recipients[0] for mail in received) == PARENTS
    assert counts(house, edition_id) == {"accepted": len(PARENTS)}
    assert status(house, edition_id)["state"] == "sent"

    house.tick(hours=1)
    house.send()
    assert len(editions_received(house)) == len(PARENTS)

    professionals = publish(house, "professionals")
    house.tick()
    assert [mail.recipients[0] for mail in editions_received(house)[len(PARENTS) :]] == [SENCO]
    assert counts(house, professionals) == {"accepted": 1}


def test_every_edition_keeps_the_rules_and_each_of_its_links_works(house: House) -> None:
    house.sign_up_as_parent(PARENTS[0])
    register_professional(house, SENCO)
    house.send()
    publish(house, "parents")
    publish(house, "professionals")
    house.tick()
    assert len(editions_received(house)) == 2
    for mail in editions_received(house):
        assert_keeps_the_rules(mail)
        message = mail.parsed
        assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
        assert re.fullmatch(r"<https?://[^>]+>, <mailto:[^>]+>", str(message["List-Unsubscribe"]))
        assert re.search(r"<[\w.-]+>$", str(message["List-Id"]))
        for header in ("List-Help", "List-Archive", "Feedback-ID"):
            assert message[header], header
        anchors = set(re.findall(r'\bid="([^"]+)"', mail.html))
        for link in mail.links:
            if link.startswith("#"):
                assert link[1:] in anchors, link
            elif link.startswith(house.runtime.settings.base_url):
                answer = house.browser.get(link)
                assert answer.status_code == 200, link
            else:
                assert link.startswith(("https://", "mailto:", "tel:")), link
        first_link = mail.links[0]
        assert "/editions/" in first_link, "the way to the web page comes first"
        titles = re.findall(r"<h[23][^>]*>(.*?)</h[23]>", mail.html, re.DOTALL)
        page = house.browser.get(first_link).text
        for title in titles:
            assert re.sub(r"<[^>]+>", "", title).strip() in page


def test_each_mail_carries_its_own_link_to_leave_that_only_a_post_uses(house: House) -> None:
    for address in PARENTS:
        house.sign_up_as_parent(address)
    house.send()
    publish(house, "parents")
    house.tick()
    received = editions_received(house)
    assert len({mail.link("/leave/") for mail in received}) == len(PARENTS)

    leaver, by_button, by_one_click, stays = received
    for mail in received:
        for link in {mail.link("/leave/"), mail.link("/manage/"), mail.one_click_url}:
            for _ in range(20):
                page = house.browser.get(link)
                assert page.status_code == 200
                assert mail.recipients[0] not in page.text
    assert recipients_of_next_edition(house) == sorted(PARENTS)

    with httpx.Client() as mail_program:
        form = {"List-Unsubscribe": "One-Click"}
        for _ in range(2):
            answer = mail_program.post(by_one_click.one_click_url, data=form)
            assert answer.status_code == 200
            assert not answer.is_redirect
        answer = mail_program.post(leaver.one_click_url, files={"List-Unsubscribe": (None, "One-Click")})
        assert answer.status_code == 200
        assert not mail_program.cookies
        tampered = stays.one_click_url[:-1] + ("A" if stays.one_click_url[-1] != "A" else "B")
        assert mail_program.post(tampered, data=form).status_code in (400, 404)
    page = house.browser.post(by_button.link("/leave/"))
    assert page.status_code == 200
    assert "will not get any more" in page.text
    assert recipients_of_next_edition(house) == [stays.recipients[0]]

    house.send()
    assert [mail.subject for mail in house.inbox(by_button.recipients[0])][-1] != by_button.subject
    assert_keeps_the_rules(house.inbox(by_button.recipients[0])[-1])


def recipients_of_next_edition(house: House) -> list[str]:
    from subscribers import recipients
    from subscribers.models import SubscriberState

    with house.runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, "parents")
        assert mailing_list.id is not None
        ids = list(session.execute(recipients.confirmed_ids(mailing_list.id)).scalars())
        found = recipients.reachable(
            session, house.runtime.crypto, ids, states={SubscriberState.CONFIRMED}, now=house.clock.now()
        )
        return sorted(found.values())


def test_a_link_to_leave_works_after_two_years_and_after_erasure(house: House) -> None:
    house.sign_up_as_parent(PARENTS[0])
    house.sign_up_as_parent(PARENTS[1])
    house.send()
    publish(house, "parents")
    house.tick()
    first, second = editions_received(house)
    house.clock.move(timedelta(days=730))
    with house.runtime.db.transaction() as session:
        privacy.erase(session, house.runtime.crypto, second.recipients[0], now=house.clock.now())
    pages = [house.browser.post(mail.one_click_url, data={"List-Unsubscribe": "One-Click"}) for mail in (first, second)]
    assert [page.status_code for page in pages] == [200, 200]
    assert "will not get any more" in pages[0].text
    assert "will not get any more" in pages[1].text
    assert recipients_of_next_edition(house) == []


def test_leaving_one_list_leaves_the_other_alone_unless_all_is_asked_for(house: House) -> None:
    address = PARENTS[0]
    house.sign_up_as_parent(address)
    register_professional(house, address)
    house.send()
    publish(house, "parents")
    publish(house, "professionals")
    house.tick()
    # Two editions go out side by side: which is first is chance.
    parents, professionals = sorted(editions_received(house), key=lambda mail: str(mail.parsed["List-Id"]))
    page = house.browser.get(parents.link("/leave/"))
    assert "professionals" not in page.text.split("<main")[1].split("</main")[0].lower()
    house.browser.post(parents.link("/leave/"))
    assert subscribed(house, address) == {"professionals"}
    house.sign_up_as_parent(address)
    assert subscribed(house, address) == {"parents", "professionals"}

    buttons = re.findall(r"<form.*?</form>", house.browser.get(professionals.link("/leave/")).text, re.DOTALL)
    stop_all = next(form for form in buttons if "Stop all" in form)
    action = re.search(r'action="([^"]+)"', stop_all)
    fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]+)"', stop_all))
    house.browser.post(action.group(1) if action else professionals.link("/leave/"), data=fields)
    assert subscribed(house, address) == set()


def subscribed(house: House, address: str) -> set[str]:
    from subscribers import identity
    from subscribers.models import SubscriberState

    with house.runtime.db.reading() as session:
        found = set()
        for mailing_list in lists.all_lists(session):
            assert mailing_list.id is not None
            subscriber = identity.find(session, house.runtime.crypto, mailing_list.id, address)
            if subscriber and subscriber.state is SubscriberState.CONFIRMED:
                found.add(mailing_list.slug)
        return found


def test_who_leaves_while_the_edition_goes_out_does_not_get_it(house: House) -> None:
    for address in PARENTS:
        house.sign_up_as_parent(address)
    house.send()
    link = house.inbox(PARENTS[2])[-1].link("/leave/")
    edition_id = publish(house, "parents")
    house.browser.post(link)
    house.tick()
    assert PARENTS[2] not in {mail.recipients[0] for mail in editions_received(house)}
    assert counts(house, edition_id) == {"accepted": 3, "skipped": 1}


def test_what_was_approved_is_what_is_sent_and_the_author_cannot_approve(house: House) -> None:
    house.sign_up_as_parent(PARENTS[0])
    house.send()
    edition_id = assemble(house, "parents")
    with house.runtime.db.transaction() as session:
        accounts.add(
            session, house.runtime.crypto, "author@example.org", roles={StaffRole.APPROVER}, now=house.clock.now()
        )
    with pytest.raises(NotAllowed):
        approve(house, edition_id, by="author@example.org")
    approve(house, edition_id)
    with house.runtime.db.transaction() as session:
        frozen = moves.read(session, edition_id).frozen_text
        publishing.edit(session, edition_id, introduction="Something else.", now=house.clock.now())
        assert moves.read(session, edition_id).state is EditionState.DRAFT
        publishing.submit(session, edition_id, now=house.clock.now())
    approve(house, edition_id)
    with house.runtime.db.transaction() as session:
        edition = moves.read(session, edition_id)
        assert edition.frozen_text != frozen
        approved = edition.frozen_text
        opening.release_and_open(session, edition_id, now=house.clock.now())
    house.tick()
    (mail,) = editions_received(house)
    assert approved is not None
    before_slot = approved.split("[[")[0]
    assert mail.text.replace("\r\n", "\n").startswith(before_slot)


def test_readers_are_told_by_email_what_was_wrong_once_somebody_else_approves_it(house: House) -> None:
    house.sign_up_as_parent(PARENTS[0])
    edition_id = publish(house, "parents")
    house.tick()
    house.tick(days=1)
    house.sign_up_as_parent(PARENTS[1])  # gets editions of this list now, and so this one
    with house.runtime.db.transaction() as session:
        staff = accounts.find(session, house.runtime.crypto, "author@example.org")
        original = moves.read(session, edition_id)
        update = composing.page_from_json(original.frozen_page or "").sections[0].updates[0]
        correction = corrections.correct(
            session,
            edition_id,
            anchor=update.anchor,
            old=update.title,
            new="A better title",
            because="The title was wrong.",
            now=house.clock.now(),
            staff_id=staff.id,
        )
        name = lists.by_id(session, original.mailing_list_id).name
        drafted = correction_mail.draft(session, correction, list_name=name, now=house.clock.now(), staff_id=staff.id)
        mail_id, slug = drafted.id, drafted.slug
        assert mail_id is not None
        with pytest.raises(WrongState, match="approved"):
            opening.release_and_open(session, mail_id, now=house.clock.now())
        publishing.submit(session, mail_id, now=house.clock.now())
    with pytest.raises(NotAllowed):
        approve(house, mail_id, by="author@example.org")
    house.tick()
    assert len(editions_received(house)) == 1
    approve(house, mail_id)
    with house.runtime.db.transaction() as session:
        assert opening.release_and_open(session, mail_id, now=house.clock.now())
    house.tick()

    received = [mail for mail in editions_received(house) if mail.subject.startswith("Correction: ")]
    assert sorted(mail.recipients[0] for mail in received) == PARENTS[:2]
    assert counts(house, mail_id) == {"accepted": 2}
    for mail in received:
        assert_keeps_the_rules(mail)
        assert mail.subject == f"Correction: {original.frozen_subject}"
        corrected = f"{house.runtime.settings.base_url}/editions/parents/{original.slug}"
        text = " ".join(mail.text.split())
        assert f"We have put something right in edition 1 of {name}, from" in text
        assert f"In “A better title”: The title was wrong. It said: “{update.title}” It now says: “A better" in text
        assert f"Read edition 1 as it is now: {corrected}" in text
        for words in ("The title was wrong.", f"It said: “{update.title}”", "It now says: “A better title”"):
            assert words in mail.html
        assert corrected in mail.links
        page = house.browser.get(corrected).text
        assert "A better title" in page
        assert f'href="/editions/parents/{slug}"' in page
        assert house.browser.get(mail.link(f"/editions/parents/{slug}")).status_code == 200
    house.browser.post(received[0].link("/leave/"))
    assert recipients_of_next_edition(house) == [received[1].recipients[0]]


def test_nothing_new_means_no_edition(house: House) -> None:
    publish(house, "parents")
    house.tick(days=1)
    with house.runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, "parents")
        assert mailing_list.id is not None
        assembled = assembling.assemble(
            session,
            mailing_list_id=mailing_list.id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=house.clock.now(),
        )
    assert assembled.edition is None
    assert assembled.because


def test_the_archive_shows_what_went_out_and_nothing_else(house: House) -> None:
    edition_id = assemble(house, "parents")
    assert "Edition 1" not in house.browser.get("/editions").text
    approve(house, edition_id)
    with house.runtime.db.transaction() as session:
        slug = moves.read(session, edition_id).slug
    assert house.browser.get(f"/editions/parents/{slug}").status_code == 404
    with house.runtime.db.transaction() as session:
        opening.release_and_open(session, edition_id, now=house.clock.now())
    assert house.browser.get(f"/editions/parents/{slug}").status_code == 200
    assert f"/editions/parents/{slug}" in house.browser.get("/editions").text
    assert f"/editions/parents/{slug}" in house.browser.get("/").text
    assert f"/editions/parents/{slug}" in house.browser.get("/editions/parents/feed.xml").text
    assert f"/editions/parents/{slug}" not in house.browser.get("/editions/professionals/feed.xml").text


def test_the_clock_assembles_at_the_hour_and_never_twice(house: House) -> None:
    from sqlmodel import select

    from newsletter.editions.models import Edition

    for _ in range(3):
        house.tick(days=14)
    with house.runtime.db.reading() as session:
        editions = session.exec(select(Edition)).all()
        occurrences = [(edition.mailing_list_id, edition.occurrence) for edition in editions]
    assert occurrences
    assert len(set(occurrences)) == len(occurrences)
    assert all(occurrence is not None for _, occurrence in occurrences)


def test_an_edition_cancelled_while_it_went_out_keeps_its_page_because_mails_link_to_it(house: House) -> None:
    house.sign_up_as_parent(PARENTS[0])
    never_went_out = assemble(house, "parents")
    with house.runtime.db.transaction() as session:
        slug = moves.read(session, never_went_out).slug
        publishing.cancel(session, never_went_out, now=house.clock.now())
    assert house.browser.get(f"/editions/parents/{slug}").status_code == 404

    went_out = publish(house, "parents")
    with house.runtime.db.transaction() as session:
        slug = moves.read(session, went_out).slug
        publishing.cancel(session, went_out, now=house.clock.now())
    assert house.browser.get(f"/editions/parents/{slug}").status_code == 200
    house.tick()
    assert editions_received(house) == []
    assert counts(house, went_out) == {"skipped": 1}


def test_after_a_week_nobody_can_look_up_who_was_sent_what_and_the_counts_stay(house: House) -> None:
    from sqlmodel import func, select

    from newsletter.delivery.models import Delivery

    sign_ups = PARENTS[:2]
    for address in sign_ups:
        house.sign_up_as_parent(address)
    edition_id = publish(house, "parents")
    house.tick()

    def rows() -> int:
        with house.runtime.db.reading() as session:
            return session.exec(select(func.count()).select_from(Delivery)).one()

    assert "which editions we sent to you: 7 days" in house.browser.get("/privacy").text
    house.tick(days=6, hours=23)
    assert rows() >= 2
    house.tick(hours=2)
    assert rows() == 0
    assert counts(house, edition_id) == {"accepted": 2}
    with house.runtime.db.transaction() as session:
        opening.release_and_open(session, edition_id, now=house.clock.now())
    house.tick(days=1)
    assert len(editions_received(house)) == 2, "an edition whose rows are gone is not opened again"
