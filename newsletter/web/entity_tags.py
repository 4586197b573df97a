"""Files that programs ask for again and again: answered with a strong entity tag, or with "not modified" (RFC 9110)."""

import hashlib

from fastapi import Request
from fastapi.responses import Response

#: The media types of what is answered here: one tag stands for one sequence of bytes, so they are not compressed.
NEVER_COMPRESSED = ("text/calendar", "text/csv")


def respond(request: Request, body: bytes, media_type: str, *, max_age_s: int) -> Response:
    """The body with its tag, or 304 where the asker has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": f"public, max-age={max_age_s}"}
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
