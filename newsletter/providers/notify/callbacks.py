"""GOV.UK Notify's delivery receipts: it calls us once for each message whose fate is known.

The call carries the token that was typed into Notify's settings, and nothing is signed. Notify calls five times, five
minutes apart, unless it is answered; an answer of 4xx loses the receipt.
https://docs.notifications.service.gov.uk/rest-api.html#delivery-receipts
"""

import hmac
import json
from collections.abc import Sequence

from newsletter.core.errors import ConfigurationError
from newsletter.providers.base import BadSignature, Event, EventKind, ProviderContext, WebhookRequest

#: A token that can be guessed lets anybody report bounces.
SHORTEST_TOKEN = 32

#: What became of a message, and the enhanced status code (RFC 3463) that says the same: no such mailbox; given up after
#: days; and a fault between Notify and its own provider, for which no reader is to blame.
_MEANINGS = {
    "delivered": (EventKind.DELIVERED, "2.0.0"),
    "permanent-failure": (EventKind.BOUNCED, "5.1.1"),
    "temporary-failure": (EventKind.BOUNCED, "4.4.7"),
    "technical-failure": (EventKind.BOUNCED, "5.7.0"),
}
_KEPT = ("status", "created_at", "sent_at", "completed_at", "template_version")


class Callbacks:
    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def events(self, request: WebhookRequest) -> Sequence[Event]:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise BadSignature("This call does not carry the token of NEWSLETTER_NOTIFY_CALLBACK_TOKEN.")
        try:
            said = json.loads(request.body)
        except (ValueError, RecursionError):
            raise ValueError("This is no JSON.") from None
        if not isinstance(said, dict) or not isinstance(said.get("id"), str):
            raise ValueError("This is no delivery receipt of GOV.UK Notify.")
        status = str(said.get("status"))
        kind, code = _MEANINGS.get(status, (EventKind.OTHER, None))
        if said.get("notification_type", "email") != "email":
            kind, code = EventKind.OTHER, None
        return [
            Event(
                kind=kind,
                event_id=f"{said['id'][:100]}:{status[:100]}",
                key=_text(said.get("reference")),
                address=_text(said.get("to")),
                status=code,
                detail=f"GOV.UK Notify: {status[:100]}",
                evidence="\n".join(f"{name}: {str(said[name])[:100]}" for name in _KEPT if name in said),
            )
        ]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def receiver(context: ProviderContext) -> Callbacks | None:
    """What takes the receipts; None where no token is set, and so nobody can call."""
    token = context.config.get("callback_token", "").strip()
    if not token:
        return None
    if len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(
            f"NEWSLETTER_NOTIFY_CALLBACK_TOKEN must have at least {SHORTEST_TOKEN} characters "
            "(for example from: openssl rand -hex 32)."
        )
    return Callbacks(token)
