"""What is forgotten is gone: looked for in the bytes of the files, not in what the product says of itself.

Addresses are sealed from the first moment, so that no file ever holds one that can be read. Afterwards not even the
sealed bytes are there: not in the database file, not in its log, not in a backup, not in a dump of PostgreSQL.
"""

import base64
import logging
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter import backup
from newsletter.core.runtime import Runtime
from newsletter.feedback import complaints, paper_copies
from newsletter.feedback.models import DataComplaint, Feedback, PaperCopy
from newsletter.tables import metadata
from scheduler import jobs
from subscribers import lists, privacy
from subscribers.models import Subscriber, Suppression
from tests.journeys.conftest import House
from tests.journeys.test_publish_and_leave import editions_received, publish

PARENT = "quietreader77@private-mail.example.org"
SENCO = "senco.hiddenlane@school-mail.example.org"
POSTAL = "7 Hiddenlane\nSmallvillage\nEX9 9ZZ"
NAME = "Quietname Surnameson"
PHONE = "01632 960777"
#: What a professional says of their work can be read while they are on the list.
SETTING = "Oakmeadow Nursery"

#: What would point at one of them, wherever it stood.
READABLE = (
    PARENT, "quietreader77", SENCO, "senco.hiddenlane", "Hiddenlane", "Smallvillage", NAME, "Surnameson", PHONE,
    "01632960777", "in the Cc line",
)  # fmt: skip

Sealed = dict[str, bytes]


def live(house: House) -> None:
    """Two people do whatever can be done with us."""
    house.sign_up_as_parent(PARENT)
    work = {"email": SENCO, "role": "senco", "setting_name": SETTING}
    house.register(work)
    house.send()
    house.browser.post(house.inbox(SENCO)[-1].link("/confirm/"))
    house.send()
    publish(house, "parents")
    publish(house, "professionals")
    house.tick()
    assert {mail.recipients[0] for mail in editions_received(house)} == {PARENT, SENCO}
    house.browser.post(house.inbox(SENCO)[-1].link("/manage/"), data={"role": "head"})
    with house.runtime.db.reading() as session:
        slug = session.execute(sa.text("SELECT slug FROM edition ORDER BY id LIMIT 1")).scalar_one()
    sent: tuple[tuple[str, dict[str, str]], ...] = (
        (f"/editions/parents/{slug}/useful", {"useful": "no", "comment": f"Ring me on {PHONE}"}),
        ("/feedback", {"area": "1", "text": f"Write to {PARENT}, or call {PHONE}", "asked": "yes"}),
        ("/data-complaint", {"text": "I was in the Cc line", "contact": PARENT}),
        ("/paper-copy", {"edition": f"parents/{slug}", "format": "paper", "name": NAME, "address": POSTAL}),
    )
    for path, form in sent:
        answer = house.browser.post(path, data=form)
        assert answer.status_code == 200, path
        assert "Error" not in answer.text, path


def sealed(house: House) -> Sealed:
    """What stands for the two in the tables now, by what it is; the setting of one can be read."""
    found: Sealed = {"setting": SETTING.encode()}
    with house.runtime.db.reading() as session:
        rows = [
            *session.exec(select(Subscriber)),
            *session.exec(select(DataComplaint)),
            *session.exec(select(PaperCopy)),
        ]
        for row in rows:
            for name, value in row.model_dump().items():
                if isinstance(value, bytes):
                    found[f"{type(row).__name__} {row.id} {name}"] = value
    return found


def stored(house: House, directory: Path) -> dict[str, bytes]:
    """Every place that keeps what is in the tables, as bytes: the files of SQLite, or PostgreSQL's own copy of each
    table, and a backup unpacked."""
    places: dict[str, bytes] = {}
    database = house.runtime.db.url.database
    if house.runtime.db.is_sqlite:
        assert database is not None
        for file in Path(database).parent.glob(f"{Path(database).name}*"):
            places[file.name] = file.read_bytes()
    else:
        places["dump"] = b"".join(copied(house.runtime))
    file = directory / f"backup-{len(list(directory.glob('backup-*')))}.zip"
    backup.write(house.runtime, file)
    with zipfile.ZipFile(file) as archive:
        places["backup"] = b"".join(archive.read(name) for name in archive.namelist())
    return places


def copied(runtime: Runtime) -> Iterator[bytes]:
    """Each table of the database, ours or not, as COPY gives it."""
    url = runtime.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > len(metadata.tables)
        for (table,) in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                yield from (bytes(block) for block in copy)


def places_of(needle: bytes, places: dict[str, bytes]) -> set[str]:
    """Where the bytes stand: as they are, as a backup writes them, or as PostgreSQL does."""
    spellings = (needle, base64.b64encode(needle), needle.hex().encode())
    return {name for name, content in places.items() if any(spelling in content for spelling in spellings)}


def assert_nothing_readable(places: dict[str, bytes]) -> None:
    for name, content in places.items():
        lowered = content.lower()
        for text in READABLE:
            for encoding in ("utf-8", "utf-16-le"):
                assert text.lower().encode(encoding) not in lowered, (text, name)


def answer_everything(house: House) -> None:
    """What staff do: close the complaint, post the copy."""
    now = house.clock.now()
    with house.runtime.db.transaction() as session:
        reference = session.exec(select(DataComplaint.reference)).one()
        complaints.close(session, reference, "Put right.", now=now)
        paper_copies.done(session, paper_copies.to_post(session, house.runtime.crypto)[0].id, now=now)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged on our side, every field of it; the mail server and the browser of a story are others'."""
    caplog.set_level(logging.DEBUG)
    return lambda: [
        f"{record.getMessage()} {vars(record)}"
        for record in caplog.records
        if not record.name.startswith(("mail", "httpx", "httpcore"))
    ]


def test_after_the_periods_nothing_of_them_is_left_anywhere(
    house: House, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    live(house)
    before = sealed(house)
    assert len(before) == 9  # address and hash of two people; a setting; text and contact; name and address
    places = stored(house, tmp_path)
    for what, content in before.items():
        assert places_of(content, places), f"{what} should be found while it is there: the search is blind"
    assert_nothing_readable(places)

    for address in (PARENT, SENCO):
        house.browser.post(house.inbox(address)[-1].link("/leave/"))
    house.send()
    answer_everything(house)
    for days in (29, 1, 366, 366):
        house.clock.move(timedelta(days=days))
        jobs.sweep(house.runtime)
    places = stored(house, tmp_path)
    for what, content in before.items():
        assert not places_of(content, places), what
    assert_nothing_readable(places)
    with house.runtime.db.reading() as session:
        assert session.exec(select(Subscriber)).all() == []
        assert session.exec(select(Suppression)).all() == []
        assert session.exec(select(PaperCopy)).all() == []
        complaint = session.exec(select(DataComplaint)).one()
        assert (complaint.outcome, complaint.text_sealed) == ("Put right.", None)
        kept = session.exec(select(Feedback).order_by(col(Feedback.id))).all()
        assert [(row.text, row.is_useful) for row in kept] == [(None, False), (None, None)]  # counted, not quoted

    records = said()
    assert len(records) > 50
    for record in records:
        for text in READABLE:
            assert text not in record, record[:300]


def test_words_that_people_wrote_go_when_their_time_is_over_and_not_before(house: House, tmp_path: Path) -> None:
    live(house)
    answer_everything(house)
    paper = {what: content for what, content in sealed(house).items() if what.startswith("PaperCopy")}
    complaint = {what: content for what, content in sealed(house).items() if what.startswith("DataComplaint")}
    for days, paper_is_there, complaint_is_there, words_are_there in (
        (27, True, True, True),
        (1, False, True, True),
        (336, False, True, True),
        (1, False, False, True),
        (364, False, False, True),
        (1, False, False, False),
    ):
        house.clock.move(timedelta(days=days))
        jobs.sweep(house.runtime)
        places = stored(house, tmp_path)
        assert all(bool(places_of(content, places)) is paper_is_there for content in paper.values()), days
        assert all(bool(places_of(content, places)) is complaint_is_there for content in complaint.values()), days
        assert bool(places_of(b"Write to (email address), or call (phone number)", places)) is words_are_there, days


def test_a_request_for_paper_that_nobody_carried_out_goes_too(house: House) -> None:
    live(house)
    house.clock.move(timedelta(days=90))
    jobs.sweep(house.runtime)
    with house.runtime.db.reading() as session:
        assert session.exec(select(PaperCopy)).all() == []


def test_who_is_erased_is_gone_at_once(house: House, tmp_path: Path) -> None:
    live(house)
    with house.runtime.db.reading() as session:
        list_ids = [mailing_list.id for mailing_list in lists.all_lists(session)]
    before = {what: content for what, content in sealed(house).items() if what.startswith(("Subscriber", "setting"))}
    answer_everything(house)
    contacts = {what: content for what, content in sealed(house).items() if what.startswith("DataComplaint")}
    assert len(before) == 2 * len(list_ids) + 1
    with house.runtime.db.transaction() as session:
        for address in (PARENT, SENCO):
            assert privacy.erase(session, house.runtime.crypto, address, now=house.clock.now()) == 1
            complaints.erase_contact(session, house.runtime.crypto, address)
    assert house.runtime.db.empty_log()
    places = stored(house, tmp_path)
    for what, content in (before | contacts).items():
        assert not places_of(content, places), what
    assert_nothing_readable(places)
    with house.runtime.db.reading() as session:  # what stays: that these must not be imported, under another hash
        assert len(session.exec(select(Suppression)).all()) == 2
