"""What a route may ask for: the runtime, the pages, the form that was sent, and where the request came from."""

from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from newsletter.core.runtime import Runtime
from newsletter.web.pages import Pages

#: No form of ours has more fields; a request with more is not a person's.
MAXIMUM_FIELDS = 40
#: The longest text that a form takes is 4,000 characters, each at most 4 bytes, each of those written as %F0.
MAXIMUM_FIELD_BYTES = 50_000


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def form_of(
    request: Request, *, max_fields: int = MAXIMUM_FIELDS, max_field_bytes: int = MAXIMUM_FIELD_BYTES
) -> dict[str, str]:
    """The text fields, the first of each name. Bytes that are no text in any encoding become replacement marks."""
    try:
        sent = await request.form(max_files=0, max_fields=max_fields, max_part_size=max_field_bytes)
    except ValueError:  # python-multipart's own errors; starlette turns only some of them into a 400
        raise HTTPException(400, "The form could not be read.") from None
    fields: dict[str, str] = {}
    for name, value in sent.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, value.encode("utf-8", "replace").decode())
    return fields


async def _form(request: Request) -> dict[str, str]:
    return await form_of(request)


async def _lenient_form(request: Request) -> dict[str, str]:
    """The same, where the form hardly matters: one that cannot be read is an empty one."""
    try:
        return await _form(request)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        return {}


def network_address(request: Request) -> str:
    """The address a request came from. What proxies say is believed only of those the operator named."""
    peer = request.client.host if request.client else "unknown"
    trusted = {proxy.strip() for proxy in _runtime(request).settings.trusted_proxies.split(",")}
    if peer not in trusted:
        return peer
    for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
        try:
            address = str(ip_address(hop.strip()))
        except ValueError:
            return peer
        if address not in trusted:
            return address
    return peer


TheRuntime = Annotated[Runtime, Depends(_runtime)]
ThePages = Annotated[Pages, Depends(_pages)]
TheForm = Annotated[dict[str, str], Depends(_form)]
TheFormIfAny = Annotated[dict[str, str], Depends(_lenient_form)]
