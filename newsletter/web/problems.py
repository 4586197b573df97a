"""The one place where errors become status codes and pages. A reader gets a plain sentence, never a traceback.

Nothing typed is echoed here: forms that can be mended are shown again by their own routes; what reaches this module
could not be dealt with there.
"""

import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.core.errors import (
    ExpiredToken,
    InvalidInput,
    InvalidToken,
    NewsletterError,
    NotAllowed,
    NotFound,
    ProviderRefused,
    TooMany,
    WrongState,
)
from newsletter.web.pages import Pages
from newsletter.web.site import UNNAMED, current

log = logging.getLogger(__name__)

#: What to wait after the database did not answer, in seconds.
RETRY_AFTER_S = 60

#: The most telling class first.
_STATUS: tuple[tuple[type[NewsletterError], int], ...] = (
    (ExpiredToken, 410),
    (InvalidToken, 404),
    (NotFound, 404),
    (InvalidInput, 422),
    (NotAllowed, 403),
    (WrongState, 409),
    (TooMany, 429),
    (ProviderRefused, 503),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a problem page says."""

    title: str
    advice: tuple[str, ...]


_PROBLEMS = {
    400: Problem("We could not read that form", ("Go back, check what you typed and send it again.",)),
    403: Problem("That did not come from this website", ("Open the page here and try again.",)),
    404: Problem(
        "Page not found",
        (
            "If you typed the web address, check that it is correct.",
            "If you followed a link in one of our emails, copy the whole link and paste it into your browser.",
        ),
    ),
    405: Problem("This page cannot do that", ("Go back and use the buttons on the page.",)),
    408: Problem("That took too long to arrive", ("Check your connection. Go back and send it again.",)),
    409: Problem("That cannot be done now", ("Somebody may have been quicker. Go back and load the page again.",)),
    410: Problem("This link has expired", ("Sign up again to get a new one.",)),
    413: Problem("That is too much to send", ("Go back, shorten what you typed and send it again.",)),
    422: Problem("Something needs to be mended", ("Go back, check what you typed and send it again.",)),
    429: Problem(
        "Too many forms from your network",
        ("This sometimes happens where many people share a connection, such as a school.", "Try again in an hour."),
    ),
    500: Problem(
        "Sorry, something went wrong on our side",
        ("We have been told. Try again later.", "If you wanted to stop our emails, reply to any of them with “stop”."),
    ),
    503: Problem("Sorry, the service is busy", ("Nothing was lost; try again in a minute.",)),
}


class AnswersError(Protocol):
    """Answers an error in the way of the door that was knocked at: a page, or JSON."""

    def __call__(self, request: Request, status: int, *, headers: Mapping[str, str] | None = None) -> Response: ...


def page(pages: Pages, request: Request, status: int, *, headers: Mapping[str, str] | None = None) -> Response:
    """The page for a status."""
    problem = _PROBLEMS.get(status, _PROBLEMS[500 if status >= 500 else 400])
    if status < 500 and pages.last_site is UNNAMED:  # the first page anybody asked for does not exist
        with contextlib.suppress(SQLAlchemyError), request.app.state.runtime.db.reading() as session:
            return pages.show(
                request, "problem.html", current(session), status=status, headers=headers, problem=problem
            )
    return pages.show(request, "problem.html", status=status, headers=headers, problem=problem)


def status_of(error: NewsletterError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def retry_after(error: TooMany) -> dict[str, str]:
    """The header that says when the same request may succeed."""
    return {"retry-after": str(math.ceil(error.retry_after_s))}


def handle(app: FastAPI, pages: Pages) -> None:
    """Teach the application to answer every error with a page."""

    def newsletter_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, NewsletterError)
        status = status_of(error)
        headers = retry_after(error) if isinstance(error, TooMany) else {}
        if status >= 500:
            log.error("A request failed", exc_info=error)
        # The sentence is for whoever asked: always where staff work, elsewhere when it tells nothing of anybody.
        if isinstance(error, WrongState) or (status < 500 and request.url.path.startswith("/staff")):
            title = "You cannot do that" if status == 403 else _PROBLEMS[status].title
            problem, officer = Problem(title, (str(error),)), getattr(request.state, "officer", None)
            if officer is None:
                return pages.show(request, "problem.html", status=status, headers=headers, problem=problem)
            return pages.show(
                request,
                "staff/problem.html",
                status=status,
                headers=headers,
                problem=problem,
                officer=officer,
                back=_page_before(request),
            )
        return page(pages, request, status, headers=headers)

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return page(pages, request, error.status_code, headers=dict(error.headers or {}))

    def unreadable(request: Request, _error: Exception) -> Response:
        return page(pages, request, 422)

    def database_away(request: Request, error: Exception) -> Response:
        log.error("The database did not answer: %s", type(error).__name__)
        return page(pages, request, 503, headers={"retry-after": str(RETRY_AFTER_S)})

    app.add_exception_handler(NewsletterError, newsletter_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, unreadable)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(away, database_away)


def _page_before(request: Request) -> str:
    """Where whoever is signed in came from, as far as its address tells: the page whose button was pressed, or the one
    above the page that was asked for."""
    path = request.url.path if request.method == "POST" else request.url.path.rpartition("/")[0]
    while path.count("/") > 1:
        scope = {**request.scope, "path": path, "method": "GET", "type": "http"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return path
        path = path.rpartition("/")[0]
    return "/staff/"


class LastResort:
    """Turns whatever nobody expected into an answer with all our headers, and one log record with its traceback."""

    def __init__(self, app: ASGIApp, *, answer: AnswersError) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except Exception as error:
            log.exception("A request failed with %s", type(error).__name__)
            if started:
                raise
            await self._answer(Request(scope), 500)(scope, receive, send)
