"""What keeps one visitor, or too many of them, from holding everybody up: limits of size, time and number.

A request is only begun once its body has arrived, so that those who send slowly take nobody's place.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anyio import to_thread
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


#: Larger bodies that are held in memory at the same time.
MOST_LARGE_BODIES = 2


@dataclass(frozen=True, slots=True)
class LargerBody:
    """How much more those who may (asked in a thread) can send to a path."""

    maximum_bytes: int
    may_send: Callable[[Request], bool]


class BodyInTime:
    """Waits for the whole body, not too large and not too long, then hands it on in one piece. 408 and 413 end the
    connection, for the rest of the body is still to come on it.

    `larger` bodies, by a pattern of the whole path, are for few: who may send one is asked first, and so many are held
    at once and no more. One that says it is no larger than others is like the others.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer: AnswersError,
        within_s: float,
        maximum_bytes: int = MAXIMUM_BODY_BYTES,
        larger: Mapping[str, LargerBody] | None = None,
    ) -> None:
        self._app = app
        self._answer = answer
        self._within_s = within_s
        self._maximum_bytes = maximum_bytes
        self._larger = [(re.compile(path), body) for path, body in (larger or {}).items()]
        self._large_bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        larger = self._larger_body(scope["path"]) if scope["method"] == "POST" else None
        if larger is None or self._says_small(scope) or not await to_thread.run_sync(larger.may_send, Request(scope)):
            await self._wait(scope, receive, send, self._maximum_bytes)
            return
        if self._large_bodies >= MOST_LARGE_BODIES:
            await self._end(503, scope, receive, send, {"retry-after": str(RETRY_AFTER_S)})
            return
        self._large_bodies += 1
        try:
            await self._wait(scope, receive, send, larger.maximum_bytes)
        finally:
            self._large_bodies -= 1

    def _larger_body(self, path: str) -> LargerBody | None:
        return next((body for pattern, body in self._larger if pattern.fullmatch(path)), None)

    def _says_small(self, scope: Scope) -> bool:
        length = dict(scope["headers"]).get(b"content-length", b"")
        return length.isdigit() and len(length) < 10 and int(length) <= self._maximum_bytes

    async def _wait(self, scope: Scope, receive: Receive, send: Send, maximum_bytes: int) -> None:
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
                    if size > maximum_bytes:
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

    async def _end(
        self, status: int, scope: Scope, receive: Receive, send: Send, more: Mapping[str, str] | None = None
    ) -> None:
        headers = {"connection": "close", **(more or {})}
        await self._answer(Request(scope), status, headers=headers)(scope, receive, send)


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
