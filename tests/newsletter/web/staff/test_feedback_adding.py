"""What somebody told us, added by staff: the words of a mail without its sender, shown before they are kept."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.editions.models import Edition, EditionState
from newsletter.feedback import replies
from newsletter.feedback.models import Feedback, FeedbackKind, FeedbackSource, FeedbackState
from newsletter.staff.models import StaffRole, StaffRoleHeld
from newsletter.web.staff import uploads
from subscribers import lists
from tests.newsletter.web import town
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, TODAY, Newsroom
from tests.newsletter.web.staff.settings.forms import Counted, errors, filled, logged
from tests.newsletter.web.staff.studio import words_of

Sit = Callable[..., Desk]
PATH, ADD = "/staff/feedback", "/staff/feedback/add"

SUBJECT = "More plans on time, and sessions for families this term ({})"
WORDS = "The new helpline hours are good."


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def editions(room: Newsroom) -> dict[tuple[str, int], int]:
    """Editions by their list and number."""
    with room.runtime.db.reading() as session:
        slugs = {each.id: each.slug for each in lists.all_lists(session)}
        return {(slugs[each.mailing_list_id], each.number): each.id or 0 for each in session.exec(select(Edition))}


def mail(subject: str, text: str = WORDS, sender: str = "Jo Reader <jo.reader@example.org>") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "replies@example.org", subject
    message["Message-ID"], message["X-Secret"] = "<secret-4711@mail.example.org>", "secret-4711"
    message.set_content(text)
    return bytes(message)


def send(desk: Desk, content: bytes | None = None, **fields: str) -> httpx.Response:
    files = {"file": ("reply.eml", content, "message/rfc822")} if content is not None else None
    return desk.post(ADD, {"source": "reply", **fields}, files=files)


def keep(desk: Desk, page: httpx.Response, **changes: str) -> httpx.Response:
    """Press the button on the second page."""
    assert page.status_code == 200
    assert "Check what will be kept" in page.text
    return desk.post(ADD, {**filled(page), "area": "0", "do": "keep", **changes})


def kept(room: Newsroom) -> list[Feedback]:
    with room.runtime.db.reading() as session:
        return list(session.exec(select(Feedback).order_by(col(Feedback.id))))


def chosen(page: httpx.Response, name: str) -> str:
    select_ = re.search(rf'<select[^>]* name="{name}".*?</select>', page.text, re.DOTALL)
    assert select_
    found = re.search(r'<option value="([^"]*)" selected', select_[0])
    return found[1] if found else ""


def test_a_mail_becomes_feedback_about_a_part_of_its_edition(author: Desk, newsroom: Newsroom) -> None:
    text = "I am Jo. Call 01632 960123: the helpline is good.\n\nKind regards\nJo Reader\n\n> quoted"
    page = send(author, mail("RE: " + SUBJECT.format(3), text))
    assert filled(page)["text"] == "I am (name). Call (phone number): the helpline is good."
    assert (
        "It answers edition 3 of SEND news for parents and carers, of 2 November 2026: “More plans on time"
        in words_of(page)
    )
    assert "The helpline is open for longer" in page.text
    assert kept(newsroom) == []  # not before somebody says so
    answer = keep(author, page, about="update-3")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}/1?said=kept")
    (row,) = kept(newsroom)
    assert (row.kind, row.source, row.day) == (FeedbackKind.VIEW, FeedbackSource.REPLY, TODAY)
    assert (row.edition_id, row.anchor) == (editions(newsroom)["parents", 3], "update-3")
    assert row.priority_area_id == newsroom.areas[1]  # that of the update
    page = author.get(answer.headers["location"])
    words = words_of(page)
    assert "What they said was kept." in words
    assert "I am (name). Call (phone number): the helpline is good." in words
    assert (
        "In a reply to an edition. Priority 2: Area 2. About “The helpline is open for longer” in edition 3 of" in words
    )
    assert "Check that it names nobody" in words
    assert "Then delete the email" in words
    assert words_of(author.get(PATH)).count("About “The helpline is open for longer” in edition 3 of SEND news") == 1
    report = words_of(author.get(f"/staff/editions/{row.edition_id}/report"))
    assert "The helpline is open for longer 0 0 0 fewer than 5" in report


def test_nothing_that_says_who_it_was_is_kept_or_logged(
    author: Desk, newsroom: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    page = send(author, mail("Re: " + SUBJECT.format(3), f"{WORDS} Write to jo.reader@example.org"))
    keep(author, page, about="update-3")
    assert logged(newsroom.runtime) == [
        ("add feedback", "feedback 1", f"reply, edition {editions(newsroom)['parents', 3]}")
    ]
    with newsroom.runtime.db.reading() as session:
        everything = str(
            [session.execute(sa.text(f"SELECT * FROM {table}")).all() for table in ("feedback", "audit_entry")]
        )
    for secret in ("Jo", "Reader", "jo.reader", "4711", SUBJECT.format(3)):
        assert secret not in everything
        assert secret not in caplog.text
        assert secret not in page.text or secret == SUBJECT.format(3)
    assert WORDS not in caplog.text


def test_it_is_set_aside_and_counted_no_more(author: Desk, newsroom: Newsroom) -> None:
    answer = keep(author, send(author, edition=str(editions(newsroom)["parents", 2]), text=WORDS))
    page = author.get(answer.headers["location"])
    report = f"/staff/editions/{editions(newsroom)['parents', 2]}/report"
    assert "The edition as a whole 0 0 0 fewer than 5" in words_of(author.get(report))
    answer = author.post(f"{PATH}?state=new", {**filled(page), "do": "aside"})
    assert answer.headers["location"] == f"{PATH}?said=aside"
    assert kept(newsroom)[0].state is FeedbackState.SET_ASIDE
    assert "The edition as a whole 0 0 0 0" in words_of(author.get(report))
    assert "Set aside</button>" not in author.get(f"{PATH}/1").text


@pytest.mark.parametrize("source", ["event", "paper"])
def test_what_was_said_elsewhere_belongs_to_no_edition(author: Desk, newsroom: Newsroom, source: str) -> None:
    page = send(author, source=source, edition="3", text="More in Easy Read.")
    assert 'name="about"' not in page.text
    keep(author, page, area="2", about="update-3")
    (row,) = kept(newsroom)
    assert (row.source, row.edition_id, row.anchor, row.priority_area_id) == (source, None, None, newsroom.areas[1])
    assert "Then delete the email" not in author.get(f"{PATH}/1?said=kept").text


def test_words_are_changed_before_they_are_kept(author: Desk, newsroom: Newsroom) -> None:
    page = send(author, text="My son Ali waits.\n\nThanks\nJo", edition="unknown")
    assert filled(page)["text"] == "My son Ali waits."
    keep(author, page, text="My son waits. Call 01632 960123")
    assert kept(newsroom)[0].text == "My son waits. Call (phone number)"
    assert kept(newsroom)[0].edition_id is None


def test_going_back_loses_nothing(author: Desk, newsroom: Newsroom) -> None:
    edition = str(editions(newsroom)["parents", 1])
    page = send(author, text=WORDS, edition=edition)
    first = author.post(ADD, {**filled(page), "do": "back"})
    assert first.status_code == 200
    assert (filled(first)["text"], filled(first)["source"], chosen(first, "edition")) == (WORDS, "reply", edition)
    assert kept(newsroom) == []


def test_an_area_that_was_chosen_stays(author: Desk, newsroom: Newsroom) -> None:
    page = send(author, text=WORDS, edition=str(editions(newsroom)["parents", 3]))
    keep(author, page, about="update-3", area="1")
    assert kept(newsroom)[0].priority_area_id == newsroom.areas[0]


def test_what_was_chosen_goes_before_the_subject(author: Desk, newsroom: Newsroom) -> None:
    other = str(editions(newsroom)["parents", 1])
    keep(author, send(author, mail("Re: " + SUBJECT.format(3)), edition=other))
    keep(author, send(author, mail("Re: " + SUBJECT.format(3)), edition="unknown"))
    assert [row.edition_id for row in kept(newsroom)] == [int(other), None]


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("Re: " + SUBJECT.format(1), "Editions of several newsletters have its subject. Choose the one it answers"),
        (
            "Re: " + SUBJECT.format(4),
            "No edition has the subject of this email. Choose the edition it answers",
        ),  # not sent
        ("A question", "No edition has the subject of this email. Choose the edition it answers"),
    ],
)
def test_where_the_subject_says_nothing_somebody_chooses(
    author: Desk, newsroom: Newsroom, subject: str, said: str
) -> None:
    answer = send(author, mail(subject))
    assert answer.status_code == 422
    assert errors(answer) == [said]
    assert filled(answer)["text"] == WORDS  # the file is not needed again
    edition = str(editions(newsroom)["professionals", 1])
    keep(author, send(author, text=filled(answer)["text"], edition=edition))
    assert kept(newsroom)[0].edition_id == int(edition)


@pytest.mark.parametrize(
    ("fields", "content", "field", "said"),
    [
        ({"source": ""}, None, "source", "Choose where it came from"),
        ({"source": "web"}, None, "source", "Choose where it came from"),
        ({"edition": ""}, None, "edition", "Choose the edition it answers"),
        ({"edition": "999"}, None, "edition", "Choose the edition it answers"),
        ({"edition": "x"}, None, "edition", "Choose the edition it answers"),
        ({"text": ""}, None, "text", "Paste what they said, or choose the email as a file"),
        ({"text": "\x07\n\x01"}, None, "text", "Paste what they said, or choose the email as a file"),
        ({"text": "x" * 4_001}, None, "text", "What they said must be 4,000 characters or fewer. You have used 4,001"),
        ({}, mail("Re: x"), "file", "Paste the words or choose a file, not both"),
        ({"text": ""}, mail("Re: x", "> quoted"), "file", "This reply has no words of its own"),
        ({"text": ""}, b"\xd0\xcf\x11\xe0", "file", "This is a file of Outlook’s own (.msg), which we cannot read."),
    ],
)  # fmt: skip
def test_errors_stand_at_their_fields_and_keep_what_was_typed(
    author: Desk, newsroom: Newsroom, fields: dict[str, str], content: bytes | None, field: str, said: str
) -> None:
    typed = {"source": "reply", "edition": str(editions(newsroom)["parents", 2]), "text": WORDS, **fields}
    answer = send(author, content, **typed)
    assert answer.status_code == 422
    assert said in errors(answer)[0]
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert answer.text.index(f'href="#{field}"') < answer.text.index(f'id="{field}"')
    assert filled(answer).get("source", "") == typed["source"].replace("web", "")
    if len(typed["text"]) > 10:
        assert filled(answer)["text"].strip() == typed["text"]
    if typed["edition"].isdecimal() and typed["edition"] != "999":
        assert chosen(answer, "edition") == typed["edition"]
    assert kept(newsroom) == []


def test_errors_come_in_the_order_of_the_page(author: Desk, newsroom: Newsroom) -> None:
    assert errors(send(author, text="")) == [
        "Choose the edition it answers",
        "Paste what they said, or choose the email as a file",
    ]
    unread = send(author, mail("Re: " + SUBJECT.format(3), "> quoted"))  # whose subject may say it next time
    assert errors(unread) == ["This reply has no words of its own"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": " "}, "Enter what they said"),
        ({"text": "x" * 4_001}, "What they said must be 4,000 characters or fewer. You have used 4,001"),
        ({"about": "update-99"}, "Choose a part of this edition"),
        ({"area": "99"}, "Choose a priority area, or leave it"),
        ({"area": "x"}, "Choose a priority area, or leave it"),
        ({"edition": ""}, "Choose the edition it answers"),
        ({"source": ""}, "Choose where it came from"),
    ],
)
def test_errors_of_the_second_page(author: Desk, newsroom: Newsroom, changes: dict[str, str], said: str) -> None:
    page = send(author, text=WORDS, edition=str(editions(newsroom)["parents", 2]))
    answer = keep(author, page, **{"about": "update-1", **changes})
    assert answer.status_code == 422
    assert errors(answer) == [said]
    assert filled(answer)["text"].strip() == changes.get("text", WORDS).strip()
    if not {"edition", "source", "about"} & changes.keys():
        assert chosen(answer, "about") == "update-1"
    assert kept(newsroom) == []


def test_what_looks_like_markup_is_shown_as_it_was_typed(author: Desk, newsroom: Newsroom) -> None:
    page = send(author, mail("Re: " + SUBJECT.format(3), HOSTILE, sender=f'"{HOSTILE[:25]}" <a@example.org>'))
    keep(author, page, text=HOSTILE)
    for shown in (page, author.get(f"{PATH}/1"), send(author, text=HOSTILE)):
        assert "<script>alert(" not in shown.text
    assert HOSTILE in unescape(author.get(f"{PATH}/1").text)


def test_a_long_list_of_editions_is_cut_and_asks_the_database_no_more(author: Desk, newsroom: Newsroom) -> None:
    author.get(ADD)
    with Counted(newsroom.runtime) as few:
        author.get(ADD)
    with newsroom.runtime.db.transaction() as session:
        parents = lists.by_slug(session, "parents")
        for number in range(50, 70):
            at = town.LAST_SENT - town.WEEK * (number - 40)
            town.edition(session, parents, number, at, EditionState.SENT)
    with Counted(newsroom.runtime) as many:
        page = author.get(ADD)
    assert many.number == few.number
    assert page.text.count("<option") == 12 + 2
    old = editions(newsroom)["parents", 69]
    assert f'value="{old}"' not in page.text
    assert chosen(author.get(f"{ADD}?source=reply&edition={old}"), "edition") == str(old)  # as a report leads here
    page = send(author, mail("Re: " + SUBJECT.format(69)))
    keep(author, page)
    assert kept(newsroom)[0].edition_id == old


def test_a_role_for_one_list_reaches_its_editions_alone(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == author.staff_id)).one()
        held.mailing_list_id = newsroom.professionals
    page = author.get(ADD)
    found = editions(newsroom)
    assert f'<option value="{found["professionals", 1]}"' in page.text
    assert "SEND news for parents" not in page.text
    assert send(author, text=WORDS, edition=str(found["parents", 3])).status_code == 422
    assert errors(send(author, mail("Re: " + SUBJECT.format(3)))) == [
        "No edition has the subject of this email. Choose the edition it answers"
    ]
    page = send(author, mail("Re: " + SUBJECT.format(1)))  # parents have one of this subject too
    assert filled(page)["edition"] == str(found["professionals", 1])
    assert keep(author, page, edition=str(found["parents", 3])).status_code == 422
    assert kept(newsroom) == []


def test_a_large_mail_is_taken_and_one_that_is_too_large_is_not(author: Desk, newsroom: Newsroom) -> None:
    large = mail("Re: " + SUBJECT.format(3)) + b"\n> quoted" * 700_000
    assert filled(send(author, large))["text"] == WORDS
    assert send(author, large + b" " * uploads.MAXIMUM_MAIL_BYTES).status_code == 413


@pytest.mark.parametrize("role", [StaffRole.APPROVER, StaffRole.PARTNER_APPROVER, StaffRole.DPO])
def test_only_who_writes_adds_or_sends_much(author: Desk, desk: Sit, newsroom: Newsroom, role: StaffRole) -> None:
    keep(author, send(author, text=WORDS, edition="unknown"))
    somebody = desk(role)
    assert somebody.get(ADD).status_code == 403
    assert somebody.get(f"{PATH}/1").status_code == 403
    assert somebody.post(ADD, {"source": "paper", "text": WORDS, "do": "keep"}).status_code == 403
    assert send(somebody, b"x" * 200_000).status_code == 413
    assert len(kept(newsroom)) == 1


def test_pages_lead_here_and_on(author: Desk, newsroom: Newsroom) -> None:
    assert f'href="{ADD}"' in author.get(PATH).text
    edition = editions(newsroom)["parents", 3]
    report = unescape(author.get(f"/staff/editions/{edition}/report").text)
    assert f'href="{ADD}?source=reply&edition={edition}"' in report
    page = author.get(f"{ADD}?source=reply&edition={edition}")
    assert (filled(page)["source"], chosen(page, "edition")) == ("reply", str(edition))
    keep(author, send(author, text=WORDS, edition=str(edition)))
    assert f'href="{ADD}?source=reply&edition={edition}"' in unescape(author.get(f"{PATH}/1?said=kept").text)
    assert author.get(f"{PATH}/2").status_code == 404


def test_words_that_had_their_time_are_not_shown(author: Desk, newsroom: Newsroom) -> None:
    """What is counted stays."""
    keep(author, send(author, text=WORDS, edition=str(editions(newsroom)["parents", 3])))
    with newsroom.runtime.db.transaction() as session:
        session.get_one(Feedback, 1).text = None
    assert author.get(f"{PATH}/1").status_code == 404
    report = words_of(author.get(f"/staff/editions/{editions(newsroom)['parents', 3]}/report"))
    assert "The edition as a whole 0 0 0 fewer than 5" in report


def test_a_long_mail_is_cut_to_what_the_form_takes(author: Desk, newsroom: Newsroom) -> None:
    page = send(author, mail("Re: " + SUBJECT.format(3), "word " * 3_000))
    assert len(filled(page)["text"]) <= replies.MAXIMUM_LENGTH
    assert keep(author, page).status_code == 303


@pytest.mark.parametrize("number", ["0", "99", "9" * 30])
def test_a_text_that_is_not_there_is_not_found(author: Desk, newsroom: Newsroom, number: str) -> None:
    assert author.get(f"{PATH}/{number}").status_code == 404
