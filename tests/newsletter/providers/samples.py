"""A message and recipients to send with any provider."""

from newsletter.providers.base import Message, Recipient

MESSAGE = Message(
    subject="SEND news",
    markdown="Hello.\n\nStop these emails: [[leave_url]]",
    html="<p>Hello</p>",
    text="Hello",
    sender="SEND news <news@example.org>",
    reply_to="team@example.org",
)


def recipient(number: int = 0, *, address: str | None = None, mime: bytes | None = None) -> Recipient:
    address = address or f"reader-{number}@example.org"
    content = f"From: news@example.org\r\nTo: {address}\r\nSubject: SEND news\r\n\r\nHello\r\n.dot\r\n"
    url = f"https://news.example.org/leave/{number}"
    return Recipient(
        key=f"key-{number}",
        address=address,
        slots={"leave_url": url},
        mime=content.encode() if mime is None else mime,
        leave_url=url,
    )
