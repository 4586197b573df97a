"""The interface between the product and a service that carries mail.

A provider sends a batch and says, for every recipient, what became of it. It keeps no queue, retries nothing and never
raises for a remote failure: the ledger owns retries, and "nobody can know" is an answer of its own (`UNKNOWN`).

A provider is a module here whose name is the value of `NEWSLETTER_MAIL_PROVIDER`, or an entry point in the group
`newsletter.mail_providers`; either offers `make(context) -> MailProvider`. Where the service calls us back to say what
became of a message, the same module offers `receiver(context) -> Receiver | None` too.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from newsletter.core.clock import Clock
from newsletter.core.mime import CanonicalMime

#: Raised whenever a provider written for an older version would misbehave.
API_VERSION = 1


class Outcome(enum.StrEnum):
    ACCEPTED = "accepted"  # the provider took responsibility
    REJECTED = "rejected"  # permanent for this recipient
    DEFERRED = "deferred"  # certainly not sent: safe to try again
    UNKNOWN = "unknown"  # handed over, no answer: may have been sent


class Scope(enum.StrEnum):
    """How far an outcome that is not `ACCEPTED` reaches."""

    RECIPIENT = "recipient"  # this address only
    BATCH = "batch"  # the message or call was refused
    ACCOUNT = "account"  # credentials, sender, quota, service down: sending must stop and a person must look


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What decides how delivery prepares mail for this provider."""

    max_batch: int  # recipients per call of `send`, each with a copy of their own
    max_bytes: int  # of one message
    raw_mime: bool  # True: sends `Recipient.mime` as it stands. False: builds the mail from `Message` itself
    one_click_unsubscribe: bool  # can carry RFC 8058 headers; a provider that cannot is refused for editions
    id_per_recipient: bool = True
    idempotency_s: int = 0  # for how long a repeated key sends nothing twice; 0: never
    concurrency: int = 1  # calls of `send` that may be under way at once


@dataclass(frozen=True, slots=True)
class Message:
    """What all recipients of a call have in common. Texts carry slot marks (`[[leave_url]]`) for personal values.

    Pictures travel in `Recipient.mime` alone. A provider that builds its mail from `html` must leave out each `<img>`
    (they refer to parts that are not there, by `cid:`) and show its `alt`; `text` and `markdown` say it in words.
    """

    subject: str
    markdown: str  # GOV.UK Notify's subset
    html: str
    text: str
    sender: str  # "Name <address>"
    reply_to: str


class Recipient(NamedTuple):
    """One person, one copy. A tuple, like `Result`, because one is made for every message: it is made in half the time
    of a frozen dataclass."""

    key: str  # our reference; the same for every attempt at the same delivery
    address: str
    slots: Mapping[str, str] = MappingProxyType({})  # "leave_url" → this person's link
    # The whole message (RFC 5322, CRLF), for providers with `raw_mime`; `bytes(recipient.mime)` is always its bytes.
    mime: bytes | CanonicalMime = b""
    leave_url: str | None = None  # RFC 8058 target, where the mail has one
    # Envelope sender of this copy, for providers that have a say in it; None: the address of `Message.sender`.
    return_path: str | None = None


class Result(NamedTuple):
    """What became of one recipient's copy."""

    key: str
    outcome: Outcome
    provider_id: str | None = None
    code: str | None = None  # the provider's own code, unchanged
    detail: str | None = None  # the provider's own words, shortened
    scope: Scope = Scope.RECIPIENT
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider is made from. `config` holds the settings with its name: `host` from `NEWSLETTER_SMTP_HOST`."""

    config: Mapping[str, str]
    data_dir: Path
    clock: Clock


@runtime_checkable
class MailProvider(Protocol):
    name: str
    api_version: int

    @property
    def capabilities(self) -> Capabilities: ...

    async def check(self) -> None:
        """Credentials, sender, reachability. Raises `ProviderRefused` with a plain sentence."""
        ...

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        """Exactly one `Result` for every recipient, in the same order; at most `capabilities.max_batch` of them.

        Never raises for a remote failure, never sends again what may have been sent. What was certainly not (a
        connection that the server closed beforehand) may go another way within the call, once.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections. Safe to call twice."""
        ...


class EventKind(enum.StrEnum):
    """What became of a message after it was accepted."""

    DELIVERED = "delivered"
    DELAYED = "delayed"  # still being tried
    BOUNCED = "bounced"  # will not be delivered
    COMPLAINED = "complained"  # the reader reported it as spam
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Event:
    """What a service told us about one message, taken at its word."""

    kind: EventKind
    event_id: str  # the same whenever the same event is told, and another for another
    key: str | None  # our reference, as it came back
    address: str | None  # the recipient, as it came back
    status: str | None = None  # enhanced status code (RFC 3463): it decides what follows for the reader
    detail: str = ""  # in the service's own words
    evidence: str = ""  # the fields to keep, a line each; never one that names the reader


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A call from a service, before anything in it is believed."""

    headers: Mapping[str, str]  # names in lower case
    body: bytes


class BadSignature(Exception):
    """The call does not come from the service; the message says what was missing."""


@runtime_checkable
class Receiver(Protocol):
    """Takes the calls that a service makes to say what became of messages."""

    def events(self, request: WebhookRequest) -> Sequence[Event]:
        """Check where the call comes from, then say what it tells.

        Raises `BadSignature`, and `ValueError` with a plain sentence when it cannot be read.
        """
        ...
