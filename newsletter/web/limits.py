"""What keeps one visitor, or too many of them, from holding everybody up: limits of size, time and number.

A request is only begun once its body has arrived, so that those who send slowly take nobody's place.
"""

import asyncio
import logging

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.web.problems import AnswersError

log = logging.getLogger(__name__)

#: No form of ours, and no document of the API, comes near it.
MAXIMUM_BODY_BYTES = 64 * 1024

#: What to wait when the process has enough to do, in seconds.
RETRY_AFTER_S = 5

#: What watches over the process must get an answer above all when there is too much to do.
_ALWAYS_ANSWERED = frozenset({"/healthz", "/readyz", "/metrics"})


class BodyInTime:
    """Waits for the whole body, not too large and not too long, then hands it on in one piece. 408 and 413 end the
    connection, for the rest of the body is still to come on it."""

    def __init__(
        self, app: ASGIApp, *, answer: AnswersError, within_s: float, maximum_bytes: int = MAXIMUM_BODY_BYTES
    ) -> None:
        self._app = app
        self._answer = answer
        self._within_s = within_s
        self._maximum_bytes = maximum_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self._within_s):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    more = message.get("more_body", False)
                    if size > self._maximum_bytes:
                        return await self._end(413, scope, receive, send)
        except TimeoutError:
            return await self._end(408, scope, receive, send)
        whole: Message | None = {"type": "http.request", "body": b"".join(parts), "more_body": False}

        async def receive_whole() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        await self._app(scope, receive_whole, send)

    async def _end(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope), status, headers={"connection": "close"})(scope, receive, send)


class LimitConcurrency:
    """Says "come back in a moment" to whoever comes while so many requests are being answered, rather than let all of
    them wait. Liveness, readiness and metrics are always answered."""

    def __init__(self, app: ASGIApp, *, answer: AnswersError, most: int) -> None:
        self._app = app
        self._answer = answer
        self._most = most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._most:
            log.warning("A request was put off: %d are under way", self._under_way)
            response = self._answer(Request(scope), 503, headers={"retry-after": str(RETRY_AFTER_S)})
            await response(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
