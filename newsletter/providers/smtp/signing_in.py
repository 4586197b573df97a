"""Signing in (RFC 4954): PLAIN, LOGIN or XOAUTH2, only where nobody can listen."""

import base64
from collections.abc import Iterable

from newsletter.providers.smtp.dialogue import Dialogue, Reply

#: What `NEWSLETTER_SMTP_AUTH` may be beside "auto".
MECHANISMS = ("plain", "login", "xoauth2")
_CONTINUE = 334


def choose(wanted: str, offered: Iterable[str]) -> str | None:
    """The mechanism to use: the one wanted, or with "auto" the first of PLAIN and LOGIN that the server offers."""
    able = {name.lower() for name in offered}
    candidates = ("plain", "login") if wanted == "auto" else (wanted,)
    return next((name for name in candidates if name in able), None)


async def sign_in(dialogue: Dialogue, mechanism: str, username: str, password: str) -> Reply:
    """The server's answer: 235 when we are in. For XOAUTH2 `password` is the access token."""
    if mechanism == "plain":
        return await dialogue.ask(b"AUTH PLAIN " + _encoded(f"\0{username}\0{password}"))
    if mechanism == "xoauth2":
        reply = await dialogue.ask(b"AUTH XOAUTH2 " + _encoded(f"user={username}\1auth=Bearer {password}\1\1"))
        # The reason for a refusal comes as a challenge; an empty answer to it brings the refusal itself.
        return await dialogue.ask(b"") if reply.code == _CONTINUE else reply
    reply = await dialogue.ask(b"AUTH LOGIN")
    for answer in (username, password):
        if reply.code != _CONTINUE:
            return reply
        reply = await dialogue.ask(_encoded(answer))
    return reply


def _encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())
