"""Settings come from the environment (or `.env`), prefix `NEWSLETTER_`, and are built once at the roof and passed down.

A secret `NEWSLETTER_X` may come from the file named by `NEWSLETTER_X_FILE`. `production` refuses to start when a
setting would put people at risk, and says which. A mail provider's own settings (`NEWSLETTER_SMTP_HOST`, …) are not
fields here: each provider reads the ones that carry its name, through `Settings.provider`.
"""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from newsletter.core.errors import ConfigurationError

PREFIX = "NEWSLETTER_"

#: Shorter secrets can be guessed; 32 random bytes in any encoding are longer than this.
MINIMUM_SECRET_LENGTH = 32

#: 64 octets are all that a local part may have (RFC 5321, section 4.5.3.1.1).
_BOUNCE_ADDRESS = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,21}[A-Za-z0-9])?@(?=.{4,189}$)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
).fullmatch


class Settings(BaseModel):
    """Everything an operator decides. Defaults suit one laptop."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="Directory for the database, the outbox and the generated secret")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in DATA_DIR")
    base_url: str = Field("http://127.0.0.1:8000", description="Public address of the site, without a slash at the end")
    environment: Literal["development", "production"] = "development"
    secret_key: SecretStr = Field(
        SecretStr(""), description="At least 32 characters, kept for ever; empty: one is generated in DATA_DIR"
    )
    mail_provider: str = Field("outbox", description="Who carries the mail: outbox, smtp, notify, …")
    mail_carrier: str = Field(
        "", description="Who carries the mail and where, for the privacy notice; empty: what the provider says"
    )
    mail_domain: str = Field("", description="Domain of Message-IDs; empty: the host of BASE_URL")
    bounce_address: str = Field(
        "", description="Where bounces are taken, like bounces@bounce.example.org; empty: the sender of each list"
    )
    test_recipients: str = Field(
        "", description="Besides staff, who may get a test of an edition: addresses and @domains, a comma between"
    )
    sign_ups_per_network_per_hour: int = Field(30, ge=1, description="Sign-up requests taken from one network an hour")
    api_requests_per_minute: int = Field(120, ge=1, description="Requests that one API key may make a minute")
    body_within_s: float = Field(20, gt=0, description="Seconds in which the body of a request must arrive")
    concurrent_requests: int = Field(200, ge=1, description="Requests that one web process answers at the same time")
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses of reverse proxies whose X-Forwarded-For is believed"
    )
    lease_s: float = Field(60, ge=1, le=3600, description="Seconds after which a silent worker counts as dead")
    window: int = Field(
        100, ge=1, le=1000, description="Most messages claimed at once: the price of doubt after a kill"
    )
    rate_per_s: float = Field(0, ge=0, description="Most messages a second, over all workers; 0: no limit")
    rate_per_day: int = Field(0, ge=0, description="Most messages a day; 0: no limit")
    warm_up: str = Field("", description="First day and its messages, doubling daily, like 2026-12-01:500")
    domain_rates: str = Field("", description="Messages a second to receiving domains, like gmail.com=10, *=50")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    provider_values: Mapping[str, str] = Field(default_factory=dict, repr=False)

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'newsletter.db'}"

    @property
    def message_domain(self) -> str:
        return self.mail_domain or self.base_url.split("://", 1)[-1].split("/")[0].split(":")[0]

    def provider(self, name: str) -> dict[str, str]:
        """The settings that carry a provider's name: `{"host": …}` from `NEWSLETTER_SMTP_HOST`, keys in lower case."""
        prefix = f"{name}_".lower()
        return {
            key.removeprefix(prefix): value for key, value in self.provider_values.items() if key.startswith(prefix)
        }


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings, generate a secret for development where none is given, and refuse what is unsafe.

    Raises `ConfigurationError` naming the setting and the cure.
    """
    given: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        given.update({key: value for key, value in dotenv_values(env_file).items() if value is not None})
    given.update(os.environ if environ is None else environ)
    values = _named(given)
    try:
        settings = Settings.model_validate({**values, "provider_values": values})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}. See docs/running.md for what it may be.") from None
    settings = settings.model_copy(update={"base_url": settings.base_url.rstrip("/")})
    if settings.bounce_address and not _BOUNCE_ADDRESS(settings.bounce_address):
        raise ConfigurationError(
            f"{PREFIX}BOUNCE_ADDRESS must be a plain address like bounces@bounce.example.org, with 23 characters or "
            "fewer before the @: each mail gets one of its own, with a + and 40 more characters there."
        )
    if settings.is_production:
        _refuse_unsafe(settings)
    if not settings.secret_key.get_secret_value():
        settings = settings.model_copy(update={"secret_key": SecretStr(_generated_secret(settings.data_dir))})
    return settings


def _named(given: Mapping[str, str]) -> dict[str, str]:
    """Strip the prefix and resolve every `X_FILE` to the contents of that file."""
    values: dict[str, str] = {}
    for key, value in given.items():
        if not key.startswith(PREFIX):
            continue
        name = key.removeprefix(PREFIX).lower()
        if name.endswith("_file"):
            try:
                values[name.removesuffix("_file")] = Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigurationError(f"{key} names a file that cannot be read: {error.strerror}.") from None
        else:
            values.setdefault(name, value)
    return values


def _refuse_unsafe(settings: Settings) -> None:
    if len(settings.secret_key.get_secret_value()) < MINIMUM_SECRET_LENGTH:
        raise ConfigurationError(
            f"{PREFIX}SECRET_KEY must be set to at least {MINIMUM_SECRET_LENGTH} random characters in production "
            "(for example from: openssl rand -base64 48)."
        )
    if settings.mail_provider == "outbox":
        raise ConfigurationError(
            f"{PREFIX}MAIL_PROVIDER is outbox, which sends nothing; choose smtp or another provider in production."
        )
    if not settings.base_url.startswith("https://"):
        raise ConfigurationError(f"{PREFIX}BASE_URL must start with https:// in production.")


def _generated_secret(data_dir: Path) -> str:
    """The development secret: made once, readable by its owner alone, kept beside the database."""
    path = data_dir / "secret.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was first
            pass
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
