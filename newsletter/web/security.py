"""Headers that keep a page to itself, and the refusal of requests that another site makes in a reader's name.

Pure ASGI, so that streaming and error pages pass through the same door. Every response gets a content security policy
that allows nothing but our own files; scripts run only with this request's nonce. Personal links are in URLs, hence
`no-referrer`.
"""

import secrets
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.core.errors import NotAllowed

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_FIXED = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "cross-origin-opener-policy": "same-origin",
}


def content_security_policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


class SecurityHeaders:
    """Makes the nonce and adds the headers. A response that carries a policy of its own keeps it."""

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        self._app = app
        self._fixed = dict(_FIXED)
        if https_only:
            self._fixed["strict-transport-security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", content_security_policy(nonce))
                headers.setdefault("cache-control", "no-store")
                for name, value in self._fixed.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD as GET without the body, on every page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether another site's page sent this: `Sec-Fetch-Site` says so, or, in older browsers, `Origin`.

    Our own pages send `Origin: null`, because of `no-referrer`; so null alone says nothing.
    """
    if method in _SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin != "null" and urlsplit(origin).netloc != headers.get("host")


_T = TypeVar("_T", bound=Callable[..., object])


def open_to_other_sites(endpoint: _T) -> _T:
    """Mark a route that other sites may post to: one-click leaving (RFC 8058) and the sign-up forms, which carry no
    authority of the reader's."""
    endpoint.open_to_other_sites = True  # type: ignore[attr-defined]
    return endpoint


def refuse_foreign(request: Request) -> None:
    """A dependency of every route. Raises `NotAllowed`."""
    endpoint = request.scope.get("endpoint")
    if is_foreign(request.method, request.headers) and not getattr(endpoint, "open_to_other_sites", False):
        raise NotAllowed("This form was sent from another website. Open the page here and try again.")
