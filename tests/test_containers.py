"""The container files and the sample settings are true, as far as that can be seen without running a container."""

import re
from pathlib import Path

import yaml

from newsletter.core import settings

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
COMMANDS = {"newsletter web", "newsletter worker", "newsletter scheduler", "newsletter migrate"}


def test_compose_runs_each_role_a_database_and_a_mail_catcher() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"migrate", "web", "worker", "scheduler", "database", "mail"}
    ours = [service for service in services.values() if service.get("image") == "send-newsletter"]
    assert {" ".join(service["command"].split()[:2]) for service in ours} == COMMANDS
    for service in ours:
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        assert set(service["depends_on"]) <= set(services)


def test_only_loopback_ports_are_published() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_compose_and_sample_settings_name_settings_that_exist(tmp_path: Path) -> None:
    sample = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?(NEWSLETTER_\w+)=", sample, re.MULTILINE)) | {
        key for key in COMPOSE["services"]["web"]["environment"] if key.startswith("NEWSLETTER_")
    }
    known = set(settings.Settings.model_fields) - {"provider_values"}
    for name in named:
        short = name.removeprefix("NEWSLETTER_").lower().removesuffix("_file")
        assert short in known or short.split("_")[0] in {"smtp", "notify", "dkim", "oidc"}, name
    documented = {name.removeprefix("NEWSLETTER_").lower().removesuffix("_file") for name in named}
    assert known <= documented, f".env.example does not mention {known - documented}"


def test_the_sample_settings_start_a_development_system(tmp_path: Path) -> None:
    loaded = settings.load({"NEWSLETTER_DATA_DIR": str(tmp_path)}, env_file=ROOT / ".env.example")
    assert loaded.mail_provider == "outbox"


def test_the_image_is_built_from_locked_packages_and_runs_without_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.count("--require-hashes") == dockerfile.count("pip install --no-cache-dir -") - 1
    assert re.search(r"^USER newsletter$", dockerfile, re.MULTILINE)
    assert (ROOT / "requirements.lock").exists()
