"""Whatever a mail says, a mail program reads back exactly that, for exactly one recipient."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from newsletter.rendering import message
from newsletter.rendering.engine import render
from newsletter.rendering.mails import SLOTS, InlinePicture, Rendered
from newsletter.rendering.message import CompiledMessage
from tests.newsletter.rendering.samples import MAILS, SLOT_VALUES

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
HEADERS = {
    "List-Id": "SEND news for parents and carers <parents.news.example.org>",
    "Feedback-ID": "edition-1:parents:newsletter:example",
}
LEAVE = SLOT_VALUES["leave_url"]

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
PIECES = st.sampled_from(
    [f"[[{name}]]" for name in sorted(SLOTS)]
    + [
        ".",
        "\n.",
        "\nFrom ",
        "From ",
        "=",
        "é",
        "\n",
        "\r\n",
        "x" * 74,
        "x" * 75,
        "x" * 76,
        " ",
        "\t",
        " \n",
        "--",
        "[[",
        "🙂",
    ]
)
BODIES = st.one_of(ANY_TEXT, st.lists(PIECES, max_size=20).map("".join))
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)


def compiled(rendered: Rendered, **changes: object) -> CompiledMessage:
    given_: dict[str, object] = {
        "sender": "Oxfordshire SEND news <news@example.org>",
        "reply_to": "send@example.org",
        "headers": HEADERS,
        "date": NOW,
    }
    return message.compile(rendered, **(given_ | changes))  # type: ignore[arg-type]


def filled(mail: CompiledMessage, **changes: object) -> bytes:
    values: dict[str, object] = {"to": "reader@example.org", "message_id": "d1.e2@example.org", "slots": SLOT_VALUES}
    return bytes(mail.fill(**(values | changes)))  # type: ignore[arg-type]


def parsed(raw: bytes) -> EmailMessage:
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def body(read: EmailMessage, kind: str) -> str:
    part = read.get_body((kind,))
    assert part is not None
    assert not part.defects
    return str(part.get_content()).replace("\r\n", "\n")


def with_slots(text: str, slots: dict[str, str]) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return message.MARK.sub(lambda mark: slots[mark[1]], text)


def check_wire(raw: bytes, longest: int = 998) -> None:
    assert raw.endswith(b"\r\n")
    assert b"\0" not in raw
    for line in raw.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert len(line) <= longest
        assert not line.startswith((b".", b"From "))


class TestAnyMail:
    @given(BODIES, BODIES, st.fixed_dictionaries(dict.fromkeys(sorted(SLOTS), VALUES)))
    @example(text="", html="", slots=SLOT_VALUES)
    @example(text="[[code]]", html="[[code]][[code]]", slots=SLOT_VALUES | {"code": ".From "})
    @example(text="a [[code]]\n", html=" [[code]] \n", slots=SLOT_VALUES | {"code": "From =é" * 20})
    def test_it_is_read_back_exactly(self, text: str, html: str, slots: dict[str, str]) -> None:
        raw = filled(compiled(Rendered("A subject", html, text, "")), slots=slots, leave_url=LEAVE)
        check_wire(raw)
        assert max(len(line) for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 76
        read = parsed(raw)
        assert body(read, "plain") == with_slots(text, slots)
        assert body(read, "html") == with_slots(html, {name: escape(value) for name, value in slots.items()})
        assert read.get_all("To") == ["reader@example.org"]
        assert read["Cc"] is None
        assert read["Bcc"] is None

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200))
    @example("=?utf-8?q?Bcc?=")
    @example("two  spaces ")
    @example("More plans on time – and 11 new people in the SEND team, with a long line to fold after it")
    def test_a_subject_is_read_back_exactly(self, subject: str) -> None:
        raw = filled(compiled(Rendered(subject, "h", "t", "")))
        check_wire(raw)
        assert all(len(line) <= 78 for line in raw.split(b"\r\n") if b" " in line.strip())
        assert parsed(raw)["Subject"] == subject

    @pytest.mark.parametrize("name", MAILS)
    def test_our_mails_are_read_back_exactly(self, name: str) -> None:
        rendered = render(MAILS[name])
        raw = filled(compiled(rendered), leave_url=LEAVE)
        check_wire(raw)
        read = parsed(raw)
        assert read["Subject"] == rendered.subject
        assert read.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
        assert body(read, "plain") == with_slots(rendered.text, SLOT_VALUES)
        assert body(read, "html") == with_slots(rendered.html, SLOT_VALUES)

    def test_the_same_mail_compiles_to_the_same_bytes(self) -> None:
        rendered = render(MAILS["edition"])
        assert compiled(rendered) == compiled(rendered)


class TestHead:
    MAIL = Rendered("A subject", "<p>[[leave_url]]</p>", "[[leave_url]]", "")

    def test_it_has_what_every_message_needs(self) -> None:
        read = parsed(
            filled(compiled(self.MAIL), leave_url=LEAVE, leave_mailto="mailto:send@example.org?subject=stop%20x")
        )
        assert read["From"].addresses[0].addr_spec == "news@example.org"
        assert read["From"].addresses[0].display_name == "Oxfordshire SEND news"
        assert read["Reply-To"] == "send@example.org"
        assert read["Date"].datetime == NOW
        assert read["Message-ID"] == "<d1.e2@example.org>"
        assert read["MIME-Version"] == "1.0"
        assert read["List-Id"] == HEADERS["List-Id"]
        assert read["List-Unsubscribe"] == f"<{LEAVE}>, <mailto:send@example.org?subject=stop%20x>"
        assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_without_a_leave_link_there_is_no_one_click(self) -> None:
        read = parsed(filled(compiled(self.MAIL)))
        assert read["List-Unsubscribe"] is None
        assert read["List-Unsubscribe-Post"] is None

    @pytest.mark.parametrize(
        "name", ["Conseil d'Oxford – édition", "Müller, SEND (news)", "a, b", 'He said "hi"', "x" * 90, "日本語" * 4]
    )
    def test_a_display_name_is_read_back_exactly(self, name: str) -> None:
        raw = filled(compiled(self.MAIL, sender=f"{name} <news@example.org>"))
        check_wire(raw)
        (address,) = parsed(raw)["From"].addresses
        assert (address.display_name, address.addr_spec) == (name, "news@example.org")

    def test_an_identifier_stays_outside_encoded_words(self) -> None:
        raw = filled(compiled(self.MAIL, headers={"List-Id": "Neuigkeiten für Eltern <parents.news.example.org>"}))
        assert b" <parents.news.example.org>\r\n" in raw
        assert parsed(raw)["List-Id"] == "Neuigkeiten für Eltern <parents.news.example.org>"

    def test_an_international_domain_is_written_in_ascii(self) -> None:
        assert b"\r\nTo: reader@xn--bcher-kva.example.org\r\n" in filled(
            compiled(self.MAIL), to="reader@bücher.example.org"
        )

    def test_an_international_local_part_stands_in_utf8(self) -> None:
        raw = filled(compiled(self.MAIL), to="jürgen@bücher.example.org")
        assert "\r\nTo: jürgen@bücher.example.org\r\n".encode() in raw

    @pytest.mark.parametrize(
        "to",
        [
            "",
            "nobody",
            "a@b\r\nBcc: c@example.org",
            "a@example.org, b@example.org",
            "A <a@example.org>",
            "a@example.org\0",
        ]
        + [
            "a b@example.org",
            '"a b"@example.org',
            "a@-example.org",
            "@example.org",
            "a@",
            "é,b@example.org",
            "a@é..org",
        ],
    )
    def test_what_is_not_one_address_is_refused_and_not_repeated(self, to: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            filled(compiled(self.MAIL), to=to)
        assert not to or to not in str(refused.value)

    @pytest.mark.parametrize("bad", ["x\r\nBcc: a@example.org", "x\ny", "x\0y", "x\x85y", "x\u2028y"])
    def test_no_value_can_start_another_header(self, bad: str) -> None:
        for changes in ({"sender": f"{bad} <n@example.org>"}, {"reply_to": bad}, {"headers": {"List-Id": bad}}):
            with pytest.raises(InvalidInput):
                compiled(self.MAIL, **changes)
        with pytest.raises(InvalidInput):
            compiled(Rendered(bad, "h", "t", ""))
        for changes in (
            {"message_id": f"{bad}@example.org"},
            {"leave_url": f"https://example.org/{bad}"},
            {"leave_url": LEAVE, "leave_mailto": f"mailto:{bad}"},
            {"slots": SLOT_VALUES | {"leave_url": bad}},
        ):
            with pytest.raises(InvalidInput):
                filled(compiled(self.MAIL), **changes)

    @pytest.mark.parametrize("name", ["To", "bcc", "Content-Type", "List-Unsubscribe", "Bad Name", "X:Y", ""])
    def test_headers_of_ours_and_names_that_are_none_are_refused(self, name: str) -> None:
        with pytest.raises(InvalidInput):
            compiled(self.MAIL, headers={name: "x"})

    def test_a_word_that_no_line_can_hold_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="too long"):
            compiled(self.MAIL, headers={"Feedback-ID": "x" * 1000})

    def test_a_date_without_its_zone_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="time zone"):
            compiled(self.MAIL, date=datetime(2026, 11, 3))  # noqa: DTZ001


class TestSlots:
    def test_a_message_says_what_it_needs(self) -> None:
        assert compiled(render(MAILS["confirm"])).slots == {"confirm_url", "code"}
        assert compiled(render(MAILS["edition"])).slots == {"leave_url", "manage_url"}
        assert compiled(render(MAILS["goodbye"])).slots == set()

    def test_a_missing_value_is_named(self) -> None:
        with pytest.raises(InvalidInput, match="manage_url"):
            filled(compiled(render(MAILS["edition"])), slots={"leave_url": LEAVE})

    def test_a_value_is_escaped_in_html_only(self) -> None:
        mail = compiled(Rendered("s", '<a href="[[leave_url]]">', "[[leave_url]]", ""))
        read = parsed(filled(mail, slots={"leave_url": 'https://example.org/?a=1&b="><script>'}))
        assert body(read, "plain") == 'https://example.org/?a=1&b="><script>'
        assert body(read, "html") == '<a href="https://example.org/?a=1&amp;b=&quot;&gt;&lt;script&gt;">'

    def test_one_fill_leaves_nothing_for_the_next(self) -> None:
        mail = compiled(render(MAILS["confirm"]))
        one = filled(mail, slots=SLOT_VALUES | {"code": "111111"})
        other = filled(mail, slots=SLOT_VALUES | {"code": "222222"})
        assert (one.count(b"111111"), other.count(b"111111"), other.count(b"222222")) == (2, 0, 2)


PICTURES = (
    InlinePicture("a" * 64, bytes(range(256)) * 40, "image/jpeg", "jpg"),
    InlinePicture("b" * 64, b"\r\n.\r\nFrom somebody\r\n", "image/png", "png"),
)
SHOWING = "".join(f'<p><img src="{picture.cid}" alt="" /></p>' for picture in PICTURES)


class TestPictures:
    def mail(self, html: str = SHOWING, pictures: tuple[InlinePicture, ...] = PICTURES) -> Rendered:
        return Rendered("News", f'{html}<a href="[[leave_url]]">Stop</a>', "Stop: [[leave_url]]", "", pictures)

    def test_they_stand_behind_the_html_that_shows_them(self) -> None:
        raw = bytes(compiled(self.mail()).fill(to="a@example.org", message_id="1@example.org", slots=SLOT_VALUES))
        message_ = email.message_from_bytes(raw, policy=email.policy.default)
        plain, related = message_.iter_parts()  # type: ignore[attr-defined]
        assert (plain.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
        html, *pictures = related.iter_parts()
        assert html.get_content_type() == "text/html"
        assert LEAVE in html.get_content()
        assert [part.get_content() for part in pictures] == [picture.content for picture in PICTURES]
        assert [part["Content-ID"] for part in pictures] == [f"<{'a' * 64}@pictures>", f"<{'b' * 64}@pictures>"]
        assert [part.get_content_type() for part in pictures] == ["image/jpeg", "image/png"]
        assert {part.get_content_disposition() for part in pictures} == {"inline"}
        assert not any(part.defects for part in message_.walk())

    @given(st.lists(st.binary(max_size=500), max_size=4))
    def test_any_bytes_are_read_back(self, contents: list[bytes]) -> None:
        pictures = tuple(
            InlinePicture(f"{number:064x}", content, "image/png", "png") for number, content in enumerate(contents)
        )
        html = "".join(f'<img src="{picture.cid}" alt="" />' for picture in pictures)
        filled = compiled(self.mail(html, pictures)).fill(
            to="a@example.org", message_id="1@example.org", slots=SLOT_VALUES
        )
        raw = bytes(filled)
        assert filled.size_bytes == len(raw)
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        found = [
            part.get_content()
            for part in email.message_from_bytes(raw, policy=email.policy.default).walk()
            if part.get_content_maintype() == "image"
        ]
        assert found == contents

    def test_nothing_personal_stands_in_them(self) -> None:
        assert compiled(self.mail()).slots == {"leave_url"}

    @pytest.mark.parametrize(
        ("html", "pictures"),
        [
            (SHOWING, PICTURES[:1]),
            (SHOWING, ()),
            ("<p>None</p>", PICTURES),
            ('<img src="https://example.org/pixel.gif" alt="" />', ()),
            ('<img class="a" src="//example.org/pixel.gif" alt="" />', ()),
        ],
    )
    def test_what_would_be_missing_or_fetched_from_elsewhere_is_refused(
        self, html: str, pictures: tuple[InlinePicture, ...]
    ) -> None:
        with pytest.raises(InvalidInput, match="other pictures than travel inside it"):
            compiled(self.mail(html, pictures))
