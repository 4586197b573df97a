"""How much the form of an update may send: a draft as long as one may be, in any alphabet, fits."""

from typing import Annotated

from fastapi import Depends, Request

from newsletter.content.saved_drafts import MOST_CHARACTERS
from newsletter.core.runtime import Runtime
from newsletter.staff.models import StaffRole
from newsletter.web import asked
from newsletter.web.limits import LargerBody
from newsletter.web.staff import uploads

#: Somewhat more than can be kept, each letter written as %F0%9F%98%80, so that the page can say so.
_MOST_BYTES = 12 * (MOST_CHARACTERS + 10_000)

#: Where the form, its drafts and its preview are sent.
PATH_PATTERN = r"/staff/updates/(new|drafts|preview|[0-9]+)"


async def _long_form(request: Request) -> dict[str, str]:
    return await asked.form_of(request, max_field_bytes=_MOST_BYTES)


TheUpdateForm = Annotated[dict[str, str], Depends(_long_form)]


def larger_body(runtime: Runtime) -> LargerBody:
    """How much those who write may send there."""
    return LargerBody(
        _MOST_BYTES + 64 * 1024,
        lambda request: uploads.may_send(runtime, request, StaffRole.AUTHOR, StaffRole.ADMIN),
    )
