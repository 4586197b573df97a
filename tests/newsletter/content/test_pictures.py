"""A picture is kept once, by the hash of its bytes, and whatever is not what its hash says is not given out."""

import hashlib
import threading

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from newsletter.content import picture_files, pictures
from newsletter.content.models import Picture
from newsletter.core.errors import NotFound, WrongState
from newsletter.core.runtime import Runtime
from tests.picture_samples import jpeg, png

PHOTO = picture_files.photograph(jpeg((300, 200)))
DRAWING = picture_files.photograph(png((300, 200)))


def keep(runtime: Runtime, *made: picture_files.MadePicture) -> list[str]:
    with runtime.db.transaction() as session:
        return [pictures.keep(session, each, now=runtime.clock.now()) for each in made]


def test_the_same_picture_is_kept_once(runtime: Runtime) -> None:
    first, again, other = keep(runtime, PHOTO, PHOTO, DRAWING)
    assert first == again == hashlib.sha256(PHOTO.content).hexdigest()
    assert other != first
    assert keep(runtime, PHOTO) == [first]
    with runtime.db.reading() as session:
        assert len(session.exec(select(Picture)).all()) == 2
        assert pictures.public(session, first).content == PHOTO.content


def test_two_who_keep_the_same_picture_at_once_keep_it_once(runtime: Runtime) -> None:
    """The second waits for the first, or finds what it has written."""
    inside = threading.Event()
    kept: list[list[str]] = []

    def other() -> None:
        inside.set()
        kept.append(keep(runtime, PHOTO))

    thread = threading.Thread(target=other)
    with runtime.db.transaction() as session:
        sha256 = pictures.keep(session, PHOTO, now=runtime.clock.now())
        thread.start()
        assert inside.wait(10)
    thread.join(20)
    assert kept == [[sha256]]


def cid(*hashes: str) -> str:
    return "".join(f'<p><img src="cid:{sha256}@pictures" alt="" /></p>' for sha256 in hashes)


def test_a_mail_finds_its_pictures_in_their_order_each_once(runtime: Runtime) -> None:
    photo, drawing = keep(runtime, PHOTO, DRAWING)
    with runtime.db.reading() as session:
        found = pictures.inside(session, cid(drawing, photo, drawing))
        assert [(each.sha256, each.extension) for each in found] == [(drawing, "png"), (photo, "jpg")]
        assert pictures.inside(session, f"<p>cid:{photo}@pictures src=&#34;cid:{'0' * 64}@pictures&#34;</p>") == ()


@pytest.mark.parametrize("content", [DRAWING.content, b"", b"<svg onload='alert(1)'/>", PHOTO.content + b"\0"])
def test_what_was_changed_in_the_database_is_not_given_out(runtime: Runtime, content: bytes) -> None:
    (sha256,) = keep(runtime, PHOTO)
    with runtime.db.transaction() as session:
        session.execute(sa.update(Picture).values(content=content))
    with runtime.db.reading() as session:
        refuses(session, sha256)


def test_what_is_gone_is_not_given_out(runtime: Runtime) -> None:
    with runtime.db.reading() as session:
        refuses(session, "0" * 64)


def refuses(session: Session, sha256: str) -> None:
    with pytest.raises(WrongState, match="A picture in it is"):
        pictures.inside(session, cid(sha256))
    with pytest.raises(NotFound):
        pictures.public(session, sha256)
