"""Every way in which the API says no: problem details (RFC 9457), one kind for each thing a program can do about it.

`KINDS` is the whole vocabulary; the OpenAPI description and the page under `/api/problems/` are made from it. Nothing
that was sent is repeated, so that no address comes back in an error.
"""

import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from newsletter.core.errors import (
    InvalidInput,
    InvalidToken,
    NewsletterError,
    NotAllowed,
    NotFound,
    ProviderRefused,
    TooMany,
    WrongState,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

#: Nothing in an answer of the API may be run or shown inside another page.
POLICY = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}

#: What to wait after the database did not answer, in seconds.
RETRY_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. `advice` is for the person who writes the program."""

    name: str
    status: int
    title: str
    advice: str
    headers: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        """Its name among the responses of the OpenAPI description."""
        return "".join(word.capitalize() for word in self.name.split("-"))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("malformed", 400, "The request could not be read", "Send one JSON document in UTF-8."),
        Kind(
            "key-needed", 401, "A working key is needed",
            "Send the header “Authorization: Bearer” with a key that is not revoked and has not expired.",
            ("WWW-Authenticate",),
        ),
        Kind(
            "not-allowed", 403, "This key may not do that",
            "Ask an administrator for a key with the scope that the detail names.", ("WWW-Authenticate",),
        ),
        Kind("not-found", 404, "There is no such thing", "Check the address of the request."),
        Kind(
            "method", 405, "This address does not take that method",
            "The header “Allow” names the methods it takes.", ("Allow",),
        ),
        Kind("too-slow", 408, "The request did not arrive in time", "Send it again, all at once."),
        Kind("conflict", 409, "That cannot be done now", "Read again what you want to change, then decide."),
        Kind(
            "changed", 412, "It was changed after you read it",
            "Read it again, make your change of what it says now, and send that with the new ETag.",
        ),
        Kind("too-large", 413, "The request is too large", "Send less: no request needs more than 64 KiB."),
        Kind(
            "media-type", 415, "The request is of the wrong media type",
            "Send JSON, with the header “Content-Type: application/json”.",
        ),
        Kind(
            "invalid", 422, "Something in the request needs to be mended",
            "Each entry of “errors” names a field and says what is wrong with it.",
        ),
        Kind(
            "too-many", 429, "Too many requests", "Wait as many seconds as the header “Retry-After” says.",
            ("Retry-After",),
        ),
        Kind(
            "unexpected", 500, "Something went wrong on our side",
            "We have been told. Try again later; with an Idempotency-Key nothing is done twice.",
        ),
        Kind(
            "busy", 503, "The service is busy", "Wait as many seconds as the header “Retry-After” says.",
            ("Retry-After",),
        ),
    )
}  # fmt: skip
_BY_STATUS = {kind.status: kind for kind in KINDS.values()}

#: The most telling class first.
_KIND_OF: tuple[tuple[type[NewsletterError], str], ...] = (
    (InvalidToken, "not-found"),
    (NotFound, "not-found"),
    (InvalidInput, "invalid"),
    (NotAllowed, "not-allowed"),
    (WrongState, "conflict"),
    (TooMany, "too-many"),
    (ProviderRefused, "busy"),
)


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="The field, or the parameter; empty when it concerns several together")
    detail: str = Field(description="What to mend, in one sentence")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(
        description="What kind of problem, as the address of a page about it", json_schema_extra={"format": "uri"}
    )
    title: str = Field(description="The kind in words, always the same")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What is wrong with this request")
    errors: list[FieldProblem] = Field(default=[], description="The fields to mend, where there are any")


class Refusal(Exception):
    """Says no to a request, with a kind of problem."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        errors: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[name]
        self.errors = list(errors)
        self.headers = headers


def described(*names: str) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI description says which problems an operation may answer with; any may answer `unexpected`."""
    return {KINDS[name].status: {"description": KINDS[name].title} for name in (*names, "unexpected")}


def concerns(path: str) -> bool:
    """Whether an error at this path is to be answered with problem details."""
    return path.startswith(("/api/", "/hooks/"))


def answer(request: Request, status: int, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem for a status, when no more is known."""
    kind = _BY_STATUS.get(status, KINDS["unexpected" if status >= 500 else "malformed"])
    return _response(request, kind, kind.advice, headers=headers)


def handle(app: FastAPI) -> None:
    """Teach the application to answer every error with problem details."""

    def refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return _response(request, error.kind, str(error), error.errors, headers=error.headers)

    def newsletter_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, NewsletterError)
        kind = KINDS[next((name for cls, name in _KIND_OF if isinstance(error, cls)), "unexpected")]
        if kind.status >= 500:
            log.error("A request failed", exc_info=error)
            return answer(request, kind.status)
        headers = {"retry-after": str(math.ceil(error.retry_after_s))} if isinstance(error, TooMany) else None
        errors = [FieldProblem(field=error.field or "", detail=str(error))] if isinstance(error, InvalidInput) else []
        return _response(request, kind, str(error), errors, headers=headers)

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = ", ".join(allowed_methods(app, request))
        return answer(request, error.status_code, headers=headers)

    def unreadable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _response(request, KINDS["invalid"], KINDS["invalid"].title + ".", field_problems(error.errors()))

    def database_away(request: Request, error: Exception) -> Response:
        log.error("The database did not answer: %s", type(error).__name__)
        return answer(request, 503, headers={"retry-after": str(RETRY_AFTER_S)})

    app.add_exception_handler(Refusal, refusal)
    app.add_exception_handler(NewsletterError, newsletter_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, unreadable)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(away, database_away)


def field_problems(errors: Sequence[Any]) -> list[FieldProblem]:
    """Pydantic's errors, without what was typed."""
    found = []
    for error in errors:
        places = [str(place) for place in error["loc"] if place not in ("path", "query", "header", "body")]
        said = str(error["msg"]).removeprefix("Value error, ")
        found.append(FieldProblem(field=".".join(places), detail=said))
    return found


def allowed_methods(app: FastAPI, request: Request) -> list[str]:
    """The methods that this path takes."""
    methods: set[str] = set()
    for method in ("GET", "POST", "PATCH"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes):
            methods |= {method, "HEAD"} if method == "GET" else {method}
    return sorted(methods)


def _response(
    request: Request,
    kind: Kind,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    base_url: str = request.app.state.runtime.settings.base_url
    problem = Problem(
        type=f"{base_url}/api/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        errors=list(errors),
    )
    shown = problem.model_dump(exclude=None if errors else {"errors"})
    own = dict(POLICY)
    if request.method == "GET":  # so that a page of another site can see what was wrong
        own["access-control-allow-origin"] = "*"
    return Response(
        json.dumps(shown, ensure_ascii=False),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers={**own, **(headers or {})},
    )
