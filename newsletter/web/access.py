"""One log line and one count for each request: the route's template, the status, the time taken. Never the path, which
may hold a personal link, and never an address."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCounts:
    """What `/metrics` shows of requests; one registry for each application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("newsletter_requests", "Requests answered", labels, registry=self.registry)
        self._seconds = Histogram(
            "newsletter_request_seconds", "Time to answer a request", ("route",), registry=self.registry
        )

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class AccessLog:
    """The middleware. The router leaves the matched route in the scope."""

    def __init__(self, app: ASGIApp, *, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            seconds = time.perf_counter() - started
            found = getattr(scope.get("route"), "path", None)
            route = scope.get("root_path", "") + found if found else "(none)"  # below /api there is a router of its own
            method = scope["method"]
            self._counts.record(method, route, status, seconds)
            log.info(
                "Answered a request",
                extra={"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)},
            )
