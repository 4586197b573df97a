"""What a route of the API may ask for: the runtime, a key with the right scope, a JSON body of a known shape.

A key is checked before anything else of a request is read.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError

from newsletter.api.problems import Refusal, field_problems
from newsletter.core.errors import NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.staff import keys
from newsletter.staff.keys import KeyInUse
from newsletter.staff.models import KeyScope

log = logging.getLogger(__name__)

_REALM = 'Bearer realm="SEND newsletter API"'

_BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="nl_PREFIX_SECRET",
    description="A key made with `newsletter keys add`. Keep it on your server: never in a page or an app.",
    auto_error=False,
)

_M = TypeVar("_M", bound=BaseModel)


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


TheRuntime = Annotated[Runtime, Depends(_runtime)]

#: A short name in a path.
Slug = Annotated[str, Path(pattern="^[a-z0-9-]{1,60}$")]


def with_key(scope: KeyScope) -> Any:
    """A dependency: the key that makes this request. Refuses when there is none, or it lacks the scope."""

    def key_in_use(
        runtime: TheRuntime, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> KeyInUse:
        if given is None:
            raise Refusal("key-needed", "This needs a key.", headers={"www-authenticate": _REALM})
        try:
            with runtime.db.transaction() as session:
                key = keys.use(
                    session,
                    runtime.crypto,
                    given.credentials,
                    requests_per_minute=runtime.settings.api_requests_per_minute,
                    now=runtime.clock.now(),
                )
        except NotAllowed as error:
            log.warning("A key was refused: %s", error)
            challenge = f'{_REALM}, error="invalid_token"'
            raise Refusal("key-needed", str(error), headers={"www-authenticate": challenge}) from None
        log.info("A key was used", extra={"key": key.prefix, "scope": scope.value})
        if scope not in key.scopes:
            challenge = f'{_REALM}, error="insufficient_scope", scope="{scope.value}"'
            raise Refusal(
                "not-allowed", f"This needs the scope {scope.value}.", headers={"www-authenticate": challenge}
            )
        return key

    return Security(key_in_use, scopes=[scope.value])


def body_of(model: type[_M], *media_types: str) -> Callable[[Request], Awaitable[_M]]:
    """A dependency: the JSON that was sent, exactly in the model's shape. Types are not bent, unknown fields, and
    documents nested deeper than any of ours (pydantic reads 200 levels), are refused."""

    async def read(request: Request) -> _M:
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in (media_types or ("application/json",)):
            raise Refusal("media-type", "Send this as application/json.")
        try:
            return model.model_validate_json(await request.body(), strict=True)
        except ValidationError as error:
            raise refusal_of(error) from None

    return read


def refusal_of(error: ValidationError) -> Refusal:
    """What is wrong with a body, as a problem."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return Refusal("malformed", "The body is not one JSON document in UTF-8, nested less than 200 levels deep.")
    return Refusal("invalid", "Some fields need to be mended.", errors=field_problems(errors))


def takes(model: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """How the OpenAPI description says what `body_of` reads. The model's schema is added by `description`."""
    reference = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {
        "requestBody": {"required": True, "content": dict.fromkeys(media_types or ("application/json",), reference)}
    }
