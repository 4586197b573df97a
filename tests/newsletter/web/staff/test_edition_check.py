"""The gate: what it finds, where it says it stands, and the reasons it takes."""

import html
import re
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa
from sqlmodel import select

from newsletter.content.dates import london_date
from newsletter.core.errors import InvalidInput
from newsletter.delivery import preview
from newsletter.editions import gate, moves, opening_links, publishing
from newsletter.editions.models import EditionEvent, EditionState
from newsletter.staff.models import StaffRole
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.newsletter.web.staff.studio import fields_of

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def check(author: Desk, newsroom: Newsroom) -> str:
    answer = author.get(f"/staff/editions/{newsroom.edition}/check")
    assert answer.status_code == 200
    return html.unescape(answer.text)


def add(author: Desk, newsroom: Newsroom, title: str, **changes: str) -> int:
    with newsroom.runtime.db.transaction() as session:
        update = newsroom.write(session, title, **changes)
    assert author.post(f"/staff/editions/{newsroom.edition}/updates/{update}/add", newsroom.form()).status_code == 303
    return update


def require_open(newsroom: Newsroom) -> None:
    now = newsroom.runtime.clock.now()
    with newsroom.runtime.db.reading() as session:
        edition = moves.read(session, newsroom.edition)
        head = preview.letterhead(session, newsroom.runtime, edition)
        gate.require_open(session, edition, head, on=london_date(now), now=now)


def test_a_plain_edition_may_go_for_approval(author: Desk, newsroom: Newsroom) -> None:
    assert "Nothing stands in the way of approval." in check(author, newsroom)
    require_open(newsroom)


def test_an_error_says_where_it_is_and_lets_nothing_pass(author: Desk, newsroom: Newsroom) -> None:
    update = add(author, newsroom, "Click here for news")
    page = check(author, newsroom)
    assert "“Click here for news” says “click here”" in page
    assert f'href="/staff/editions/{newsroom.edition}#update-{update}"' in page
    assert "To mend (1)" in page
    with pytest.raises(InvalidInput, match="cannot go for approval yet"):
        require_open(newsroom)
    here = html.unescape(author.get(f"/staff/editions/{newsroom.edition}").text)
    assert "Mend:" in here


def test_a_warning_wants_a_reason_which_stands_until_the_text_changes(author: Desk, newsroom: Newsroom) -> None:
    update = add(author, newsroom, "Long", parent_body="word " * 30 + ".")
    page = check(author, newsroom)
    assert "To look at (1)" in page
    with pytest.raises(InvalidInput, match="Mend this or give a reason for it"):
        require_open(newsroom)
    key = keys(page)[0]
    path = f"/staff/editions/{newsroom.edition}/check"
    empty = author.post(path, {"finding": key, "reason": " "})
    assert empty.status_code == 422
    assert "Give the reason in one sentence" in empty.text
    before = newsroom.revision()
    assert author.post(path, {"finding": key, "reason": HOSTILE}).status_code == 303
    assert newsroom.revision() == before  # what will be sent has not changed
    page = author.get(path).text
    assert "<script>alert" not in page
    assert "It may stay: &lt;script&gt;" in page
    assert "To look at (0)" in page
    require_open(newsroom)
    with newsroom.runtime.db.reading() as session:
        assert "reason" in [event.move for event in session.exec(select(EditionEvent))]
    wording = f"/staff/editions/{newsroom.edition}/updates/{update}/wording"
    author.post(wording, newsroom.form(title="Long", body="word " * 35 + "."))
    page = check(author, newsroom)
    assert "To look at (1)" in page
    assert "Reasons given before" in page


def test_nobody_is_asked_to_approve_what_still_wants_a_reason(author: Desk, newsroom: Newsroom, desk: Sit) -> None:
    add(author, newsroom, "Long", parent_body="word " * 30 + ".")
    approval = f"/staff/editions/{newsroom.edition}/approval"
    page = author.get(approval).text
    assert ("See what the check found" in page, "Ask for approval" in page) == (True, False)
    answer = author.post(f"{approval}/submit", {})
    assert (answer.status_code, "Mend this or give a reason for it" in answer.text) == (422, True)
    key = keys(check(author, newsroom))[0]
    author.post(f"/staff/editions/{newsroom.edition}/check", {"finding": key, "reason": "It is a quotation"})
    assert author.post(f"{approval}/submit", {}).status_code == 303
    assert "It may stay: It is a quotation" in desk(StaffRole.APPROVER).get(approval).text


def test_whoever_gave_a_reason_cannot_approve_the_edition(newsroom: Newsroom, desk: Sit) -> None:
    both = desk(StaffRole.AUTHOR, StaffRole.APPROVER, email="both@example.org", name="Author and approver")
    update = add(desk(StaffRole.AUTHOR), newsroom, "Long", parent_body="word " * 30 + ".")
    assert update
    key = keys(check(both, newsroom))[0]
    approval = f"/staff/editions/{newsroom.edition}/approval"
    both.post(f"/staff/editions/{newsroom.edition}/check", {"finding": key, "reason": "It is a quotation"})
    assert both.post(f"{approval}/submit", {}).status_code == 303
    sentence = "Somebody who gave no reason for a warning in edition"
    assert f"You cannot approve this edition. {sentence}" in " ".join(both.get(approval).text.split())
    seen = fields_of(desk(StaffRole.APPROVER).get(approval), f"{approval}/approve")
    refused = both.post(f"{approval}/approve", seen)
    assert refused.status_code == 422
    assert sentence in refused.text
    assert newsroom.state() is EditionState.REVIEW


def test_a_reason_changed_after_the_approver_looked_is_noticed(author: Desk, newsroom: Newsroom, desk: Sit) -> None:
    add(author, newsroom, "Long", parent_body="word " * 30 + ".")
    key, approver = keys(check(author, newsroom))[0], desk(StaffRole.APPROVER)
    path, approval = f"/staff/editions/{newsroom.edition}/check", f"/staff/editions/{newsroom.edition}/approval"
    author.post(path, {"finding": key, "reason": "It is a quotation"})
    author.post(f"{approval}/submit", {})
    seen = fields_of(approver.get(approval), f"{approval}/approve")
    author.post(path, {"finding": key, "reason": "The head of service wants it"})
    assert approver.post(f"{approval}/approve", seen).status_code == 409
    assert newsroom.state() is EditionState.REVIEW
    page = approver.get(approval)
    assert "It may stay: The head of service wants it" in page.text
    answer = approver.post(f"{approval}/approve", fields_of(page, f"{approval}/approve"))
    assert answer.status_code == 303
    assert newsroom.state() is EditionState.APPROVED


def test_no_reason_lets_an_error_pass(author: Desk, newsroom: Newsroom) -> None:
    add(author, newsroom, "Click here for news")
    now = newsroom.runtime.clock.now()
    with newsroom.runtime.db.reading() as session:
        edition = moves.read(session, newsroom.edition)
        head = preview.letterhead(session, newsroom.runtime, edition)
        found = gate.look(session, edition, head, on=london_date(now), now=now)
    path = f"/staff/editions/{newsroom.edition}/check"
    answer = author.post(path, {"finding": found.errors[0].key, "reason": "Because"})
    assert answer.status_code == 422
    assert "no reason lets it pass" in answer.text
    assert author.post(path, {"finding": "0" * 64, "reason": "Because"}).status_code == 404


def test_what_has_gone_out_is_checked_no_more(author: Desk, newsroom: Newsroom) -> None:
    assert "nothing to check any more" in html.unescape(author.get("/staff/editions/1/check").text)
    assert author.post("/staff/editions/1/check", {"finding": "x", "reason": "y"}).status_code == 409
    assert author.post("/staff/editions/1/check/links", {}).status_code == 409


class TestLinks:
    def test_they_are_opened_when_asked_and_what_came_of_it_is_kept(
        self, author: Desk, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(author, newsroom, "Figures", evidence_url="https://www.example.org/gone", evidence_label="See the figures")
        opened: list[str] = []

        async def open_all(urls: Sequence[str]) -> dict[str, str]:
            opened.extend(urls)
            return {url: "the page is not there (404)" if "gone" in url else "" for url in urls}

        monkeypatch.setattr(opening_links, "open_all", open_all)
        assert "2 of 2 links have not been opened within a day." in check(author, newsroom)
        assert author.post(f"/staff/editions/{newsroom.edition}/check/links", {}).status_code == 303
        assert opened == ["https://www.example.org/gone", "https://offer.example.org"]
        page = check(author, newsroom)
        assert "“Figures” has a link, “See the figures”, that does not open: the page is not there (404)." in page
        assert "Every link was opened within a day." in page
        check(author, newsroom)
        assert len(opened) == 2
        # A link that is dead for programs alone may stay, with a reason.
        assert (
            author.post(
                f"/staff/editions/{newsroom.edition}/check", {"finding": keys(page)[0], "reason": "It opens for people"}
            ).status_code
            == 303
        )
        require_open(newsroom)

    def test_a_link_into_our_own_network_is_refused(self, author: Desk, newsroom: Newsroom) -> None:
        """Without a network too: the address stands in the link."""
        add(author, newsroom, "Inside", evidence_url="https://127.0.0.1", evidence_label="See the figures")
        with newsroom.runtime.db.transaction() as session:
            session.execute(sa.text("UPDATE partnership SET help_text = 'Call 01632 960000.'"))
        author.post(f"/staff/editions/{newsroom.edition}/check/links", {})
        assert "it leads to an address that readers cannot reach" in check(author, newsroom)


def test_an_approver_sees_the_reasons_and_gives_none(desk: Sit, author: Desk, newsroom: Newsroom) -> None:
    add(author, newsroom, "Long", parent_body="word " * 30 + ".")
    with newsroom.runtime.db.transaction() as session:
        publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
    page = check(desk(StaffRole.APPROVER), newsroom)
    assert "a sentence of 31 words" in page
    assert "Give a reason" not in page
    # While it waits, its author may still say why something may stay.
    answer = author.post(
        f"/staff/editions/{newsroom.edition}/check", {"finding": keys(check(author, newsroom))[0], "reason": "A list"}
    )
    assert answer.status_code == 303


def keys(page: str) -> list[str]:
    return re.findall(r'name="finding" value="(\w{64})"', page)
