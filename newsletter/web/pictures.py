"""The pictures of editions, each at an address made of the hash of its bytes: it never changes, and nobody guesses it.

Served by our own site alone and without a name in it, so that it says nothing about who looks. A picture that is in no
update and no edition any more is deleted, and its address with it.
"""

import re

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.content import pictures
from newsletter.core.errors import NotFound
from newsletter.web.asked import TheRuntime

router = APIRouter()

_NAME = re.compile(r"([0-9a-f]{64})\.(jpg|png)")
_HEADERS = {
    # It never changes, but it may be deleted when somebody in it no longer agrees: that has to be noticed soon.
    "cache-control": "public, max-age=3600",
    # Whatever a browser takes the bytes for, nothing in them can run or be fetched.
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "content-disposition": "inline",
}


@router.get("/pictures/{name}")
def picture(name: str, runtime: TheRuntime) -> Response:
    asked = _NAME.fullmatch(name)
    if asked is None:
        raise NotFound("There is no such picture.")
    with runtime.db.reading() as session:
        found = pictures.public(session, asked[1])
    if found.extension != asked[2]:
        raise NotFound("There is no such picture.")
    return Response(found.content, media_type=found.media_type, headers=_HEADERS)
