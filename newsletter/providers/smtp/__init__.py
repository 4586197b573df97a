"""SMTP: any mail server, one transaction and one recipient for each message, one connection for each window.

Settings: `NEWSLETTER_SMTP_HOST`, `PORT`, `USERNAME`, `PASSWORD`, `TLS` (`none`, `starttls` or `tls`), `TIMEOUT_S` (for
each answer of the server) and `CONNECTIONS` (at once).
"""

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from newsletter.core.errors import ConfigurationError, ProviderRefused
from newsletter.providers import wire
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
from newsletter.providers.smtp.conversation import CannotConnect, Conversation, Server, Tls

_PORTS: Mapping[Tls, int] = {"none": 25, "starttls": 587, "tls": 465}

#: After so many lost connections within one window the rest waits for another time.
_PATIENCE = 3


class Smtp:
    name = "smtp"
    api_version = API_VERSION

    def __init__(self, server: Server, *, connections: int) -> None:
        self._server = server
        self.capabilities = Capabilities(
            max_batch=100,
            max_bytes=25_000_000,
            raw_mime=True,
            one_click_unsubscribe=True,
            id_per_recipient=False,
            concurrency=connections,
        )

    async def check(self) -> None:
        try:
            conversation = await Conversation.open(self._server)
        except CannotConnect as error:
            raise ProviderRefused(f"{_sentence(error)}. Check the settings NEWSLETTER_SMTP_….") from None
        await conversation.close()

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        sender = message.sender.rpartition("<")[2].rstrip(" >")
        results: list[Result] = []
        conversation: Conversation | None = None
        given_up: Result | None = None
        lost = 0
        try:
            for recipient in recipients:
                if (refused := _unfit(sender, recipient)) is not None:
                    results.append(refused)
                    continue
                if given_up is None and (conversation is None or not conversation.is_open):
                    lost += conversation is not None
                    conversation, given_up = await self._connect(lost)
                if given_up is not None or conversation is None:
                    assert given_up is not None
                    results.append(replace(given_up, key=recipient.key))
                    continue
                address = wire.wire_form(recipient.address)
                results.append(await conversation.send(recipient.key, sender, address, recipient.mime))
            if conversation is not None:
                await conversation.close()
        finally:  # cancelled: leave nothing open
            if conversation is not None:
                conversation.hang_up()
        return results

    async def aclose(self) -> None:
        """Nothing is kept open between windows."""

    async def _connect(self, lost: int) -> tuple[Conversation | None, Result | None]:
        """A conversation, or what is true of everybody who is left."""
        if lost >= _PATIENCE:
            detail = "The mail server ended the connection again and again."
            return None, Result("", Outcome.DEFERRED, detail=detail, scope=Scope.BATCH)
        try:
            return await Conversation.open(self._server), None
        except CannotConnect as error:
            scope = Scope.BATCH if error.is_passing else Scope.ACCOUNT
            return None, Result("", Outcome.DEFERRED, code=error.code, detail=_sentence(error), scope=scope)


def _sentence(error: CannotConnect) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _unfit(sender: str, recipient: Recipient) -> Result | None:
    """What must not go over the wire, refused before anything is sent."""
    try:
        wire.wire_form(recipient.address)
    except ValueError as error:
        return Result(recipient.key, Outcome.REJECTED, code="address", detail=str(error))
    try:
        wire.wire_form(sender)
    except ValueError:
        detail = "The sender's address cannot stand in an envelope."
        return Result(recipient.key, Outcome.REJECTED, code="sender", detail=detail, scope=Scope.BATCH)
    text = recipient.mime.replace(b"\r\n", b"")
    if not recipient.mime or b"\r" in text or b"\n" in text or b"\0" in text:
        detail = "The message is empty or has line ends that mail servers read in different ways."
        return Result(recipient.key, Outcome.REJECTED, code="message", detail=detail, scope=Scope.BATCH)
    if any(len(line) > 998 for line in recipient.mime.split(b"\r\n")):
        detail = "The message has a line of more than 998 characters."
        return Result(recipient.key, Outcome.REJECTED, code="message", detail=detail, scope=Scope.BATCH)
    return None


def make(context: ProviderContext, *, tls_context: ssl.SSLContext | None = None) -> Smtp:
    """The provider that the settings describe. Raises `ConfigurationError` naming the setting."""
    config = context.config
    host = config.get("host", "").strip()
    if not host:
        raise ConfigurationError("NEWSLETTER_SMTP_HOST must name the mail server.")
    tls = cast(Tls, config.get("tls", "starttls").strip().lower())
    if tls not in _PORTS:
        raise ConfigurationError("NEWSLETTER_SMTP_TLS must be none, starttls or tls.")
    username, password = config.get("username", ""), config.get("password", "")
    if username and tls == "none" and not _is_loopback(host):
        raise ConfigurationError(
            "NEWSLETTER_SMTP_USERNAME is set but NEWSLETTER_SMTP_TLS is none: the password would travel in clear. Set "
            "NEWSLETTER_SMTP_TLS to starttls or tls."
        )
    server = Server(
        host=host,
        port=int(_number(config, "port", _PORTS[tls], 1, 65535)),
        tls=tls,
        timeout_s=_number(config, "timeout_s", 30, 0.05, 600),
        username=username,
        password=password,
        # Made once: reading the machine's certificates takes longer than sending a message.
        tls_context=tls_context or (ssl.create_default_context() if tls != "none" else None),
    )
    return Smtp(server, connections=int(_number(config, "connections", 4, 1, 100)))


def _number(config: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(config.get(name) or default)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ConfigurationError(f"NEWSLETTER_SMTP_{name.upper()} must be a number from {least:g} to {most:g}.")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
