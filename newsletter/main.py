"""The web application, put together: pages, error pages, headers, health. Wiring only; nobody imports this but entry
points and tests."""

from collections.abc import Mapping, Sequence
from functools import cache

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from newsletter.api import problems as api_problems
from newsletter.api.application import create_api, create_hooks
from newsletter.core.runtime import Runtime
from newsletter.web import (
    about,
    answers,
    api_docs,
    archive,
    check_answers,
    choices,
    confirm,
    data_complaint,
    events,
    feedback,
    feeds,
    glossary,
    home,
    leave,
    manage,
    new_address,
    operations,
    outbox,
    paper_copy,
    pictures,
    problems,
    school_choice,
    signup,
    still_you,
    useful,
)
from newsletter.web.access import AccessLog, RequestCounts
from newsletter.web.assets import HashedFiles, built_assets
from newsletter.web.limits import BodyInTime, LimitConcurrency
from newsletter.web.pages import Pages
from newsletter.web.security import HeadAsGet, SecurityHeaders, refuse_foreign
from newsletter.web.staff import (
    account,
    answer_list,
    answer_writing,
    approval,
    colleagues,
    composing,
    directory,
    edition_check,
    edition_preview,
    edition_words,
    editions,
    event_list,
    event_writing,
    feedback_adding,
    feedback_filing,
    guard,
    joining,
    log,
    one_person,
    one_person_changes,
    people,
    people_complaints,
    people_export,
    people_import,
    people_paper,
    report,
    sending,
    sign_in,
    start,
    unknown,
    update_picture,
    updates_import,
    updates_import_feed,
)
from newsletter.web.staff.settings import (
    areas,
    basis,
    cadence,
    calendar,
    hub,
    keys,
    lists,
    logo,
    partners,
    partnership,
    retention,
    topics,
    wording,
)
from newsletter.web.staff.settings import feeds as feed_settings
from newsletter.web.staff.settings import glossary as glossary_settings
from newsletter.web.staff.updates import drafts as update_drafts
from newsletter.web.staff.updates import form as update_form
from newsletter.web.staff.updates import listing as update_listing
from newsletter.web.staff.updates import preview as update_preview
from newsletter.web.staff.updates import putting_away as update_putting_away
from newsletter.web.staff.updates import sent as update_sent

#: Every page; the last ones are last because their /{slug} is any mailing list.
ERRANDS = (
    operations, home, feeds, useful, archive, events, answers, glossary, confirm, leave, manage, choices, new_address,
    pictures, outbox, about, feedback, data_complaint, paper_copy, school_choice, still_you, check_answers, signup,
)  # fmt: skip


#: What administrators set up.
SETTINGS = (
    hub, partnership, logo, partners, areas, glossary_settings, calendar, feed_settings, keys, retention, basis, lists,
    wording, cadence, topics,
)  # fmt: skip
#: Writing updates.
UPDATES = (update_listing, update_form, update_preview, update_drafts, update_putting_away)
#: The pages of staff.
STUDIO = (
    sign_in, directory, joining, start, account, colleagues, log, *SETTINGS, *UPDATES,
    editions, edition_words, composing, edition_check, edition_preview, approval, unknown, sending, report,
    event_list, event_writing, answer_list, answer_writing, feedback_filing, feedback_adding,
    people, one_person, one_person_changes, people_import, people_export, people_complaints, people_paper,
    updates_import, updates_import_feed,
    update_picture,
)  # fmt: skip


def first_words() -> frozenset[str]:
    """What the addresses of our pages begin with: a mailing list of such a name could not be reached."""
    paths = [getattr(route, "path", "") for errand in (*STUDIO, *ERRANDS) for route in errand.router.routes]
    return frozenset({path.split("/")[1] for path in paths if path} | {"api", "hooks", "static"})


@cache
def _page_routes() -> Sequence[BaseRoute]:
    """Those of all pages, the same on every runtime. FastAPI works each out when it is first asked for, which takes
    longer than many an answer, and anew for each application that includes it."""
    router = APIRouter(dependencies=[Depends(refuse_foreign)])
    for errand in (*STUDIO, *ERRANDS):
        router.include_router(errand.router)
    return router.routes


def create_app(runtime: Runtime) -> FastAPI:
    """The application on one runtime. Opens no connection; raises `ConfigurationError` when assets are not built."""
    assets = built_assets()
    pages = Pages(assets)
    counts = RequestCounts()
    app = FastAPI(
        title="SEND newsletter",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"auto_configure": False},
        dependencies=[Depends(refuse_foreign)],
    )
    app.state.runtime = runtime
    app.state.pages = pages
    app.state.assets = assets
    app.state.request_counts = counts
    app.state.first_words = first_words()

    def answer_error(request: Request, status: int, *, headers: Mapping[str, str] | None = None) -> Response:
        """What went wrong, to a program as problem details, to a person as a page."""
        if api_problems.concerns(request.url.path):
            return api_problems.answer(request, status, headers=headers)
        return problems.page(pages, request, status, headers=headers)

    api, hooks = create_api(runtime), create_hooks(runtime)
    for door in (api, hooks):
        door.add_middleware(problems.LastResort, answer=answer_error)
    app.state.describe_api = api.openapi

    app.include_router(api_docs.router)  # before what it describes
    app.mount("/api", api)
    app.mount("/hooks", hooks)
    app.mount("/static", HashedFiles(directory=assets.directory), name="static")
    app.router.routes.extend(_page_routes())
    problems.handle(app, pages)
    app.add_exception_handler(guard.NotSignedIn, guard.to_sign_in)

    # The last added is the outermost.
    app.add_middleware(problems.LastResort, answer=answer_error)
    app.add_middleware(LimitConcurrency, answer=answer_error, most=runtime.settings.concurrent_requests)
    app.add_middleware(
        BodyInTime,
        answer=answer_error,
        within_s=runtime.settings.body_within_s,
        larger={
            people_import.IMPORT: people_import.larger_body(runtime),
            update_picture.PATH_PATTERN: update_picture.larger_body(runtime),
            logo.PATH: logo.larger_body(runtime),
            feedback_adding.ADD: feedback_adding.larger_body(runtime),
            **updates_import.larger_bodies(runtime),
            update_sent.PATH_PATTERN: update_sent.larger_body(runtime),
        },
    )
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
    app.add_middleware(SecurityHeaders, https_only=runtime.settings.is_production)
    app.add_middleware(AccessLog, counts=counts)
    app.add_middleware(HeadAsGet)
    return app
