"""Answers as JSON: public ones, which anybody may keep and ask whether they changed, and the others."""

import json
from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from newsletter.api.problems import POLICY
from newsletter.core import entity_tags

#: How long others may keep what is public, in seconds.
KEPT_S = 300


def answer(model: BaseModel | str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """For whoever asked, and for nobody to keep."""
    body = model if isinstance(model, str) else model.model_dump_json()
    return Response(body, status_code=status, media_type="application/json", headers={**POLICY, **(headers or {})})


def public_json(request: Request, document: Mapping[str, object]) -> Response:
    """`public`, for a document that has no model."""
    return public(request, json.dumps(document, ensure_ascii=False))


def public(request: Request, body: BaseModel | str) -> Response:
    """For everybody: scripts of any site may read it (without cookies, which we have none of), caches may keep it, and
    whoever has it already is told so."""
    text = body if isinstance(body, str) else body.model_dump_json()
    etag = entity_tags.of(text.encode())
    headers = {
        **POLICY,
        "etag": etag,
        "cache-control": f"public, max-age={KEPT_S}",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "ETag",
    }
    if entity_tags.is_known(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)
