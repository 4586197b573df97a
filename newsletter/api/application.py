"""The API put together: an application of its own, which `newsletter.main` mounts at `/api` beside the pages.

It answers with JSON whatever happens, takes no cookies, and is not concerned with what other sites' pages may send: a
key travels in a header that no form can set.
"""

from fastapi import FastAPI

from newsletter.api import description, hooks, problems, reading, subscribing, updating
from newsletter.core.runtime import Runtime


def create_api(runtime: Runtime) -> FastAPI:
    """The application on one runtime. Its own OpenAPI description is at `app.openapi()`."""
    app = _application(runtime)
    for errand in (reading, subscribing, updating):
        app.include_router(errand.router)
    description.describe(app, runtime.settings.base_url)
    return app


def create_hooks(runtime: Runtime) -> FastAPI:
    """What `newsletter.main` mounts at `/hooks`: errors are said as the API says them."""
    app = _application(runtime)
    app.include_router(hooks.router)
    return app


def _application(runtime: Runtime) -> FastAPI:
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"auto_configure": False},
    )
    app.state.runtime = runtime
    problems.handle(app)
    return app
