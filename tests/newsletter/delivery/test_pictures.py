"""The pictures that were approved travel inside every copy, and no others; nothing is fetched from anywhere."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import dkim as verifier
import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.content.models import Partnership, Picture, Update
from newsletter.core.clock import ManualClock
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import counting, deciding, letterheads, opening
from newsletter.delivery.sending import Sender
from newsletter.delivery.statements import BATCH
from newsletter.editions import freezing, publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers import registry
from newsletter.rendering import dkim, engine
from newsletter.rendering.mails import WelcomeMail
from newsletter.staff.models import StaffRole, StaffRoleHeld
from subscribers import lists
from tests.conftest import make_runtime
from tests.fakes import MailServer
from tests.mails import Mail, assert_keeps_the_rules, pictures_shown
from tests.newsletter.delivery.scene import add_readers
from tests.newsletter.rendering.test_dkim import RSA, rsa_pem
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.studio import Studio, at, fields_of, words_of
from tests.picture_samples import jpeg, png

ALT = "A boy plants beans > in the “school” garden"
LOGO = "/staff/settings/partnership/logo"
KEYS = RSA | {"private_key": rsa_pem()}


@pytest.fixture
def studio(sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer) -> Iterator[Studio]:
    """Staff whose mail goes to a real mail server, signed."""
    values = {"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "none"}
    values |= {f"dkim_{name}": value for name, value in KEYS.items()}
    runtime = make_runtime(sqlite_url, clock, tmp_path, mail_provider="smtp", provider_values=values)
    yield studios.build(runtime)
    runtime.db.dispose()


def put_picture(studio: Studio, content: bytes, alt: str = ALT, desk: Desk | None = None) -> httpx.Response:
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    fields = {"alt": alt, "consent": "yes"}
    return (desk or studio.author).post(
        f"/staff/updates/{update_id}/picture", fields, files={"file": ("a.jpg", content, "image/jpeg")}
    )


def put_logo(studio: Studio, content: bytes) -> httpx.Response:
    return studio.admin.post(LOGO, {}, files={"file": ("logo.png", content, "image/png")})


def look(studio: Studio, edition_id: int) -> dict[str, str]:
    return fields_of(studio.approver.get(at(edition_id)), f"{at(edition_id)}/approve")


def approved(studio: Studio) -> int:
    """An edition with a picture and a logo, approved through the pages."""
    edition_id = studio.edition()
    assert put_picture(studio, jpeg()).status_code == 303
    assert put_logo(studio, png()).status_code == 303
    studio.author.post(f"{at(edition_id)}/submit", {})
    assert studio.approver.post(f"{at(edition_id)}/approve", look(studio, edition_id)).status_code == 303
    return edition_id


def let_go(studio: Studio, edition_id: int, readers: int = 2) -> None:
    add_readers(studio.runtime, studio.world.parents, readers)
    with studio.runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=studio.runtime.clock.now())


def send(runtime: Runtime) -> None:
    async def work() -> None:
        provider = registry.make_configured(runtime)
        await Sender(runtime, provider).send_until_idle()
        await provider.aclose()

    asyncio.run(work())


def hashes(studio: Studio) -> list[str]:
    """Of the logo and of the picture of the update, as they are now."""
    with studio.runtime.db.reading() as session:
        found = [session.exec(select(Partnership.logo_sha256)).one(), session.exec(select(Update.picture_sha256)).one()]
    return [sha256 for sha256 in found if sha256]


def pictures_in(mail: Mail) -> dict[str, bytes]:
    """The pictures of a message, by what they are referred to."""
    found = {}
    for part in mail.parsed.walk():
        if part.get_content_maintype() == "image":
            assert isinstance(part, EmailMessage)
            found[f"cid:{part['Content-ID'][1:-1]}"] = part.get_content()
    return found


def test_what_a_mail_server_gets_shows_exactly_the_pictures_that_travel_in_it(
    studio: Studio, mail_server: MailServer
) -> None:
    edition_id = approved(studio)
    logo, picture = hashes(studio)
    let_go(studio, edition_id)
    send(studio.runtime)
    assert len(mail_server.received) == 2
    signer = dkim.load(KEYS)
    assert signer is not None
    ((_, record),) = signer.records().items()
    for mail in mail_server.received:
        assert_keeps_the_rules(mail)
        found = pictures_in(mail)
        assert pictures_shown(mail.html) == list(found)
        assert [hashlib.sha256(content).hexdigest() for content in found.values()] == [logo, picture]
        assert f"Picture: {ALT}" in mail.text
        assert "/pictures/" not in mail.html
        assert verifier.verify(mail.content, dnsfunc=lambda name, timeout=5: record.encode())


def test_what_is_replaced_while_it_goes_out_stays_as_it_was_approved(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    before = hashes(studio)
    let_go(studio, edition_id)
    assert put_picture(studio, jpeg(seed=7), "Something else").status_code == 303
    assert put_logo(studio, png(colour="#7a0019")).status_code == 303
    assert not set(before) & set(hashes(studio))
    send(studio.runtime)
    for mail in mail_server.received:
        assert [hashlib.sha256(content).hexdigest() for content in pictures_in(mail).values()] == before
        assert f"Picture: {ALT}" in mail.text


def test_taking_it_away_deletes_nothing_that_was_approved(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    let_go(studio, edition_id)
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    studio.author.post(f"/staff/updates/{update_id}/picture/take-away", {})
    studio.admin.post(f"{LOGO}/take-away", {})
    assert hashes(studio) == []
    send(studio.runtime)
    assert len(pictures_in(mail_server.received[0])) == 2


@pytest.mark.parametrize("tampering", ["bytes", "bytes and hash", "gone"])
@pytest.mark.parametrize("when", ["approved", "sending"])
def test_a_picture_that_was_changed_in_the_database_is_never_sent(
    studio: Studio, mail_server: MailServer, tampering: str, when: str
) -> None:
    edition_id = approved(studio)
    _, picture = hashes(studio)
    if when == "sending":
        let_go(studio, edition_id)
    tamper(studio, picture, tampering)
    if when == "approved":
        with studio.runtime.db.transaction() as session:
            with pytest.raises(WrongState, match="A picture in it is"):
                opening.release_and_open(session, edition_id, now=studio.runtime.clock.now())
    else:
        send(studio.runtime)
        assert studio.state(edition_id) is EditionState.PAUSED
        assert "A picture in it is" in (studio.row(edition_id).paused_because or "")
    assert mail_server.received == []


def tamper(studio: Studio, sha256: str, how: str) -> None:
    other = jpeg((300, 200), seed=9)
    table = sa.inspect(Picture).local_table
    with studio.runtime.db.transaction() as session:
        session.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
        row = sa.update(table).where(table.c.sha256 == sha256)
        if how == "bytes":
            session.execute(row.values(content=other))
        elif how == "bytes and hash":
            session.execute(sa.update(Update).values(picture_sha256=hashlib.sha256(other).hexdigest()))
            session.execute(row.values(content=other, sha256=hashlib.sha256(other).hexdigest()))
        else:
            session.execute(sa.update(Update).values(picture_sha256=None))
            session.execute(sa.delete(table).where(table.c.sha256 == sha256))


@pytest.mark.parametrize("change", ["picture", "words", "logo", "bytes"])
def test_an_approver_who_saw_another_picture_approves_nothing(studio: Studio, change: str) -> None:
    edition_id = studio.edition()
    put_picture(studio, jpeg())
    put_logo(studio, png())
    studio.author.post(f"{at(edition_id)}/submit", {})
    seen = look(studio, edition_id)
    if change == "picture":
        put_picture(studio, jpeg(seed=8))
    elif change == "words":
        put_picture(studio, jpeg(), "Other words for it")
    elif change == "logo":
        put_logo(studio, png(colour="#7a0019"))
    else:
        tamper(studio, hashes(studio)[1], "bytes")
    assert studio.approver.post(f"{at(edition_id)}/approve", seen).status_code != 303
    assert studio.state(edition_id) is not EditionState.APPROVED
    if change == "logo":  # looked at again, it can be approved with the new one
        assert studio.approver.post(f"{at(edition_id)}/approve", look(studio, edition_id)).status_code == 303


def test_another_logo_changes_nothing_that_was_approved(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    before = hashes(studio)
    put_logo(studio, png(colour="#7a0019"))
    assert studio.state(edition_id) is EditionState.APPROVED
    let_go(studio, edition_id, readers=1)
    send(studio.runtime)
    (mail,) = mail_server.received
    assert [hashlib.sha256(content).hexdigest() for content in pictures_in(mail).values()] == before


def test_an_approver_reads_which_picture_changed(studio: Studio) -> None:
    edition_id = approved(studio)
    put_picture(studio, jpeg(seed=7), "Two teachers read a letter")
    assert studio.state(edition_id) is EditionState.DRAFT
    studio.author.post(f"{at(edition_id)}/submit", {})
    page = words_of(studio.approver.get(at(edition_id)))
    assert "Two teachers read a letter" in page
    assert "A boy plants beans" in page


def test_a_test_mail_carries_them_too(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    address = "author-of-the-council@example.org"
    answer = studio.author.post(f"/staff/editions/{edition_id}/preview/test", {"address": address})
    assert answer.status_code == 303
    assert len(pictures_in(mail_server.received[-1])) == 2


def test_previews_show_them_and_fetch_nothing(studio: Studio) -> None:
    edition_id = approved(studio)
    here = f"/staff/editions/{edition_id}/preview"
    for view in ("phone", "desktop", "dark"):
        shown = pictures_shown(studio.author.get(f"{here}/html?as={view}").text)
        assert [src.partition(";")[0] for src in shown] == ["data:image/png", "data:image/jpeg"]
    without = studio.author.get(f"{here}/html?as=no-pictures").text
    assert pictures_shown(without) == []
    assert "A boy plants beans" in without
    for src in pictures_shown(studio.author.get(f"{here}/web").text):
        assert re.fullmatch(r"/pictures/[0-9a-f]{64}\.(png|jpg)", src)
    assert "Its pictures add" in studio.author.get(here).text


def test_the_page_of_the_edition_shows_it_from_our_own_address(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    _, picture = hashes(studio)
    let_go(studio, edition_id)
    put_picture(studio, jpeg(seed=7), "Something else")
    page = studio.door.get(f"/editions/parents/{studio.row(edition_id).slug}")
    shown = re.search(r'<p class="app-picture"><img src="([^"]+)" alt="([^"]+)" ([^>]*)>', page.text)
    assert shown
    assert shown[1] == f"/pictures/{picture}.jpg"
    assert shown[2] == ALT.replace(">", "&gt;")
    assert 'width="552" height="414" loading="lazy"' in shown[3]
    assert studio.door.get(shown[1]).status_code == 200
    assert f"Picture: {ALT}" in studio.door.get(f"/editions/parents/{studio.row(edition_id).slug}/text").text
    told = studio.door.get(f"/api/v1/editions/parents/{studio.row(edition_id).slug}").json()
    assert told["sections"][0]["updates"][0]["picture"] == {
        "url": f"http://news.example.org/pictures/{picture}.jpg", "alt": ALT, "width": 1200, "height": 900,
    }  # fmt: skip


def test_what_an_edition_leaves_out_is_nowhere_in_it(studio: Studio, mail_server: MailServer) -> None:
    edition_id = approved(studio)
    logo, picture = hashes(studio)
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    here = f"/staff/editions/{edition_id}"
    answer = studio.author.post(f"{here}/updates/{update_id}/without-picture", revision_of(studio, edition_id))
    assert answer.status_code == 409  # it is approved: whoever wants a change takes it back first
    studio.author.post(f"{here}/reopen", {})
    studio.author.post(f"{here}/updates/{update_id}/without-picture", revision_of(studio, edition_id))
    studio.author.post(f"{at(edition_id)}/submit", {})
    changed = words_of(studio.approver.get(at(edition_id)))
    assert f"Picture {picture[:8]}: {ALT}" in changed  # among what is gone since the last approval
    assert studio.approver.post(f"{at(edition_id)}/approve", look(studio, edition_id)).status_code == 303
    assert studio.row(edition_id).state is EditionState.APPROVED
    let_go(studio, edition_id, readers=1)
    send(studio.runtime)
    (mail,) = mail_server.received
    assert [hashlib.sha256(content).hexdigest() for content in pictures_in(mail).values()] == [logo]
    public = f"/editions/parents/{studio.row(edition_id).slug}"
    for text in (mail.html, mail.text, studio.door.get(public).text, studio.door.get(f"{public}/text").text):
        assert "A boy plants beans" not in text
        assert "Picture" not in text
    told = studio.door.get(f"/api/v1{public}").json()
    assert told["sections"][0]["updates"][0]["picture"] is None
    assert "If somebody no longer agrees" not in studio.author.get(f"/staff/updates/{update_id}/picture").text
    studio.author.post(f"/staff/updates/{update_id}/picture/take-away", {})
    with studio.runtime.db.reading() as session:
        assert session.get(Picture, picture) is None  # nothing that went out shows it


def test_another_picture_undoes_no_approval_of_an_edition_without_it(studio: Studio) -> None:
    edition_id = studio.edition()
    put_picture(studio, jpeg())
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    path = f"/staff/editions/{edition_id}/updates/{update_id}/without-picture"
    assert studio.author.post(path, revision_of(studio, edition_id)).status_code == 303
    studio.author.post(f"{at(edition_id)}/submit", {})
    assert studio.approver.post(f"{at(edition_id)}/approve", look(studio, edition_id)).status_code == 303
    (first,) = hashes(studio)
    put_picture(studio, jpeg(seed=7), "Something else")
    assert studio.state(edition_id) is EditionState.APPROVED
    assert studio.door.get(f"/pictures/{first}.jpg").status_code == 404  # replaced, and in no edition


def revision_of(studio: Studio, edition_id: int) -> dict[str, str]:
    return {"revision": str(studio.row(edition_id).revision)}


def test_an_edition_that_is_approved_again_without_it_lets_go_of_it(studio: Studio) -> None:
    edition_id = approved(studio)
    _, picture = hashes(studio)
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    studio.author.post(f"/staff/updates/{update_id}/picture/take-away", {})
    assert studio.state(edition_id) is EditionState.DRAFT
    with studio.runtime.db.reading() as session:
        assert session.get(Picture, picture) is None
        assert session.get_one(Edition, edition_id).frozen_html is None


def test_a_picture_that_went_out_is_deleted_when_somebody_no_longer_agrees(
    studio: Studio, mail_server: MailServer
) -> None:
    edition_id = approved(studio)
    _, picture = hashes(studio)
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    page, withdraw = f"/staff/updates/{update_id}/picture", {"sha256": picture}
    public = f"/editions/parents/{studio.row(edition_id).slug}"
    let_go(studio, edition_id)
    assert "take it away from the update first" in studio.author.get(page).text
    assert studio.author.post(f"{page}/withdraw", withdraw).status_code == 409  # the update has it
    studio.author.post(f"{page}/take-away", {})
    assert "Delete this picture for good" in studio.author.get(page).text
    assert studio.author.post(f"{page}/withdraw", withdraw).status_code == 409  # it is on its way
    send(studio.runtime)
    with studio.runtime.db.transaction() as session:
        publishing.finish(session, edition_id, now=studio.runtime.clock.now())
    assert len(pictures_in(mail_server.received[0])) == 2
    assert studio.author.post(f"{page}/withdraw", {"sha256": "0" * 64}).status_code == 404  # not one of its own
    assert studio.door.get(f"/pictures/{picture}.jpg").status_code == 200

    assert studio.author.post(f"{page}/withdraw", withdraw).headers["location"] == f"{page}?said=withdrawn"
    assert studio.door.get(f"/pictures/{picture}.jpg").status_code == 404
    shown = studio.door.get(public).text
    assert "We have taken it off this page" in shown
    assert picture not in shown
    told = studio.door.get(f"/api/v1{public}").json()
    assert told["sections"][0]["updates"][0]["picture"] is None
    assert "Delete this picture" not in studio.author.get(page).text
    assert studio.author.post(f"{page}/withdraw", withdraw).headers["location"] == f"{page}?said=withdrawn"  # twice
    refused = put_picture(studio, jpeg())  # the same file, again
    assert refused.status_code == 422
    assert "This picture was deleted for good" in refused.text
    assert studio.door.get(f"/pictures/{picture}.jpg").status_code == 404
    preview = words_of(studio.author.get(f"/staff/editions/{edition_id}/preview"))
    assert "has gone out, so it cannot be edited" in preview
    assert "approved again" not in preview
    assert studio.author.get(f"/staff/editions/{edition_id}/preview").status_code == 200
    assert studio.log()[-1] == ("withdraw picture", f"update {update_id}", f"SHA-256 {picture}")


def test_copies_that_nobody_knows_about_keep_no_picture_and_are_not_sent_without_it(
    studio: Studio, mail_server: MailServer
) -> None:
    """Nobody has to decide about them before somebody in a picture may be taken off the web."""
    edition_id = approved(studio)
    _, picture = hashes(studio)
    let_go(studio, edition_id)
    send(studio.runtime)
    now = studio.runtime.clock.now()
    with studio.runtime.db.transaction() as session:
        update_id = session.exec(select(Update.id)).one()
        publishing.finish(session, edition_id, now=now)
        session.execute(sa.update(BATCH).values(unknown=1, accepted=BATCH.c.accepted - 1))
    page = f"/staff/updates/{update_id}/picture"
    studio.author.post(f"{page}/take-away", {})
    assert studio.author.post(f"{page}/withdraw", {"sha256": picture}).status_code == 303
    assert studio.door.get(f"/pictures/{picture}.jpg").status_code == 404
    with studio.runtime.db.transaction() as session:
        with pytest.raises(WrongState, match="no more copies of it can be made"):
            deciding.decide(session, edition_id, send_again=True, now=now, staff_id=studio.author.staff_id)
    with studio.runtime.db.transaction() as session:
        deciding.decide(session, edition_id, send_again=False, now=now, staff_id=studio.author.staff_id)


def test_whoever_writes_for_another_mailing_list_deletes_no_picture_of_this_one(studio: Studio) -> None:
    edition_id = approved(studio)
    _, picture = hashes(studio)
    let_go(studio, edition_id)
    with studio.runtime.db.transaction() as session:
        update_id = session.exec(select(Update.id)).one()
        publishing.finish(session, edition_id, now=studio.runtime.clock.now())
    page = f"/staff/updates/{update_id}/picture"
    studio.author.post(f"{page}/take-away", {})
    other = studio.desk(StaffRole.AUTHOR, name="Author for professionals")
    with studio.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == other.staff_id)).one()
        held.mailing_list_id = studio.world.professionals
        session.add(held)
    assert other.post(f"{page}/withdraw", {"sha256": picture}).status_code == 403
    assert studio.door.get(f"/pictures/{picture}.jpg").status_code == 200
    assert put_picture(studio, png(), desk=other).status_code == 403  # the update has a wording for parents
    assert hashes(studio)[1:] == []


def test_a_sender_puts_copies_off_that_can_no_longer_be_made(studio: Studio, mail_server: MailServer) -> None:
    """Of an edition that went out, which nobody can pause."""
    edition_id = approved(studio)
    let_go(studio, edition_id)
    tamper(studio, hashes(studio)[1], "gone")
    with studio.runtime.db.transaction() as session:
        publishing.finish(session, edition_id, now=studio.runtime.clock.now())
    send(studio.runtime)  # comes to an end
    with studio.runtime.db.reading() as session:
        assert counting.counts(session, edition_id)["deferred"] == 2
    assert mail_server.received == []


def test_letters_carry_no_logo(studio: Studio) -> None:
    """Only editions do: a confirmation stays as light as it was."""
    put_logo(studio, png())
    with studio.runtime.db.reading() as session:
        head = letterheads.letterhead(session, lists.by_id(session, studio.world.parents), "http://news.example.org")
    assert head.logo is not None
    assert "<img" not in engine.render(WelcomeMail(head)).html


def test_what_is_frozen_names_each_picture_by_its_hash(studio: Studio) -> None:
    """So that the hash of an approval covers the pictures."""
    edition_id = approved(studio)
    with studio.runtime.db.reading() as session:
        edition = session.exec(select(Edition).where(col(Edition.id) == edition_id)).one()
        assert all(sha256 in (edition.frozen_html or "") for sha256 in hashes(studio))
        mail = freezing.rendered(session, edition)
        assert [hashlib.sha256(picture.content).hexdigest() for picture in mail.pictures] == hashes(studio)
