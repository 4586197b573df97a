"""An update gets a picture, with words for those who do not see it; what is no picture never comes in."""

import hashlib
import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.content.models import Partner, Picture, Update
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionChoice, EditionState
from newsletter.staff.models import AuditEntry, StaffRole, StaffRoleHeld
from newsletter.web.staff.update_picture import CONSENT
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.newsletter.web.staff.studio import Studio, at, words_of
from tests.picture_samples import jpeg, noise, png

ALT = "A boy plants beans in the school garden"
AGREED = {"alt": ALT, "consent": "yes"}


@pytest.fixture
def author(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.AUTHOR)


def path(update_id: int) -> str:
    return f"/staff/updates/{update_id}/picture"


def put(
    desk: Desk, update_id: int, content: bytes | None = None, name: str = "IMG_1.jpg", **changes: str
) -> httpx.Response:
    files = {"file": (name, content if content is not None else jpeg(), "image/jpeg")}
    return desk.post(path(update_id), {**AGREED, **changes}, files=files)


def update(newsroom: Newsroom, update_id: int) -> Update:
    with newsroom.runtime.db.reading() as session:
        return session.get_one(Update, update_id)


def kept(door: Door) -> list[str]:
    with door.runtime.db.reading() as session:
        return list(session.exec(select(Picture.sha256).order_by(col(Picture.created_at))))


def log(door: Door) -> list[tuple[str, str, str]]:
    with door.runtime.db.reading() as session:
        entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))
        return [(each.action, each.about, each.detail) for each in entries]


def test_a_picture_is_put_in_and_shown(author: Desk, newsroom: Newsroom, door: Door) -> None:
    update_id = newsroom.inside[0]
    answer = put(author, update_id)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path(update_id)}?said=saved")
    row = update(newsroom, update_id)
    assert row.picture_alt == ALT
    assert row.picture_sha256
    assert row.editor_id == author.staff_id  # and so cannot approve it
    page = author.get(f"{path(update_id)}?said=saved")
    assert "The picture was saved." in page.text
    shown = re.search(r'<img class="app-figure__picture" src="([^"]+)" alt="([^"]+)"', page.text)
    assert shown
    assert shown[2] == ALT
    picture = door.get(shown[1])
    assert hashlib.sha256(picture.content).hexdigest() == row.picture_sha256
    assert log(door)[-1] == (
        "put picture",
        f"update {update_id}",
        f"SHA-256 {row.picture_sha256}. Confirmed: {CONSENT}",
    )


def test_a_picture_is_kept_by_browsers_for_an_hour_and_can_do_nothing(
    author: Desk, newsroom: Newsroom, door: Door
) -> None:
    put(author, newsroom.inside[0])
    (sha256,) = kept(door)
    answer = door.get(f"/pictures/{sha256}.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", ["{}.png", "{}.svg", "{}", "{}.jpg.html", "x{}.jpg", "../{}.jpg", "0.jpg"])
def test_a_picture_has_one_address(author: Desk, newsroom: Newsroom, door: Door, name: str) -> None:
    put(author, newsroom.inside[0])
    (sha256,) = kept(door)
    assert door.get(f"/pictures/{name.format(sha256)}").status_code == 404


def test_without_the_consent_of_those_in_it_nothing_is_kept(author: Desk, newsroom: Newsroom, door: Door) -> None:
    answer = put(author, newsroom.inside[0], consent="")
    assert answer.status_code == 422
    assert "Confirm that the people in the picture agreed" in answer.text
    assert 'href="#consent"' in answer.text
    assert update(newsroom, newsroom.inside[0]).picture_sha256 is None
    assert kept(door) == []


@pytest.mark.parametrize("alt", ["", "IMG_2041.jpg", "Image of two children", "a" * 161])
def test_words_that_say_nothing_are_refused_and_shown_again(
    author: Desk, newsroom: Newsroom, door: Door, alt: str
) -> None:
    answer = put(author, newsroom.inside[0], alt=alt)
    assert answer.status_code == 422
    assert 'href="#alt"' in answer.text
    assert f">{alt}</textarea>" in answer.text
    assert kept(door) == []


def test_without_a_file_there_is_nothing_to_save(author: Desk, newsroom: Newsroom) -> None:
    answer = author.post(path(newsroom.inside[0]), AGREED)
    assert answer.status_code == 422
    assert "Choose a picture" in answer.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("picture.png", b"<!doctype html><script>alert(1)</script>"),
        ("picture.jpg", jpeg()[:5000]),
        ("picture.gif", b"GIF89a\1\0\1\0\0\0\0;"),
    ],
)
def test_what_is_no_picture_is_refused(author: Desk, newsroom: Newsroom, door: Door, name: str, content: bytes) -> None:
    answer = put(author, newsroom.inside[0], content, name)
    assert answer.status_code == 422
    assert "This file is not a picture we can read: use JPEG, PNG or WebP" in answer.text
    assert "alert(1)" not in answer.text
    assert kept(door) == []


def test_a_photograph_of_eight_megabytes_is_taken(author: Desk, newsroom: Newsroom, door: Door) -> None:
    large = noise((1700, 1700))
    assert 8_000_000 < len(large) < 10_000_000
    assert put(author, newsroom.inside[0], large).status_code == 303
    with door.runtime.db.reading() as session:
        assert len(session.exec(select(Picture.content)).one()) <= 100_000


def test_one_of_twenty_megabytes_is_not(author: Desk, newsroom: Newsroom, door: Door) -> None:
    assert put(author, newsroom.inside[0], b"\xff\xd8\xff" + b"\0" * 20_000_000).status_code == 413
    assert kept(door) == []


@pytest.mark.parametrize("role", [StaffRole.APPROVER, StaffRole.DPO, None])
def test_nobody_else_can_send_a_large_body(
    desk: Callable[..., Desk], door: Door, newsroom: Newsroom, role: StaffRole | None
) -> None:
    large = jpeg((3000, 2000))
    assert len(large) > 64 * 1024
    files = {"file": ("a.jpg", large, "image/jpeg")}
    if role is None:
        answer = door.ask("POST", path(newsroom.inside[0]), data=AGREED, files=files, tick=False)
    else:
        answer = desk(role).post(path(newsroom.inside[0]), AGREED, files=files)
    assert answer.status_code == 413


def test_other_words_alone_need_no_file(author: Desk, newsroom: Newsroom, door: Door) -> None:
    put(author, newsroom.inside[0])
    before = update(newsroom, newsroom.inside[0]).picture_sha256
    answer = author.post(path(newsroom.inside[0]), {"alt": "Beans grow in the school garden"})
    assert answer.status_code == 303
    row = update(newsroom, newsroom.inside[0])
    assert (row.picture_sha256, row.picture_alt) == (before, "Beans grow in the school garden")
    assert log(door)[-1][2] == "Other words for it"


def test_saving_what_is_there_changes_nothing(author: Desk, newsroom: Newsroom, door: Door) -> None:
    put(author, newsroom.inside[0])
    before, entries = update(newsroom, newsroom.inside[0]), log(door)
    assert put(author, newsroom.inside[0], seen=before.picture_sha256 or "").status_code == 303
    assert author.post(path(newsroom.inside[0]), {"alt": ALT}).status_code == 303
    after = update(newsroom, newsroom.inside[0])
    assert (after.updated_at, after.revision) == (before.updated_at, before.revision)
    assert log(door) == entries


def test_a_picture_that_somebody_else_put_in_meanwhile_is_not_overwritten(
    author: Desk, newsroom: Newsroom, door: Door
) -> None:
    update_id = newsroom.inside[0]
    put(author, update_id, png(), seen="")
    theirs, entries = update(newsroom, update_id).picture_sha256, log(door)
    answer = put(author, update_id, alt="Two teachers read a letter", seen="")
    assert answer.status_code == 409
    assert "Somebody else changed the picture of this update meanwhile" in answer.text
    assert ">Two teachers read a letter</textarea>" in answer.text
    assert f'name="seen" value="{theirs}"' in answer.text
    away = author.post(f"{path(update_id)}/take-away", {"seen": "0" * 64})
    assert away.status_code == 409
    assert (update(newsroom, update_id).picture_sha256, log(door)) == (theirs, entries)


def test_another_picture_is_no_edit_of_the_words(author: Desk, newsroom: Newsroom) -> None:
    before = update(newsroom, newsroom.inside[0]).revision
    put(author, newsroom.inside[0])
    assert update(newsroom, newsroom.inside[0]).revision == before


def test_what_is_replaced_or_taken_away_before_anybody_approved_it_is_deleted(
    author: Desk, newsroom: Newsroom, door: Door
) -> None:
    update_id = newsroom.inside[0]
    put(author, update_id)
    first = kept(door)
    put(author, update_id, png())
    second = kept(door)
    assert len(second) == 1
    assert first != second
    assert author.post(f"{path(update_id)}/take-away", {}).status_code == 303
    assert kept(door) == []
    row = update(newsroom, update_id)
    assert (row.picture_sha256, row.picture_alt) == (None, "")
    assert log(door)[-1] == ("take picture away", f"update {update_id}", f"SHA-256 {second[0]}. Deleted")
    assert author.post(f"{path(update_id)}/take-away", {}).status_code == 303  # safe to press twice


def test_a_deleted_update_takes_its_picture_along(author: Desk, newsroom: Newsroom, door: Door) -> None:
    with door.runtime.db.transaction() as session:
        update_id = newsroom.write(session, "In no edition")
    put(author, update_id)
    assert len(kept(door)) == 1
    assert author.post(f"/staff/updates/{update_id}/delete", {}).status_code == 303
    assert kept(door) == []


def test_a_picture_of_two_updates_stays_with_the_other(author: Desk, newsroom: Newsroom, door: Door) -> None:
    one, other, _ = newsroom.inside
    put(author, one)
    put(author, other)
    author.post(f"{path(one)}/take-away", {})
    assert len(kept(door)) == 1


def test_hostile_words_come_out_as_they_were_typed(author: Desk, newsroom: Newsroom) -> None:
    put(author, newsroom.inside[0], alt=HOSTILE)
    page = author.get(path(newsroom.inside[0]))
    assert "<script>alert(1)" not in page.text
    assert HOSTILE in unescape(page.text)


def test_other_words_in_one_edition_keep_the_picture(author: Desk, newsroom: Newsroom) -> None:
    put(author, newsroom.inside[0])
    with newsroom.runtime.db.transaction() as session:
        choice = session.exec(
            select(EditionChoice).where(
                EditionChoice.edition_id == newsroom.edition, EditionChoice.update_id == newsroom.inside[0]
            )
        ).one()
        choice.own_title, choice.own_body = "More help", "Call until 6pm."
        session.add(choice)
    html = author.get(f"/staff/editions/{newsroom.edition}/preview/html").text
    assert "Call until 6pm." in html
    assert f'alt="{ALT}"' in html
    assert 'src="data:image/jpeg;base64,' in html


def test_a_partner_that_approves_its_texts_approves_its_pictures(studio: Studio) -> None:
    edition_id = studio.edition()
    with studio.runtime.db.transaction() as session:
        session.execute(sa.update(Partner).values(approves_texts=True))
        (row,) = session.exec(select(Update))
    partner = studio.desk(StaffRole.PARTNER_APPROVER)
    with studio.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == partner.staff_id)).one()
        held.partner_id = row.partner_id
        session.add(held)
    studio.author.post(f"{at(edition_id)}/submit", {})
    address = f"{at(edition_id)}/partner/{row.partner_id}"
    seen = studios.fields_of(partner.get(at(edition_id)), address)
    put(studio.author, row.id or 0)
    studio.author.post(f"{at(edition_id)}/submit", {})
    assert partner.post(address, seen).status_code == 409
    now_seen = studios.fields_of(partner.get(at(edition_id)), address)
    assert now_seen != seen
    assert partner.post(address, now_seen).status_code == 303


def test_an_update_that_is_not_there_has_no_page(author: Desk, newsroom: Newsroom) -> None:
    assert author.get(path(987654)).status_code == 404
    assert put(author, 987654).status_code == 404


@pytest.mark.parametrize("state", [EditionState.REVIEW, EditionState.APPROVED])
def test_a_new_picture_reopens_what_waits(studio: Studio, state: EditionState) -> None:
    edition_id = studio.edition(state)
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    assert put(studio.author, update_id or 0).status_code == 303
    assert studio.state(edition_id) is EditionState.DRAFT
    assert studio.notes(edition_id)[-1][1] == f"Update {update_id} in it was edited"


def test_whoever_put_the_picture_in_cannot_approve_it(studio: Studio) -> None:
    both = studio.desk(StaffRole.AUTHOR, StaffRole.APPROVER, name="Author and approver")
    edition_id = studio.edition()
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one()
    put(both, update_id or 0)
    studio.author.post(f"{at(edition_id)}/submit", {})
    assert "wrote nothing in edition" in words_of(both.get(at(edition_id)))


def test_an_edition_that_was_given_up_keeps_no_picture(studio: Studio) -> None:
    edition_id = studio.edition()
    with studio.runtime.db.reading() as session:
        update_id = session.exec(select(Update.id)).one() or 0
    put(studio.author, update_id)
    with studio.runtime.db.transaction() as session:
        row = session.get_one(Edition, edition_id)
        sha256 = session.get_one(Update, update_id).picture_sha256
        row.frozen_html = f'<p><img src="cid:{sha256}@pictures" alt="" /></p>'
        session.add(row)
        session.execute(sa.update(Update).values(picture_sha256=None))
    with studio.runtime.db.transaction() as session:
        publishing.cancel(session, edition_id, now=studio.runtime.clock.now())
    with studio.runtime.db.reading() as session:
        assert session.exec(select(Picture)).all() == []


@pytest.fixture
def studio(sqlite_runtime: Runtime) -> Studio:
    return studios.build(sqlite_runtime)
