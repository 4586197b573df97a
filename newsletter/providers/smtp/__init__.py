"""SMTP: any mail server, spoken to by a strict pipelining client of our own.

Settings (`NEWSLETTER_SMTP_…`): `HOST`, `PORT`, `USERNAME`, `PASSWORD`, `AUTH` (`auto`, `plain`, `login` or `xoauth2`),
`TLS` (`none`, `starttls` or `tls`), `CA_FILE` (who vouches for the server, in place of the machine's list), `TIMEOUT_S`
(for each answer of the server) and `CONNECTIONS` (at once).
"""

import ssl
from collections.abc import Mapping
from typing import cast

from newsletter.core.errors import ConfigurationError
from newsletter.providers.base import ProviderContext
from newsletter.providers.smtp import signing_in
from newsletter.providers.smtp.connecting import Server, Tls, is_loopback
from newsletter.providers.smtp.provider import Smtp

__all__ = ["Smtp", "carrier", "make"]

_PORTS: Mapping[Tls, int] = {"none": 25, "starttls": 587, "tls": 465}


def carrier(config: Mapping[str, str]) -> str:
    """For the privacy notice. Whose server it is, the operator knows (`NEWSLETTER_MAIL_CARRIER`)."""
    return f"the mail server {config.get('host', '').strip()}"


def make(context: ProviderContext, *, tls_context: ssl.SSLContext | None = None) -> Smtp:
    """The provider that the settings describe. Raises `ConfigurationError` naming the setting."""
    config = context.config
    host = config.get("host", "").strip()
    if not host:
        raise ConfigurationError("NEWSLETTER_SMTP_HOST must name the mail server.")
    tls = cast(Tls, config.get("tls", "starttls").strip().lower())
    if tls not in _PORTS:
        raise ConfigurationError("NEWSLETTER_SMTP_TLS must be none, starttls or tls.")
    auth = (config.get("auth") or "auto").strip().lower()
    if auth not in ("auto", *signing_in.MECHANISMS):
        raise ConfigurationError("NEWSLETTER_SMTP_AUTH must be auto, plain, login or xoauth2.")
    username, password = config.get("username", ""), config.get("password", "")
    if username and tls == "none" and not is_loopback(host):
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
        auth=auth,
        # Made once: reading the machine's certificates takes longer than sending a message.
        tls_context=tls_context or (_tls_context(config.get("ca", "")) if tls != "none" else None),
    )
    return Smtp(server, connections=int(_number(config, "connections", 10, 1, 100)))


def _tls_context(authorities: str) -> ssl.SSLContext:
    """Certificate and host name are always verified."""
    try:
        context = ssl.create_default_context(cadata=authorities or None)
    except (ssl.SSLError, ValueError):
        raise ConfigurationError("NEWSLETTER_SMTP_CA_FILE must hold certificates in PEM form.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _number(config: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(config.get(name) or default)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ConfigurationError(f"NEWSLETTER_SMTP_{name.upper()} must be a number from {least:g} to {most:g}.")
    return value
