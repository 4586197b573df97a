"""Finds the mail provider that the settings name: a module of this package, or an installed entry point.

Third parties publish `[project.entry-points."newsletter.mail_providers"] acme = "acme_mail:make"`; `make` takes a
`ProviderContext` and returns a `MailProvider`. Only the configured provider is imported.
"""

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import newsletter.providers
from newsletter.core.errors import ConfigurationError
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings
from newsletter.providers.base import API_VERSION, MailProvider, ProviderContext, Receiver

ENTRY_POINT_GROUP = "newsletter.mail_providers"

#: Modules of this package that are not a provider.
_NOT_PROVIDERS = {"base", "http", "public_web", "registry", "wire"}


def available() -> list[str]:
    """The names that `NEWSLETTER_MAIL_PROVIDER` may take, in order."""
    return sorted(_built_in() | {point.name for point in _installed()})


def make(name: str, context: ProviderContext) -> MailProvider:
    """The provider with this name.

    Raises `ConfigurationError` when there is none, or two, or it was written for another version of this product.
    """
    points = [point for point in _installed() if point.name == name]
    if len(points) + (name in _built_in()) > 1:
        raise ConfigurationError(
            f"More than one installed package provides the mail provider {name!r}; remove all but one."
        )
    factory: Any
    if name in _built_in():
        factory = importlib.import_module(f"newsletter.providers.{name}").make
    elif points:
        try:
            factory = points[0].load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"The mail provider {name!r} is installed but cannot be loaded ({error}); install it again."
            ) from error
    else:
        raise ConfigurationError(
            f"NEWSLETTER_MAIL_PROVIDER is {name!r}, which is not known. Choose one of: {', '.join(available())}."
        )
    provider = factory(context)
    version = getattr(provider, "api_version", None)
    if version != API_VERSION:
        raise ConfigurationError(
            f"The mail provider {name!r} was written for version {version} of the provider interface; this product "
            f"has version {API_VERSION}. Install a matching release of it."
        )
    return provider  # type: ignore[no-any-return]


def make_configured(runtime: Runtime) -> MailProvider:
    """The provider that the settings name, with the settings that carry its name."""
    settings = runtime.settings
    name = settings.mail_provider
    return make(name, ProviderContext(settings.provider(name), settings.data_dir, runtime.clock))


def carrier(settings: Settings) -> str:
    """Who carries the mail, in words for a privacy notice: what the operator says, else what a provider of ours says in
    its `carrier`, else its name. Empty when mail leaves no machine."""
    name = settings.mail_provider
    if settings.mail_carrier or name not in _built_in():
        return settings.mail_carrier or name
    described = getattr(importlib.import_module(f"newsletter.providers.{name}"), "carrier", None)
    return described(settings.provider(name)) if described else name


def receiver_of(runtime: Runtime, name: str) -> Receiver | None:
    """What takes the calls of this provider; None when it is not the one in use, or makes none."""
    if name != runtime.settings.mail_provider:
        return None
    module = f"newsletter.providers.{name}" if name in _built_in() else ""
    module = next((point.module for point in _installed() if point.name == name), module)
    make_receiver = getattr(importlib.import_module(module), "receiver", None) if module else None
    if make_receiver is None:
        return None
    found: Receiver | None = make_receiver(
        ProviderContext(runtime.settings.provider(name), runtime.settings.data_dir, runtime.clock)
    )
    return found


def _built_in() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(newsletter.providers.__path__)} - _NOT_PROVIDERS


def _installed() -> list[EntryPoint]:
    return list(entry_points(group=ENTRY_POINT_GROUP))
