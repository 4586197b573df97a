"""Files that programs ask for again and again, as feed readers and calendars do: sent whole, or "not modified"."""

from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request
from fastapi.responses import Response

from newsletter.core import entity_tags


def unless_known(
    request: Request, content: bytes, media_type: str, *, changed: datetime | None = None, max_age_s: int = 300
) -> Response:
    """The content, or 304 when who asks has it already (RFC 9110, section 13.1). An entity tag that was sent decides;
    without one, the date, where the file has one."""
    tag = entity_tags.of(content)
    headers = {"etag": tag, "cache-control": f"public, max-age={max_age_s}"}
    if changed is not None:
        changed = changed.replace(microsecond=0)
        headers["last-modified"] = format_datetime(changed, usegmt=True)
    asked = request.headers.get("if-none-match")
    if asked is not None:
        is_known = entity_tags.is_known(asked, tag)
    else:
        is_known = changed is not None and _is_since(request.headers.get("if-modified-since", ""), changed)
    if is_known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers={**headers, "content-type": media_type})


def _is_since(written: str, changed: datetime) -> bool:
    try:
        return changed <= parsedate_to_datetime(written)
    except (ValueError, TypeError):  # no date, or one without a zone
        return False
