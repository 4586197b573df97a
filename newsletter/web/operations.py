"""For machines and those who run them: is it up, is it ready, how much does it do, whom to tell of a weakness."""

from datetime import timedelta
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from newsletter.delivery import counting
from newsletter.web import site
from newsletter.web.access import RequestCounts
from newsletter.web.asked import TheRuntime

router = APIRouter()

#: How long `security.txt` says it is good for: less than a year (RFC 9116, section 2.5.5). It is written anew with
#: every request.
_SECURITY_TXT_DAYS = 180


@router.get("/healthz")
def is_up() -> Response:
    return PlainTextResponse("up\n")


@router.get("/readyz")
def is_ready(runtime: TheRuntime) -> Response:
    try:
        with runtime.db.reading() as session:
            session.connection().execute(sa.text("SELECT 1"))
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer\n", status_code=503)
    return PlainTextResponse("ready\n")


@router.get("/metrics")
def metrics(request: Request, runtime: TheRuntime) -> Response:
    """Prometheus text. Deliveries come from the counts that the ledger keeps, so that no row is counted here."""
    counts: RequestCounts = request.app.state.request_counts
    with runtime.db.reading() as session:
        by_state = counting.counts(session)
    lines = ["# HELP newsletter_deliveries Deliveries of editions by state", "# TYPE newsletter_deliveries gauge"]
    lines += [f'newsletter_deliveries{{state="{state}"}} {count}' for state, count in sorted(by_state.items())]
    body = generate_latest(counts.registry) + ("\n".join(lines) + "\n").encode()
    return Response(body, media_type=CONTENT_TYPE_LATEST)


@router.get("/.well-known/security.txt")
def security_txt(runtime: TheRuntime) -> Response:
    """RFC 9116."""
    base_url = runtime.settings.base_url.rstrip("/")
    expires = (runtime.clock.now() + timedelta(days=_SECURITY_TXT_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    with runtime.db.reading() as session:
        email = site.current(session).contact_email
    contact = f"mailto:{quote(email, safe='@+')}" if email else f"{base_url}/accessibility"
    return PlainTextResponse(
        f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n"
        f"Canonical: {base_url}/.well-known/security.txt\n"
    )


@router.get("/robots.txt")
def robots() -> Response:
    """Search engines may find the newsletters and the archive; personal links are nobody's business."""
    return PlainTextResponse(
        "User-agent: *\nDisallow: /confirm/\nDisallow: /leave/\nDisallow: /manage/\nDisallow: /outbox\n"
        "Disallow: /data-complaint/\n"
    )


@router.get("/favicon.ico")
def favicon(request: Request) -> Response:
    return RedirectResponse(request.app.state.assets.url("favicon.svg"), status_code=307)
