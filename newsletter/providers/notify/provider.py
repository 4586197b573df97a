"""GOV.UK Notify: one call for each message, its own Markdown, one-click unsubscribing through a property of the call.

The template in Notify has the subject `((subject))` and the body `((body))`; the body is the mail's Markdown with the
personal values filled in. Notify writes the From line and the List-Unsubscribe headers; there is no List-Id. Our key is
Notify's `reference`, by which a message can be found again when the answer to the call was lost.

Settings: `NEWSLETTER_NOTIFY_API_KEY`, `TEMPLATE_ID`, `URL` (for tests), `CONCURRENCY`.
https://docs.notifications.service.gov.uk/rest-api.html
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx
import jwt

from newsletter.core.clock import Clock
from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers import http, wire
from newsletter.providers.base import (
    API_VERSION,
    Capabilities,
    Message,
    Outcome,
    ProviderContext,
    Recipient,
    Result,
    Scope,
)

URL = "https://api.notifications.service.gov.uk"

_SLOT = re.compile(r"\[\[(\w+)\]\]")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: A key ends in the service's id and the secret: "name-<service id>-<secret>".
_API_KEY = re.compile(rf"(?:.+-)?({_UUID})-({_UUID})")

#: Notify's own rate limit is counted over a minute.
_RATE_LIMIT_WAIT_S = 60.0


class Notify:
    name = "notify"
    api_version = API_VERSION

    def __init__(
        self,
        *,
        service_id: str,
        secret: str,
        template_id: str,
        client: httpx.AsyncClient,
        clock: Clock,
        concurrency: int,
    ) -> None:
        self._service_id = service_id
        self._secret = secret
        self._template_id = template_id
        self._client = client
        self._clock = clock
        self.capabilities = Capabilities(
            max_batch=1,
            max_bytes=2_000_000,
            raw_mime=False,
            one_click_unsubscribe=True,
            concurrency=concurrency,
        )

    async def check(self) -> None:
        try:
            answer = await self._request("GET", f"/v2/template/{self._template_id}")
        except httpx.RequestError as error:
            raise ProviderRefused(f"GOV.UK Notify cannot be reached ({type(error).__name__}).") from None
        if answer.status_code == 404:
            raise ProviderRefused("GOV.UK Notify does not know the template NEWSLETTER_NOTIFY_TEMPLATE_ID names.")
        if answer.status_code != 200:
            raise ProviderRefused(f"GOV.UK Notify refused: {_said(answer)}. Check NEWSLETTER_NOTIFY_API_KEY.")
        template = _json(answer)
        if template.get("type") != "email" or any(
            f"(({name}))" not in str(template.get(place, ""))
            for name, place in (("subject", "subject"), ("body", "body"))
        ):
            raise ProviderRefused(
                "The template in GOV.UK Notify must be an email template whose subject is ((subject)) and whose "
                "message is ((body))."
            )

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        return [await self._send(message, recipient) for recipient in recipients]

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, message: Message, recipient: Recipient) -> Result:
        key = recipient.key
        try:
            address = wire.wire_form(recipient.address)
            body = _filled(message.markdown, recipient)
        except ValueError as error:
            return Result(key, Outcome.REJECTED, code="address", detail=str(error))
        if len(body.encode()) > self.capabilities.max_bytes:
            detail = f"The message is larger than the {self.capabilities.max_bytes} bytes that GOV.UK Notify takes."
            return Result(key, Outcome.REJECTED, code="size", detail=detail, scope=Scope.BATCH)
        call = {
            "email_address": address,
            "template_id": self._template_id,
            "personalisation": {"subject": message.subject, "body": body},
            "reference": key,
        }
        if recipient.leave_url is not None:
            call["one_click_unsubscribe_url"] = recipient.leave_url
        try:
            answer = await self._request("POST", "/v2/notifications/email", json=call)
        except httpx.RequestError as error:
            if http.was_not_written(error):
                detail = f"GOV.UK Notify cannot be reached ({type(error).__name__})."
                return Result(key, Outcome.DEFERRED, detail=detail, scope=Scope.ACCOUNT)
            return await self._look_up(key, f"No answer ({type(error).__name__})")
        if answer.status_code == 201:
            return Result(key, Outcome.ACCEPTED, provider_id=str(_json(answer).get("id") or "") or None, code="201")
        return await self._refusal(key, answer)

    async def _refusal(self, key: str, answer: httpx.Response) -> Result:
        status, said = answer.status_code, _said(answer)
        code = str(status)
        if status == 429:
            if "TooManyRequests" in said:  # the day's allowance is used up; it starts again at midnight, UTC
                wait_s = _until_midnight(self._clock.now())
                return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=Scope.ACCOUNT, retry_after_s=wait_s)
            wait_s = _retry_after(answer) or _RATE_LIMIT_WAIT_S
            return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=Scope.BATCH, retry_after_s=wait_s)
        if status in (401, 403):
            return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=Scope.ACCOUNT)
        if status == 400:
            about_address = "email_address" in said
            return Result(
                key,
                Outcome.REJECTED if about_address else Outcome.DEFERRED,
                code=code,
                detail=said,
                scope=Scope.RECIPIENT if about_address else Scope.ACCOUNT,
            )
        if 400 <= status < 500:
            return Result(key, Outcome.REJECTED, code=code, detail=said, scope=Scope.BATCH)
        return await self._look_up(key, said, code=code)

    async def _look_up(self, key: str, why: str, code: str | None = None) -> Result:
        """The answer was lost: ask whether there is a message with our reference. Found: it was accepted. Not found
        proves nothing, for Notify may still be writing it down."""
        try:
            answer = await self._request("GET", "/v2/notifications", params={"reference": key})
        except httpx.RequestError:
            return Result(key, Outcome.UNKNOWN, code=code, detail=why)
        found = _json(answer).get("notifications") if answer.status_code == 200 else None
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return Result(key, Outcome.ACCEPTED, provider_id=str(found[0].get("id") or "") or None, code=code)
        return Result(key, Outcome.UNKNOWN, code=code, detail=why)

    async def _request(self, method: str, path: str, **values: Any) -> httpx.Response:
        """One call, signed anew: a token is good for 30 seconds."""
        issued_at = int(self._clock.now().timestamp())
        token = jwt.encode({"iss": self._service_id, "iat": issued_at}, self._secret, algorithm="HS256")
        return await self._client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **values)


def _filled(markdown: str, recipient: Recipient) -> str:
    """The Markdown with this person's values in place of the slot marks."""

    def value(mark: re.Match[str]) -> str:
        try:
            text = recipient.slots[mark[1]]
        except KeyError:
            raise ValueError(f"There is no value for {mark[1]}.") from None
        if any(character in text for character in "\r\n\0"):
            raise ValueError(f"The value for {mark[1]} has more than one line.")
        return text

    return _SLOT.sub(value, markdown)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(answer: httpx.Response) -> str:
    """Notify's own words: "TooManyRequestsError: Exceeded send limits …"."""
    errors = _json(answer).get("errors")
    if isinstance(errors, list) and errors and all(isinstance(error, dict) for error in errors):
        return "; ".join(f"{error.get('error')}: {error.get('message')}" for error in errors)[:400]
    return f"HTTP status {answer.status_code}"


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _until_midnight(now: datetime) -> float:
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return (tomorrow - now).total_seconds()


def carrier(_config: Mapping[str, str]) -> str:
    """For the privacy notice."""
    return "GOV.UK Notify, a service of the Government Digital Service (United Kingdom)"


def make(context: ProviderContext, *, transport: httpx.AsyncBaseTransport | None = None) -> Notify:
    """The provider that the settings describe. Raises `ConfigurationError` naming the setting."""
    config = context.config
    found = _API_KEY.fullmatch(config.get("api_key", "").strip())
    if found is None:
        raise ConfigurationError(
            "NEWSLETTER_NOTIFY_API_KEY must be a whole API key of GOV.UK Notify: a name, the service's id and the "
            "secret, joined by hyphens."
        )
    template_id = config.get("template_id", "").strip().lower()
    if not re.fullmatch(_UUID, template_id):
        raise ConfigurationError("NEWSLETTER_NOTIFY_TEMPLATE_ID must be the id of an email template in GOV.UK Notify.")
    url = (config.get("url") or URL).rstrip("/")
    if not url.startswith("https://") and transport is None and not url.startswith("http://127.0.0.1"):
        raise ConfigurationError("NEWSLETTER_NOTIFY_URL must start with https://.")
    concurrency = config.get("concurrency") or "8"
    if not concurrency.isdecimal() or not 1 <= int(concurrency) <= 50:
        raise ConfigurationError("NEWSLETTER_NOTIFY_CONCURRENCY must be a whole number from 1 to 50.")
    return Notify(
        service_id=found[1],
        secret=found[2],
        template_id=template_id,
        client=http.client(url, transport=transport),
        clock=context.clock,
        concurrency=int(concurrency),
    )
