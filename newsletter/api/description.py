"""The OpenAPI 3.1 description: what FastAPI knows of the routes, with problems, bodies and the words around them."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from pydantic.json_schema import models_json_schema

from newsletter.api import answers, problems
from newsletter.api.problems import KINDS, MEDIA_TYPE, Problem
from newsletter.api.subscribing import Subscription
from newsletter.api.updating import UPDATE_EXAMPLE, UPDATE_WORDS, UpdateChange
from newsletter.content.updates import UpdateDraft

router = APIRouter()

#: The shapes that routes read by themselves (`asked.body_of`), and that of a problem.
_SHAPES = (Problem, Subscription, UpdateChange, UpdateDraft)

_WORDS = (
    "What the newsletters of the partnership are, what they said, and how to sign up for them: for the websites and "
    "content systems of its partners. What anybody may read needs no key and may be kept for five minutes."
)

_TAGS = [
    {"name": "Newsletters", "description": "Anybody may read these, from any website; no key is needed."},
    {"name": "Signing up", "description": "For a sign-up form on a website of your own."},
    {"name": "Updates", "description": "Progress updates, from which editions are made."},
]

#: What is said of a header where a problem has it.
_HEADERS = {
    "WWW-Authenticate": "What is missing (RFC 6750)",
    "Allow": "The methods that the address takes",
    "Retry-After": "Seconds to wait before trying again",
}
_REQUIRED_TEXT = {"required": True, "schema": {"type": "string"}}

_SUCCESS = {"200": "What was asked for", "201": "Written", "202": "Accepted, whatever is known about the address"}


def describe(app: FastAPI, base_url: str) -> None:
    """Give the application its description, and the address where it can be read."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app, base_url)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    app.include_router(router)


@router.get("/v1/openapi.json", include_in_schema=False)
def openapi_json(request: Request) -> Response:
    return answers.public_json(request, request.app.openapi())


def _description(app: FastAPI, base_url: str) -> dict[str, Any]:
    described = get_openapi(
        title="SEND newsletter API",
        version="1",
        summary="Newsletters of a SEND partnership",
        description=_WORDS,
        routes=app.routes,
        tags=_TAGS,
        servers=[{"url": f"{base_url}/api"}],
    )
    described["x-problems"] = [
        {
            "name": kind.name,
            "component": kind.component,
            "status": kind.status,
            "title": kind.title,
            "advice": kind.advice,
        }
        for kind in KINDS.values()
    ]
    components = described.setdefault("components", {})
    _, shapes = models_json_schema(
        [(shape, "validation") for shape in _SHAPES], ref_template="#/components/schemas/{model}"
    )
    schemas = components.setdefault("schemas", {})
    schemas.update(shapes["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {kind.component: _response(kind) for kind in KINDS.values()}
    for name in ("UpdateDraft", "UpdateChange", "UpdateShown"):
        for field, words in UPDATE_WORDS.items():
            schemas[name]["properties"][field]["description"] = words
    schemas["UpdateDraft"]["description"] = (
        "A progress update, with a wording for parents, for professionals, or for both."
    )
    schemas["UpdateDraft"]["examples"] = [UPDATE_EXAMPLE]
    schemas["UpdateChange"]["examples"] = [{"until_date": "2026-12-01", "evidence_url": None, "evidence_label": None}]
    by_status = {str(kind.status): kind for kind in KINDS.values()}
    for operations in described["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            for status in responses:
                if status in by_status:
                    responses[status] = {"$ref": f"#/components/responses/{by_status[status].component}"}
                else:
                    responses[status]["description"] = _SUCCESS[status]
            if "security" not in operation:
                responses["200"]["headers"] = {
                    "ETag": {
                        "description": "Send it as If-None-Match to be told when nothing changed",
                        **_REQUIRED_TEXT,
                    }
                }
                responses["304"] = {"description": "Nothing changed since the answer whose ETag was sent"}
            operation["responses"] = dict(sorted(responses.items()))
    return described


def _response(kind: problems.Kind) -> dict[str, Any]:
    return {
        "description": f"{kind.title}. {kind.advice}",
        "headers": {name: {"description": _HEADERS[name], **_REQUIRED_TEXT} for name in kind.headers},
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
