"""An import in the browser: tried first, carried out once, kept sealed for less than an hour, not too large."""

import re
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.delivery.models import Delivery, DeliveryKind
from newsletter.staff.models import StaffRole
from newsletter.web.limits import MAXIMUM_BODY_BYTES
from newsletter.web.staff import uploads
from scheduler import jobs
from subscribers import preferences
from subscribers.models import Consent, Subscriber, SubscriberState, SuppressionReason, WaitingImport
from subscribers.suppression import suppress
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.test_people import keep_to, log_of, words
from tests.subscribers.test_workbooks import made as workbook

Sit = Callable[..., Desk]

IMPORT = "/staff/people/import"
HEADINGS = "email,consent_date,wording,source\n"
EVIDENCE = "2025-03-31,Yes please,paper form"


@pytest.fixture
def officer(desk: Sit) -> Desk:
    return desk(StaffRole.DPO)


def send(desk: Desk, file: bytes | str, how: str = "ask", list_id: str = "1") -> httpx.Response:
    content = file.encode() if isinstance(file, str) else file
    return desk.post(IMPORT, {"list": list_id, "how": how}, files={"file": ("people.csv", content, "text/csv")})


def count(door: Door, table: type) -> int:
    with door.runtime.db.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_file_is_tried_and_then_taken_in(door: Door, officer: Desk, clock: ManualClock) -> None:
    town.subscriber(door.runtime, "there@example.org")
    gone = town.subscriber(door.runtime, "gone@example.org")
    with door.runtime.db.transaction() as session:
        preferences.leave(session, mailing_list_id=1, subscriber_id=gone, how="button", now=clock.now())
        suppress(
            session, door.runtime.crypto, "never@example.org", reason=SuppressionReason.COMPLAINED, now=clock.now()
        )
    rows = ["there@example.org", "gone@example.org", "never@example.org", "no address", "new@example.org"]
    tried = send(officer, HEADINGS + "".join(f"{row},{EVIDENCE}\n" for row in rows))
    assert tried.status_code == 303
    where = tried.headers["location"]
    page = officer.get(where)
    said = words(page.text)
    assert "1 person would come in to “SEND news for parents and carers”" in said
    assert "5 rows in the file" in said
    assert "Must not be mailed, or has left 2" in said
    assert "2 Already on the list: Is confirmed on this mailing list" in said
    assert "5 Cannot be used:" in said
    assert [row for row in rows if row in page.text] == []
    assert count(door, Subscriber) == 2
    done = officer.post(f"{where}/take-in")
    assert done.headers["location"] == f"{where}?said=taken"
    assert "Imported." in officer.get(done.headers["location"]).text
    assert "1 person came in" in words(officer.get(where).text)
    with door.runtime.db.reading() as session:
        new = session.exec(select(Subscriber).order_by(Subscriber.id.desc())).first()  # type: ignore[union-attr]
        assert new is not None
        assert new.state is SubscriberState.PENDING
        consent = session.exec(select(Consent).where(Consent.subscriber_id == new.id)).one()
        assert (consent.source, consent.requested_at.date().isoformat()) == ("paper form", "2025-03-31")
        letters = session.exec(select(Delivery.subscriber_id).where(Delivery.kind == DeliveryKind.CONFIRM)).all()
        assert list(letters) == [new.id]
        assert session.exec(select(WaitingImport.file_sealed)).all() == [None]
    assert officer.post(f"{where}/take-in").status_code == 409
    assert log_of(door.runtime) == [
        ("try import", "import 1 into list 1", "5 rows, 1 would come in"),
        (
            "import subscribers",
            "import 1 into list 1",
            "already there: 1, imported: 1, invalid: 1, suppressed: 2; to be confirmed",
        ),
    ]


def test_a_list_that_moves_here_needs_evidence_in_every_row(door: Door, officer: Desk) -> None:
    file = f"{HEADINGS}one@example.org,{EVIDENCE}\ntwo@example.org,2025-03-31,,paper\n"
    where = send(officer, file, how="confirmed").headers["location"]
    said = words(officer.get(where).text)
    assert "They would get the next edition: nobody is asked to confirm." in said
    assert "No evidence of consent: No wording" in said
    officer.post(f"{where}/take-in")
    with door.runtime.db.reading() as session:
        assert session.exec(select(Subscriber.state)).all() == [SubscriberState.CONFIRMED]
        assert session.exec(select(Delivery.id)).all() == []


def test_what_waits_is_sealed_and_goes_within_the_hour(door: Door, officer: Desk, clock: ManualClock) -> None:
    where = send(officer, f"{HEADINGS}secret@example.org,{EVIDENCE}\n").headers["location"]
    with door.runtime.db.reading() as session:
        row = session.exec(select(WaitingImport)).one()
        assert b"secret" not in (row.file_sealed or b"")
        assert "secret" not in row.report
    clock.move(timedelta(minutes=10))
    jobs.forget_files(door.runtime)
    assert officer.get(where).status_code == 200
    for _ in range(4):
        clock.move(timedelta(minutes=10))
        officer.get("/staff/")
    assert officer.get(where).status_code == 404
    assert officer.post(f"{where}/take-in").status_code == 404
    jobs.forget_files(door.runtime)
    assert count(door, WaitingImport) == 0


def test_a_file_can_be_put_aside_and_a_new_one_takes_its_place(door: Door, officer: Desk) -> None:
    first = send(officer, f"{HEADINGS}one@example.org,{EVIDENCE}\n").headers["location"]
    second = send(officer, f"{HEADINGS}two@example.org,{EVIDENCE}\n").headers["location"]
    assert officer.get(first).status_code in (200, 404)
    assert count(door, WaitingImport) == 1
    gone = officer.post(f"{second}/put-aside")
    assert "The file is deleted. Nobody was imported." in officer.get(gone.headers["location"]).text
    assert count(door, WaitingImport) == count(door, Subscriber) == 0


def test_nobody_else_sees_or_takes_in_a_file(door: Door, desk: Sit, officer: Desk) -> None:
    where = send(officer, f"{HEADINGS}one@example.org,{EVIDENCE}\n").headers["location"]
    other = desk(StaffRole.DPO, email="other@example.org")
    assert other.get(where).status_code == 404
    assert other.post(f"{where}/take-in").status_code == 404
    assert other.post(f"{where}/put-aside").status_code == 404
    professionals = keep_to(door.runtime, other, "professionals")
    assert "SEND news for parents" not in professionals.get(IMPORT).text
    assert send(professionals, f"{HEADINGS}one@example.org,{EVIDENCE}\n", list_id="1").status_code == 422
    keep_to(door.runtime, officer, "professionals")
    assert officer.post(f"{where}/take-in").status_code == 403


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "Choose a file"),
        (b"PK\x03\x04" + bytes(200), "This workbook cannot be read"),
        (b"\xd0\xcf\x11\xe0" + bytes(200), "This workbook is of an old kind, or has a password"),
        (b"name\nsomebody\n", "there is no column email"),
        (b"\xff\xfea\x00\xd8", "The file is not text"),
        (b"email,email\nx,y\n", "Two columns have the same name"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(door: Door, officer: Desk, file: bytes, sentence: str) -> None:
    found = send(officer, file)
    assert found.status_code == 422
    assert sentence in words(found.text)
    assert 'href="#file"' in found.text
    assert count(door, WaitingImport) == 0


def test_what_was_chosen_is_kept_when_something_is_missing(officer: Desk) -> None:
    found = send(officer, b"", how="confirmed", list_id="2")
    assert re.search(r'value="2" checked', found.text)
    assert re.search(r'value="confirmed" checked', found.text)
    for form in ({}, {"list": "\x00", "how": "x"}, {"list": "9" * 30}):
        assert officer.post(IMPORT, form).status_code == 422
    broken = officer.post(IMPORT, headers={"content-type": "multipart/form-data; boundary=x"}, content=b"--y\r\n")
    assert broken.status_code in (400, 422)


def test_a_workbook_is_tried_and_then_taken_in(door: Door, officer: Desk) -> None:
    rows = [("one@example.org", datetime.fromisoformat("2025-03-31"), "Yes\nplease", "paper form"), ("nobody",)]
    file = workbook(("email", "consent_date", "wording", "source"), *rows)
    where = send(officer, file, how="confirmed").headers["location"]
    said = words(officer.get(where).text)
    assert "1 person would come in" in said
    assert "3 Cannot be used" in said
    with door.runtime.db.reading() as session:
        assert b"PK" not in (session.exec(select(WaitingImport)).one().file_sealed or b"")[:40]
    officer.post(f"{where}/take-in")
    with door.runtime.db.reading() as session:
        consent = session.exec(select(Consent)).one()
        assert consent.requested_at.date().isoformat() == "2025-03-31"


def test_a_workbook_with_a_formula_is_refused(door: Door, officer: Desk) -> None:
    found = send(officer, workbook(("email",), ('=CONCATENATE("one","@example.org")',)))
    assert found.status_code == 422
    assert "Cell A2 has a formula" in words(found.text)
    assert count(door, WaitingImport) == count(door, Subscriber) == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_spreadsheets_write_in_several_ways(door: Door, officer: Desk, encoding: str) -> None:
    text = "Email;Consent date;Wording;Source\r\nrené@example.org;31/03/2025;Café;<script>alert(1)</script>\r\n"
    page = officer.get(send(officer, text.encode(encoding)).headers["location"])
    assert "1 person would come in" in words(page.text)
    assert "<script>alert" not in page.text


def test_only_who_may_import_can_send_much(
    door: Door, desk: Sit, officer: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_disk(*_args: object, **_more: object) -> None:
        raise AssertionError("A file of addresses would lie on the disk.")

    monkeypatch.setattr(tempfile, "TemporaryFile", no_disk)
    rows = "".join(f"reader-{number}@example.org,{EVIDENCE} {'x' * 150}\n" for number in range(8000))
    assert MAXIMUM_BODY_BYTES < len(rows) < uploads.MAXIMUM_FILE_BYTES
    assert len(rows) > 1024**2  # what starlette would keep in memory
    found = send(officer, HEADINGS + rows)
    assert found.status_code == 303
    assert "8,000 people would come in" in words(officer.get(found.headers["location"]).text)
    assert send(desk(StaffRole.ADMIN), HEADINGS + rows).status_code == 413
    nobody = door.post(IMPORT, files={"file": ("people.csv", (HEADINGS + rows).encode(), "text/csv")})
    assert nobody.status_code == 413
    elsewhere = officer.post("/staff/people/find", files={"file": ("people.csv", rows.encode(), "text/csv")})
    assert elsewhere.status_code == 413
    assert send(officer, "x" * (uploads.MAXIMUM_BODY_BYTES + 1)).status_code == 413
