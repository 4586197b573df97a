"""A reply becomes feedback without its sender, in the ways that real mail programs write it."""

from email.message import EmailMessage
from email.policy import SMTP

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
    assert replies.read(mail(WORDS + below)) == WORDS


def test_answers_between_quoted_lines_stay() -> None:
    text = "> You can call until 6pm\nI could not.\n> on weekdays\nNot on Friday.\n"
    assert replies.read(mail(text)) == "I could not.\nNot on Friday."


def test_a_sentence_that_thanks_or_begins_with_on_is_not_cut_off() -> None:
    text = "Thank you\nfor the helpline.\n" + "It helps.\n" * 9 + "On Monday my son wrote: I like it."
    assert replies.read(mail(text)) == text


def test_the_senders_names_are_taken_out_of_the_words() -> None:
    text = "My name is Will Brown and I will say it again: BROWN. Ask will.brown@example.org"
    said = replies.read(mail(text, sender='"Brown, Will" <will.brown@example.org>'))
    assert said == "My name is (name) (name) and I will say it again: (name). Ask (email address)"
    assert replies.read(mail("I am Jane.", sender="jane.smith@example.org")) == "I am (name)."


def test_html_alone_is_read_without_its_quotation() -> None:
    html = (
        "<html><head><style>p{color:red}</style></head><body><p>The helpline is <b>good</b>.</p><p>Thanks</p>"
        '<div class="gmail_quote">On Tue someone wrote:<blockquote>52 in every 100</blockquote></div></body></html>'
    )
    assert replies.read(mail(html=html)) == "The helpline is good."


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


def test_a_long_reply_is_cut() -> None:
    assert len(replies.read(mail("word " * 3000))) <= replies.MAXIMUM_LENGTH


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
        text = replies.read(content)
    except InvalidInput:
        return
    assert text
    assert "@example.org" not in text
