"""`/hooks/{provider}`: where a mail provider tells us what became of our mails.

Who may tell is for the provider's own code to check (`providers.base.Receiver`); what was told is kept once and counts
as any other receipt does. Only the provider in use is listened to.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from newsletter.api import answers
from newsletter.api.asked import TheRuntime
from newsletter.api.problems import Refusal
from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from newsletter.delivery import inbox
from newsletter.providers import registry
from newsletter.providers.base import BadSignature, Event, WebhookRequest

router = APIRouter()


async def _request(request: Request) -> WebhookRequest:
    return WebhookRequest(headers=dict(request.headers), body=await request.body())


@router.post("/{provider}")
def take(
    provider: Annotated[str, Path(pattern="^[a-z0-9_-]{1,40}$")],
    sent: Annotated[WebhookRequest, Depends(_request)],
    runtime: TheRuntime,
) -> Response:
    receiver = registry.receiver_of(runtime, provider)
    if receiver is None:
        raise NotFound("Nothing is taken here.")
    try:
        events = receiver.events(sent)
    except BadSignature as error:
        raise Refusal("key-needed", str(error), headers={"www-authenticate": "Bearer"}) from None
    except ValueError as error:
        raise Refusal("malformed", str(error)) from None
    for event in events:
        _keep(runtime, provider, event)
    return answers.answer("{}")


def _keep(runtime: Runtime, provider: str, event: Event) -> None:
    with runtime.db.transaction() as session:
        inbox.take_event(session, runtime.crypto, runtime.tokens, provider, event, now=runtime.clock.now())
