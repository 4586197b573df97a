"""A file that staff send: read into memory alone, up to a size, from those who may send one.

Starlette would write a larger file to a temporary directory, where addresses of people must not lie. The larger body
is waited for only from somebody who is signed in with the right role (`newsletter.web.limits`).
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from newsletter.core.runtime import Runtime
from newsletter.staff import sessions
from newsletter.staff.models import StaffRole
from newsletter.web.asked import MAXIMUM_FIELD_BYTES, MAXIMUM_FIELDS
from newsletter.web.staff import guard

#: Some ten thousand people with a sign-up wording of half a page each would be more: split such a file.
MAXIMUM_FILE_BYTES = 4 * 1024 * 1024
#: The file, with the few other fields of its form.
MAXIMUM_BODY_BYTES = MAXIMUM_FILE_BYTES + 16 * 1024
#: A photograph as phones take it; what is kept of it is far smaller.
MAXIMUM_PICTURE_BYTES = 10 * 1024 * 1024
MAXIMUM_PICTURE_BODY_BYTES = MAXIMUM_PICTURE_BYTES + 16 * 1024
#: A mail with the photographs that are attached to it; its words are at the beginning. Its form can have a long text.
MAXIMUM_MAIL_BYTES = 10 * 1024 * 1024
MAXIMUM_MAIL_BODY_BYTES = MAXIMUM_MAIL_BYTES + 64 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """A form with a file. `content` is empty when none was chosen."""

    fields: dict[str, str]
    content: bytes


def may_send(runtime: Runtime, request: Request, *roles: StaffRole) -> bool:
    """Whether whoever makes this request is signed in with one of these roles. Reads the database; when it is away,
    nobody is, and the page says why."""
    text = request.cookies.get(guard.cookie_name(runtime))
    if not text:
        return False
    try:
        with runtime.db.reading() as session:
            found = sessions.officer(session, runtime.crypto, text, now=runtime.clock.now())
    except SQLAlchemyError:
        return False
    return found is not None and found.has(*roles)


async def _sent(request: Request) -> Sent:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form(max_files=0, max_fields=MAXIMUM_FIELDS, max_part_size=MAXIMUM_FIELD_BYTES)
        return Sent({name: value for name, value in form.items() if isinstance(value, str)}, b"")
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=MAXIMUM_FIELDS,
        max_part_size=MAXIMUM_FIELD_BYTES,
    )
    parser.spool_max_size = max(
        MAXIMUM_BODY_BYTES, MAXIMUM_PICTURE_BODY_BYTES, MAXIMUM_MAIL_BODY_BYTES
    )  # never to the disk
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise HTTPException(400, "The form could not be read.") from None
    fields: dict[str, str] = {}
    content = b""
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            await value.close()
        else:
            fields.setdefault(name, value)
    return Sent(fields, content)


TheFile = Annotated[Sent, Depends(_sent)]
