"""A reply becomes feedback without its sender, in the ways that real mail programs write it."""

from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from newsletter.feedback import replies

WORDS = "The new helpline hours are good.\n\nBut nobody answers on Fridays."


def mail(
    text: str = WORDS,
    *,
    html: str | None = None,
    sender: str = "Jo Reader <jo.reader@example.org>",
    **headers: str,
) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, "send-news@example.org"
    message["Subject"] = "Re: More plans on time"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if html is not None:
        message.set_content(html, subtype="html")
    else:
        message.set_content(text)
    return bytes(message)


@pytest.mark.parametrize(
    "below",
    [
        "\n\nOn Tue, 3 Nov 2026 at 09:00, Example SEND news <news@example.org> wrote:\n\n> 52 in every 100",
        "\n\nOn Tue, 3 Nov 2026 at 09:00, Example SEND news from the partnership\n<news@example.org> wrote:\n> 52",
        "\n\n________________________________\nFrom: Example SEND news <news@example.org>\nSent: 03 November 2026",
        "\n\nFrom: Example SEND news <news@example.org>\nSent: 03 November 2026 09:00\nTo: Jo Reader\nSubject: More",
        "\n\n-----Original Message-----\nFrom: Example SEND news\n52 in every 100",
        "\n\n-- \nJo Reader\nHead of year\n01632 960123",
        "\n\nSent from my iPhone",
        "\n\nGet Outlook for iOS",
        "\n\nKind regards,\n\nJo Reader\nHead of year\n07700 900123",
        "\nThanks\nJo",
        "\n\nMany thanks!\nJo x\n\nOn 3 Nov 2026, at 09:00, Example SEND news <news@example.org> wrote:\n> 52",
        "\n> 52 in every 100\n> finished in time",
    ],
)
def test_what_is_quoted_and_who_signed_are_left_out(below: str) -> None:
    assert replies.read(mail(WORDS + below)).words == WORDS


def test_answers_between_quoted_lines_stay() -> None:
    text = "> You can call until 6pm\nI could not.\n> on weekdays\nNot on Friday.\n"
    assert replies.read(mail(text)).words == "I could not.\nNot on Friday."


def test_a_sentence_that_thanks_or_begins_with_on_is_not_cut_off() -> None:
    text = "Thank you\nfor the helpline.\n" + "It helps.\n" * 9 + "On Monday my son wrote: I like it."
    assert replies.read(mail(text)).words == text


def test_the_senders_names_are_taken_out_of_the_words() -> None:
    text = "My name is Will Brown and I will say it again: BROWN. Ask will.brown@example.org"
    said = replies.read(mail(text, sender='"Brown, Will" <will.brown@example.org>')).words
    assert said == "My name is (name) (name) and I will say it again: (name). Ask (email address)"
    assert replies.read(mail("I am Jane.", sender="jane.smith@example.org")).words == "I am (name)."


def test_html_alone_is_read_without_its_quotation() -> None:
    html = (
        "<html><head><style>p{color:red}</style></head><body><p>The helpline is <b>good</b>.</p><p>Thanks</p>"
        '<div class="gmail_quote">On Tue someone wrote:<blockquote>52 in every 100</blockquote></div></body></html>'
    )
    assert replies.read(mail(html=html)).words == "The helpline is good."


@pytest.mark.parametrize(
    "content",
    [
        mail(Auto_Submitted="auto-replied"),
        mail("> only quoted\n"),
        mail("\n"),
        b"Content-Type: multipart/report; boundary=b\n\n--b--\n",
        b"",
    ],
)
def test_what_no_person_wrote_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        replies.read(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 Outlook", "Outlook’s own"),
        (b"PK\x03\x04 a document", "not an email"),
        (b"%PDF-1.7 a document", "not an email"),
        (b"\x89PNG\r\n\0\0 a picture", "not an email"),
    ],
)
def test_what_is_no_mail_is_refused_by_name(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        replies.read(content)


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        ("Re: More plans on time", "Re: More plans on time"),
        ("=?utf-8?q?Re=3A_Pl=C3=A4ne?= =?utf-8?q?_on_time?=", "Re: Pläne on time"),
        ("Re: More\r\n plans", "Re: More plans"),
        ("=?nonsense?q?Re=3A?=", "=?nonsense?q?Re=3A?="),
        ("x" * 9000, "x" * 500),
        ("", ""),
    ],
)
def test_the_subject_is_read_as_words(subject: str, read: str) -> None:
    assert replies.read(f"From: jo@example.org\r\nSubject: {subject}\r\n\r\n{WORDS}".encode()).subject == read


def test_the_name_in_an_encoded_header_is_taken_out() -> None:
    sender = "=?utf-8?q?Brown=2C_J=C3=B6rg?= <j.b@example.org>"
    content = f"From: {sender}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nI am Jörg Brown.".encode()
    assert replies.read(content).words == "I am (name) (name)."


def test_words_before_attachments_are_read_and_attached_mails_are_not() -> None:
    message = EmailMessage(policy=SMTP)
    message["From"] = "jo@example.org"
    message.set_content(WORDS)
    message.add_attachment(b"\1" * 600_000, maintype="image", subtype="jpeg", filename="photo.jpg")
    message.add_attachment("Somebody else wrote this.", filename="notes.txt")
    other = EmailMessage()
    other.set_content("Nor this.")
    message.add_attachment(other)
    assert replies.read(bytes(message)).words == WORDS
    message.set_payload(message.get_payload()[1:])
    with pytest.raises(InvalidInput):
        replies.read(bytes(message))


FROM = b"From: a@example.org\n"
HTML = FROM + b"Content-Type: text/html\n\n"


@pytest.mark.parametrize(
    "content",
    [
        FROM + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5_000)),
        FROM + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(19))
        + b"\na" * 3_000_000,
        FROM + b"Content-Type: message/rfc822\n\n" * 50_000,
        FROM + b"Content-Type: " + b"a;b*0=c;" * 200_000 + b"\n\nhello",
        FROM + b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 300_000,
        b"From: " + b"(" * 300_000 + b"\n\nhello",
        b"From: " + b"x " * 300_000 + b"<a@example.org>\n\n" + b"hello " * 100_000,
        b"Subject: " + b"=?utf-8?q?" * 300_000 + b"\n\nhello",
        FROM + b"\n<" + b"a@" * 300_000,
        FROM + b"\n" + b"On\n" * 300_000,
        FROM + b"\n" + b"0 " * 300_000,
        HTML + b"<" * 300_000,
        HTML + b"<!--" * 300_000,
        HTML + b"<![a " * 300_000,
        HTML + b"<a " * 300_000,
        HTML + b"&#" + b"9" * 300_000 + b";",
        HTML + b"<style>" * 300_000,
        HTML + b"<b> " * 300_000,
        HTML + b"&nbsp;" * 300_000,
    ],
)  # fmt: skip
def test_mails_that_were_made_to_be_slow_are_not(content: bytes) -> None:
    """Each of them took from seconds to minutes once, or broke the parser."""
    started = process_time()
    with suppress(InvalidInput):
        replies.read(content)
    assert process_time() - started < 10


def test_a_long_reply_is_cut() -> None:
    assert len(replies.read(mail("word " * 3000)).words) <= replies.MAXIMUM_LENGTH


@given(
    st.one_of(
        st.binary(max_size=500),
        st.builds(
            lambda kind, body: b"From: a@example.org\nContent-Type: " + kind + b"\n\n" + body,
            st.sampled_from(
                [
                    b"text/plain; charset=nonsense",
                    b"text/html",
                    b"text/plain; charset=utf-16",
                    b"multipart/mixed; boundary=b",
                    b"multipart/alternative",
                    b"message/rfc822",
                    b"text/plain; charset=utf-8\nContent-Transfer-Encoding: base64",
                ]
            ),
            st.binary(max_size=300),
        ),
    )
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        text = replies.read(content).words
    except InvalidInput:
        return
    assert text
    assert "@example.org" not in text
