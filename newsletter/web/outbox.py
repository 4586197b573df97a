"""Development only: reads what the `outbox` provider kept, so that the whole path can be walked in a browser.

Anywhere else these pages do not exist. A message's HTML is shown in a sandboxed frame with an address and a content
security policy of its own: nothing in it can run, and nothing is fetched.
"""

import base64
import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime

router = APIRouter()

#: Messages on one page of the list.
PAGE_LENGTH = 50

_NAME = re.compile(r"[\w-]+\.eml")
_SHOWN_HEADERS = ("Subject", "From", "To", "Reply-To", "Date", "List-Id", "List-Unsubscribe", "Auto-Submitted")
_FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One message in the list."""

    name: str
    subject: str
    to: str
    date: str


@router.get("/outbox")
def kept_messages(request: Request, runtime: TheRuntime, pages: ThePages, page: str = "1") -> Response:
    names = _names(runtime)
    number = max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    some = names[(number - 1) * PAGE_LENGTH : number * PAGE_LENGTH]
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "outbox.html",
            site.current(session),
            messages=[kept for kept in (_summary(runtime, name) for name in some) if kept],
            total=len(names),
            number=number,
            has_more=len(names) > number * PAGE_LENGTH,
        )


@router.get("/outbox/{name}")
def kept_message(name: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    message = _read(runtime, name)
    text = message.get_body(("plain",))
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "outbox-message.html",
            site.current(session),
            name=name,
            subject=str(message.get("Subject", "")),
            fields=[(header, str(value)) for header in _SHOWN_HEADERS if (value := message.get(header))],
            text=_text_with_links(text.get_content() if text else ""),
            has_html=message.get_body(("html",)) is not None,
        )


@router.get("/outbox/{name}/html")
def kept_html(name: str, runtime: TheRuntime) -> Response:
    message = _read(runtime, name)
    body = message.get_body(("html",))
    if body is None:
        raise NotFound("This message has no HTML part.")
    html: str = _with_pictures(body.get_content(), message)
    # Links open in a tab of their own: the frame they stand in may not go anywhere.
    html = re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
    return HTMLResponse(html, headers={"content-security-policy": _FRAME_POLICY})


def _directory(runtime: Runtime) -> Path:
    settings = runtime.settings
    if settings.is_production or settings.mail_provider != "outbox":
        raise NotFound("There is no outbox here.")
    return settings.data_dir / "outbox"


def _names(runtime: Runtime) -> list[str]:
    """Names sort by time; newest first."""
    directory = _directory(runtime)
    if not directory.is_dir():
        return []
    return sorted((path.name for path in directory.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _summary(runtime: Runtime, name: str) -> Kept | None:
    try:
        with (_directory(runtime) / name).open("rb") as file:
            headers = BytesHeaderParser(policy=policy.default).parse(file)
    except OSError:  # cleared away meanwhile
        return None
    return Kept(name, str(headers.get("Subject", "(no subject)")), str(headers.get("To", "")), str(headers["Date"]))


def _read(runtime: Runtime, name: str) -> EmailMessage:
    directory = _directory(runtime)
    if not _NAME.fullmatch(name):
        raise NotFound("There is no such message.")
    try:
        content = (directory / name).read_bytes()
    except OSError:
        raise NotFound("There is no such message.") from None
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    return message


def _text_with_links(text: str) -> list[tuple[str, str]]:
    """The text in pieces: (words, "") or (address, address)."""
    pieces = re.split(r"(https?://[^\s<>\"]+[^\s<>\".,;:!?)\]])", text)
    return [(piece, piece if index % 2 else "") for index, piece in enumerate(pieces) if piece]


def _with_pictures(html: str, message: EmailMessage) -> str:
    """Pictures travel inside the message; a frame can show them as data only."""
    for part in message.walk():
        content_id = str(part.get("Content-ID", "")).strip("<>")
        if content_id and part.get_content_maintype() == "image":
            payload = part.get_payload(decode=True)
            data = base64.b64encode(payload if isinstance(payload, bytes) else b"").decode()
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{data}")
    return html
