"""Looking at an edition as readers will, and sending a test of it."""

from collections.abc import Callable
from dataclasses import replace
from email import policy
from email.parser import BytesParser

import pytest
from sqlmodel import Session, select

from newsletter.delivery import trial
from newsletter.delivery.models import Delivery
from newsletter.staff.models import AuditEntry, StaffRole
from tests.fakes import MailServer
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import Newsroom

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("phone", "preview/html?as=phone"),
        ("desktop", "preview/html?as=desktop"),
        ("dark", "preview/html?as=dark"),
        ("no-pictures", "preview/html?as=no-pictures"),
        ("web", "/preview/web"),
        ("text", "AS READERS SEE IT"),
        ("notify", "This is the text for GOV.UK Notify"),
        ("nonsense", "preview/html?as=phone"),
    ],
)
def test_each_way_to_look_has_an_address(author: Desk, newsroom: Newsroom, view: str, shown: str) -> None:
    page = author.get(f"/staff/editions/{newsroom.edition}/preview?as={view}").text
    assert (shown in page) or view == "text"
    assert "More help by phone" in page


def test_the_frame_has_a_policy_of_its_own(author: Desk, newsroom: Newsroom) -> None:
    for path in ("html", "html?as=no-pictures", "web"):
        answer = author.get(f"/staff/editions/{newsroom.edition}/preview/{path}")
        policy_said = answer.headers["content-security-policy"]
        assert policy_said.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
        assert "script-src" not in policy_said
        assert "frame-ancestors 'self'" in policy_said
        assert "<script" not in answer.text
        assert '<base target="_blank">' in answer.text
        assert "[[leave_url]]" not in answer.text
    assert (
        "img-src 'none'"
        in author.get(f"/staff/editions/{newsroom.edition}/preview/html?as=no-pictures").headers[
            "content-security-policy"
        ]
    )


def test_the_dark_frame_is_dark_on_every_device(author: Desk, newsroom: Newsroom) -> None:
    here = f"/staff/editions/{newsroom.edition}/preview/html"
    assert "prefers-color-scheme" in author.get(here).text
    assert "prefers-color-scheme" not in author.get(f"{here}?as=dark").text


class TestSendingATest:
    def kept(self, door: Door) -> list[bytes]:
        return [path.read_bytes() for path in sorted((door.runtime.settings.data_dir / "outbox").glob("*.eml"))]

    def send(self, author: Desk, newsroom: Newsroom, address: str) -> tuple[int, str]:
        answer = author.post(f"/staff/editions/{newsroom.edition}/preview/test", {"address": address})
        return answer.status_code, answer.text

    def test_it_reaches_a_colleague_marked_and_touches_no_ledger(
        self, door: Door, author: Desk, newsroom: Newsroom
    ) -> None:
        assert self.send(author, newsroom, "author@example.org")[0] == 303
        (raw,) = self.kept(door)
        message = BytesParser(policy=policy.default).parsebytes(raw)
        assert message["Subject"].startswith("[Test] SEND news:")
        assert message["To"] == "author@example.org"
        assert "More help by phone" in message.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
        with door.runtime.db.reading() as session:
            assert session.exec(select(Delivery)).all() == []
            assert [entry.action for entry in entries(session)] == ["send test"]
            assert "@" not in "".join(entry.detail + entry.about for entry in entries(session))

    @pytest.mark.parametrize(
        "address", ["parent@example.org", "", "nonsense", "author@example.org\r\nBcc: a@example.org"]
    )
    def test_nobody_else_gets_one(self, door: Door, author: Desk, newsroom: Newsroom, address: str) -> None:
        status, page = self.send(author, newsroom, address)
        assert status == 422
        assert "There is a problem" in page
        assert self.kept(door) == []

    def test_the_operator_allows_more_mailboxes(self, door: Door, newsroom: Newsroom) -> None:
        settings = door.runtime.settings.model_copy(update={"test_recipients": "One@example.org, @tests.example.org"})
        runtime = replace(door.runtime, settings=settings)
        with runtime.db.reading() as session:
            for address, expected in (
                ("one@example.org", True),
                ("any@tests.example.org", True),
                ("any@sub.tests.example.org", False),
                ("two@example.org", False),
            ):
                assert trial.may_have(session, runtime, address) is expected, address

    def test_there_is_an_end_to_it(self, author: Desk, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trial, "MOST_PER_HOUR", 2)
        assert [self.send(author, newsroom, "author@example.org")[0] for _ in range(3)] == [303, 303, 429]

    def test_a_mail_server_that_refuses_is_quoted(
        self, door: Door, author: Desk, newsroom: Newsroom, mail_server: MailServer
    ) -> None:
        values = {"smtp_host": "127.0.0.1", "smtp_port": "1", "smtp_tls": "none"}
        settings = door.runtime.settings.model_copy(update={"mail_provider": "smtp", "provider_values": values})
        door.app.state.runtime = replace(door.runtime, settings=settings)
        status, page = self.send(author, newsroom, "author@example.org")
        assert status == 422
        assert "The test was not sent. smtp said:" in page
        values["smtp_port"] = str(mail_server.port)
        assert self.send(author, newsroom, "author@example.org")[0] == 303
        assert mail_server.copies() == {"author@example.org": 1}


def entries(session: Session) -> list[AuditEntry]:
    return list(session.exec(select(AuditEntry)))
