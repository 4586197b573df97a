"""GOV.UK Notify: what is sent, and what each of its answers means."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from newsletter.core import loops
from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers import notify
from newsletter.providers.base import Outcome, ProviderContext, Recipient, Result, Scope
from tests.conftest import START
from tests.newsletter.providers.notify_service import CONFIG, NotifyService, error
from tests.newsletter.providers.samples import MESSAGE, recipient


def make(service: NotifyService, **config: str) -> notify.Notify:
    context = ProviderContext({**CONFIG, **config}, Path("unused"), ManualClock(START))
    return notify.make(context, transport=httpx.MockTransport(service))


def send(service: NotifyService, person: Recipient | None = None) -> Result:
    return loops.run(make(service).send(MESSAGE, [person or recipient()]))[0]


def test_a_mail_carries_its_words_its_links_and_our_reference() -> None:
    service = NotifyService()
    result = send(service)
    assert (result.outcome, result.provider_id) == (Outcome.ACCEPTED, "id-of-key-0")
    call = service.accepted[0]
    assert call["personalisation"]["subject"] == MESSAGE.subject
    assert call["personalisation"]["body"].endswith("Stop these emails: https://news.example.org/leave/0")
    assert call["reference"] == "key-0"
    assert call["one_click_unsubscribe_url"] == "https://news.example.org/leave/0"


def test_a_letter_without_a_leave_link_has_no_unsubscribe_property() -> None:
    service = NotifyService()
    sample = recipient()
    send(service, Recipient(key="k", address=sample.address, slots=sample.slots))
    assert "one_click_unsubscribe_url" not in service.accepted[0]


@pytest.mark.parametrize(
    ("answer", "outcome", "scope", "retry_after_s"),
    [
        (error(429, "RateLimitError", "Exceeded rate limit of 3000 requests per 60 seconds"), Outcome.DEFERRED,
         Scope.BATCH, 60),
        (error(429, "TooManyRequestsError", "Exceeded send limits (250,000) for today"), Outcome.DEFERRED,
         Scope.ACCOUNT, 15 * 3600),
        (error(403, "AuthError", "Invalid token: API key not found"), Outcome.DEFERRED, Scope.ACCOUNT, None),
        (error(400, "ValidationError", "email_address Not a valid email address"), Outcome.REJECTED,
         Scope.RECIPIENT, None),
        (error(400, "BadRequestError", "Can't send to this recipient using a team-only API key"), Outcome.DEFERRED,
         Scope.ACCOUNT, None),
        (error(413, "BadRequestError", "Too large"), Outcome.REJECTED, Scope.BATCH, None),
    ],
)  # fmt: skip
def test_what_a_refusal_means(
    answer: httpx.Response, outcome: Outcome, scope: Scope, retry_after_s: float | None
) -> None:
    service = NotifyService()
    service.before = lambda call: answer
    result = send(service)
    assert (result.outcome, result.scope, result.retry_after_s) == (outcome, scope, retry_after_s)
    assert result.code == str(answer.status_code)
    assert service.accepted == []


def raising(failure: type[httpx.RequestError]) -> Any:
    def fail(call: dict[str, Any]) -> httpx.Response:
        raise failure("Something went wrong")

    return fail


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_call_that_never_left_may_be_made_again(failure: type[httpx.RequestError]) -> None:
    service = NotifyService()
    service.before = raising(failure)
    assert send(service).outcome is Outcome.DEFERRED


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError])
def test_a_lost_answer_is_looked_up_by_our_reference(failure: type[httpx.RequestError]) -> None:
    service = NotifyService()
    service.after = raising(failure)
    assert send(service).outcome is Outcome.ACCEPTED
    service = NotifyService()
    service.before = raising(failure)
    assert send(service).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_breakdown_is_looked_up_too(status: int) -> None:
    service = NotifyService()
    service.after = lambda call: httpx.Response(status, text="<html>oops")
    assert send(service).outcome is Outcome.ACCEPTED
    service = NotifyService()
    service.before = lambda call: httpx.Response(status, text="<html>oops")
    result = send(service)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, str(status))


def test_a_service_that_is_gone_when_asked_leaves_the_doubt() -> None:
    service = NotifyService()

    def break_down(call: dict[str, Any]) -> httpx.Response:
        service.break_down()
        raise httpx.ReadTimeout("Nothing came")

    service.after = break_down
    assert send(service).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("slots", [{}, {"leave_url": "https://x\r\n# Heading"}])
def test_a_value_that_is_missing_or_would_change_the_mail_is_refused(slots: dict[str, str]) -> None:
    service = NotifyService()
    assert send(service, Recipient(key="k", address="a@example.org", slots=slots)).outcome is Outcome.REJECTED
    assert service.requests == []


def test_a_template_that_is_not_ours_is_noticed() -> None:
    service = NotifyService()
    service.template["body"] = "Something else"
    with pytest.raises(ProviderRefused, match=r"\(\(body\)\)"):
        loops.run(make(service).check())
    with pytest.raises(ProviderRefused, match="TEMPLATE_ID"):
        loops.run(make(service, template_id="0" * 8 + CONFIG["template_id"][8:]).check())


@pytest.mark.parametrize(
    ("name", "value"),
    [("api_key", "short"), ("template_id", "mine"), ("concurrency", "0"), ("concurrency", "many")],
)
def test_settings_that_cannot_be_are_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NEWSLETTER_NOTIFY_{name.upper()}"):
        make(NotifyService(), **{name: value})


def test_only_https_is_spoken() -> None:
    context = ProviderContext({**CONFIG, "url": "http://notify.example.org"}, Path("unused"), ManualClock(START))
    with pytest.raises(ConfigurationError, match="https"):
        notify.make(context)
