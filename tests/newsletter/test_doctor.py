"""The doctor finds what is wrong with an installation and says how to mend it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.exception
import pytest
from sqlmodel import select

from newsletter import doctor, migrating, sample
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.core.runtime import Runtime
from newsletter.delivery.models import Batch, Pulse
from newsletter.doctor import Finding
from newsletter.editions.models import Cadence
from subscribers import lists

SPF, DMARC = "v=spf1 -all", "v=DMARC1; p=quarantine"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    built = runtimes.build(settings.load())
    migrating.upgrade(built.db)
    sample.load(built)
    return built


def published(name: str) -> list[str]:
    return [DMARC] if name.startswith("_dmarc.") else ["something else", SPF]


def problems(look_up: doctor.LookUp = published) -> dict[str, Finding]:
    return {finding.about: finding for finding in doctor.findings(look_up) if finding.mend is not None}


def send_from(built: Runtime, domain: str) -> None:
    with built.db.transaction() as session:
        for mailing_list in lists.all_lists(session):
            mailing_list.sender_email = f"news@{domain}"


def test_a_fresh_sample_is_well(installed: Runtime) -> None:
    assert problems() == {}


def test_before_migrating_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert problems()["database"].mend == "Run: newsletter migrate"


@pytest.mark.parametrize(
    ("name", "value", "about"),
    [
        ("ENVIRONMENT", "production", "settings"),
        ("DATABASE_URL", "nonsense", "settings"),
        ("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2", "database"),
        ("SECRET_KEY", "quite another secret than the one before", "secret"),
        ("BASE_URL", "news.example.org", "base URL"),
        ("BASE_URL", "http://news.example.org", "base URL"),
        ("MAIL_PROVIDER", "pigeon", "mail provider pigeon"),
        ("DATA_DIR", "/dev/null", "data directory"),
    ],
)
def test_a_setting_that_does_not_fit_is_found(
    installed: Runtime, monkeypatch: pytest.MonkeyPatch, name: str, value: str, about: str
) -> None:
    if name == "DATA_DIR":
        monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "a secret so that none has to be written there")
    monkeypatch.setenv(f"NEWSLETTER_{name}", value)
    found = problems()[about]
    assert found.mend


def test_a_mail_server_that_is_away_is_found(installed: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_MAIL_PROVIDER", "smtp")
    monkeypatch.setenv("NEWSLETTER_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("NEWSLETTER_SMTP_PORT", "1")
    monkeypatch.setenv("NEWSLETTER_SMTP_TLS", "none")
    assert "mail provider smtp" in problems()


def test_a_secret_others_can_read_is_found(installed: Runtime) -> None:
    (installed.settings.data_dir / "secret.key").chmod(0o644)
    assert (problems()["data directory"].mend or "").startswith("Run: chmod 600")


class TestCadences:
    def change(self, built: Runtime, **changes: object) -> None:
        with built.db.transaction() as session:
            cadence = session.exec(select(Cadence).order_by(Cadence.id)).first()  # type: ignore[arg-type]
            for name, value in changes.items():
                setattr(cadence, name, value)

    def test_a_clock_that_is_not_running_is_found(self, installed: Runtime) -> None:
        self.change(installed, next_due=datetime.now(UTC) - timedelta(days=2))
        assert "Start the clock" in str(problems()["cadence of parents"].mend)

    def test_a_bad_rule_is_found(self, installed: Runtime) -> None:
        self.change(installed, rule="FREQ=SOMETIMES")
        assert "FREQ=WEEKLY" in str(problems()["cadence of parents"].mend)

    def test_one_that_is_stopped_is_no_problem(self, installed: Runtime) -> None:
        self.change(installed, next_due=None)
        assert problems() == {}


class TestDns:
    def test_what_is_published_is_well(self, installed: Runtime) -> None:
        send_from(installed, "council.gov.uk")
        assert problems() == {}

    def test_what_is_missing_is_found(self, installed: Runtime) -> None:
        send_from(installed, "council.gov.uk")
        assert set(problems(lambda _: [])) == {"SPF of council.gov.uk", "DMARC of council.gov.uk"}

    def test_what_is_there_twice_is_found(self, installed: Runtime) -> None:
        send_from(installed, "council.gov.uk")
        assert set(problems(lambda name: published(name) * 2)) == {"SPF of council.gov.uk", "DMARC of council.gov.uk"}

    def test_without_a_network_nothing_is_wrong(self, installed: Runtime) -> None:
        def offline(_: str) -> list[str]:
            raise dns.exception.Timeout

        send_from(installed, "council.gov.uk")
        assert problems(offline) == {}
        assert "could not be looked up from here" in {finding.found for finding in doctor.findings(offline)}

    def test_a_sample_address_asks_nobody(self, installed: Runtime) -> None:
        def nobody(_: str) -> list[str]:
            raise AssertionError

        assert problems(nobody) == {}


def test_copies_that_wait_and_no_worker_are_a_problem(installed: Runtime) -> None:
    with installed.db.transaction() as session:
        session.add(Batch(edition_id=1, number=0, due_at=installed.clock.now(), queued=7))
    assert problems()["workers"].found == "none has run yet; 7 copies are waiting"
    with installed.db.transaction() as session:
        session.add(Pulse(id=1, seen_at=installed.clock.now()))
    assert problems() == {}
    with installed.db.transaction() as session:
        session.get_one(Pulse, 1).seen_at -= timedelta(hours=1)
    assert problems()["workers"].mend == "Start one: newsletter run, or newsletter worker"


def test_a_pace_that_cannot_be_kept_is_a_problem(installed: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_WARM_UP", "tomorrow")
    assert problems()["pace"].found == "cannot be kept"
