"""`newsletter doctor`: looks at everything an installation stands on and says, of each thing, how to mend it.

Nothing is changed and nothing is sent. What cannot be looked at from here (the DNS of a machine without a network) is
said to be so and is no problem.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from newsletter import backup, migrating
from newsletter.content.dates import in_words, london_date
from newsletter.content.models import Partnership
from newsletter.core import addresses, logs, loops, periods, runtime, settings
from newsletter.core.errors import ConfigurationError, InvalidInput, NewsletterError, ProviderRefused
from newsletter.core.installation import Installation
from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, pacing
from newsletter.delivery.models import Pulse
from newsletter.editions.models import Cadence
from newsletter.feedback import complaints
from newsletter.providers import registry
from newsletter.web import notice
from scheduler import cadence as cadences
from subscribers import bursts, lists

#: How long the DNS may take, in seconds, and the provider.
DNS_LIFETIME_S = 4.0
PROVIDER_S = 20.0

#: A cadence that fell due longer ago than this shows that no clock is running.
CLOCK_TOLERANCE = timedelta(minutes=10)

#: The sweep is hourly; people are promised that it is daily.
SWEEP_TOLERANCE = timedelta(hours=25)

#: A worker notes each minute that it is there.
WORKER_TOLERANCE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do; None: nothing."""

    about: str
    found: str
    mend: str | None = None


#: The values of a TXT record, none where there is none; raises `dns.exception.DNSException` when it cannot tell.
LookUp = Callable[[str], list[str]]


def findings(look_up: LookUp | None = None) -> Iterator[Finding]:
    """Look at one thing after the other, each finding as soon as it is known."""
    try:
        loaded = settings.load()
        built = runtime.build(loaded)
    except ConfigurationError as error:
        yield Finding("settings", "cannot be used", str(error))
        return
    except OSError as error:
        mend = "Make it a directory that this user can write, or set NEWSLETTER_DATA_DIR to another."
        yield Finding("data directory", f"{error.filename} cannot be used: {error.strerror}", mend)
        return
    yield Finding("settings", f"{loaded.environment}, mail through {loaded.mail_provider}")
    try:
        yield _data_directory(built)
        yield _base_url(built)
        ready = False
        for finding in _database(built):
            ready = finding.mend is None
            yield finding
            if not ready:
                break
        yield _provider(built)
        yield _pace(built)
        if ready:
            yield _workers(built)
            yield _sweep(built)
            yield _held_leaves(built)
            yield from _cadences(built)
            yield _complaints(built)
            yield from _accessibility(built)
            yield from _sender_domains(built, look_up or _txt)
    finally:
        built.db.dispose()


def _data_directory(built: Runtime) -> Finding:
    directory = built.settings.data_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        return Finding(
            "data directory",
            f"{directory} cannot be written: {error.strerror}",
            "Make it writable for this user, or set NEWSLETTER_DATA_DIR to another directory.",
        )
    key = directory / "secret.key"
    if key.exists() and os.stat(key).st_mode & 0o077:
        return Finding("data directory", f"{key} can be read by other users", f"Run: chmod 600 {key}")
    return Finding("data directory", f"{directory} can be written")


def _base_url(built: Runtime) -> Finding:
    address = built.settings.base_url
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        return Finding(
            "base URL",
            f"{address} is not the address of a site",
            "Set NEWSLETTER_BASE_URL like https://news.example.org",
        )
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return Finding("base URL", f"{address} is not encrypted", "Serve it over https and set NEWSLETTER_BASE_URL so.")
    return Finding("base URL", f"links in mails begin with {address}")


def _database(built: Runtime) -> Iterator[Finding]:
    kind = built.db.url.get_backend_name()
    try:
        revision, newest = migrating.current(built.db), migrating.newest()
    except SQLAlchemyError as error:
        mend = "Check that it is running, and NEWSLETTER_DATABASE_URL."
        yield Finding("database", f"{kind} cannot be reached ({type(error).__name__})", mend)
        return
    if revision != newest:
        found = "has no tables yet" if revision is None else f"has the tables of another version ({revision})"
        yield Finding("database", f"{kind} {found}", "Run: newsletter migrate")
        return
    yield Finding("database", f"{kind}, tables are up to date ({revision})")
    with built.db.reading() as session:
        installed = session.exec(select(Installation.key_check)).first()
    if installed is not None and installed.hex() != backup.fingerprint(built):
        yield Finding(
            "secret",
            "is not the one this database was written with",
            "Set NEWSLETTER_SECRET_KEY to the right one (in development it is in secret.key beside the database).",
        )
        return
    yield Finding(
        "secret", "fits the database" if installed is not None else "will be tied to this database at first use"
    )


def _provider(built: Runtime) -> Finding:
    name = built.settings.mail_provider
    about = f"mail provider {name}"

    async def check() -> None:
        provider = registry.make_configured(built)
        try:
            await asyncio.wait_for(provider.check(), PROVIDER_S)
        finally:
            await provider.aclose()

    try:
        loops.run(check())
    except (ConfigurationError, ProviderRefused, NewsletterError) as error:
        return Finding(about, "cannot send", logs.scrub(str(error)))
    except TimeoutError:
        return Finding(
            about, "does not answer", f"Check its address and the network ({PROVIDER_S:.0f} s were allowed)."
        )
    except Exception as error:  # a provider of a third party; the doctor goes on
        return Finding(
            about, f"failed ({type(error).__name__})", "Its check should not fail like this; tell its makers."
        )
    return Finding(about, "is ready" if name != "outbox" else "keeps mail on this machine and sends nothing")


def _pace(built: Runtime) -> Finding:
    try:
        limits = pacing.limits(built.settings)
    except ConfigurationError as error:
        return Finding("pace", "cannot be kept", str(error))
    today = limits.on(london_date(built.clock.now()))
    a_second = f"{limits.per_s:g} messages a second" if limits.per_s else "as fast as the provider takes it"
    return Finding("pace", a_second + (f", {today:,} today" if today is not None else ""))


def _workers(built: Runtime) -> Finding:
    """Only something that waits to be sent makes an absent worker a problem."""
    with built.db.reading() as session:
        pulse = session.get(Pulse, 1)
        waiting = ledger.counts(session)["queued"]
    now = built.clock.now()
    if pulse is None:
        seen = "none has run yet"
    elif pulse.seen_at > now - WORKER_TOLERANCE:
        return Finding("workers", "are there")
    else:
        seen = f"none has been seen since {pulse.seen_at:%H:%M on %-d %B %Y} UTC"
    mend = "Start one: newsletter run, or newsletter worker" if waiting else None
    return Finding("workers", f"{seen}; {waiting:,} copies are waiting" if waiting else seen, mend)


def _sweep(built: Runtime) -> Finding:
    """What has had its time must go: a promise of the privacy page."""
    with built.db.reading() as session:
        last, first = periods.last_sweep(session), session.get_one(Installation, 1).created_at
    now = built.clock.now()
    seen = f"last ran on {last:%-d %B %Y at %H:%M} UTC" if last else "has not run yet"
    is_late = (last or first) < now - SWEEP_TOLERANCE
    return Finding("sweep", seen, "Start a clock: newsletter run, or newsletter scheduler" if is_late else None)


def _held_leaves(built: Runtime) -> Finding:
    with built.db.reading() as session:
        number = bursts.count_held(session)
    if not number:
        return Finding("leaves", "none are held")
    return Finding("leaves", f"{number:,} came in a burst and are held for a person", "See: newsletter leaves held")


def _cadences(built: Runtime) -> Iterator[Finding]:
    now = built.clock.now()
    with built.db.reading() as session:
        slugs = {mailing_list.id: mailing_list.slug for mailing_list in lists.all_lists(session)}
        rows = session.exec(select(Cadence).order_by(col(Cadence.mailing_list_id))).all()
        for row in rows:
            about = f"cadence of {slugs.get(row.mailing_list_id, row.mailing_list_id)}"
            try:
                cadences.check(row.rule, row.timezone)
            except InvalidInput as error:
                yield Finding(about, "cannot be followed", str(error))
                continue
            if row.next_due is None:
                yield Finding(about, "is not running")
            elif row.next_due < now - CLOCK_TOLERANCE:
                mend = "Start the clock: newsletter run, or newsletter scheduler"
                yield Finding(about, f"fell due on {row.next_due:%-d %B %Y} and nothing happened", mend)
            else:
                yield Finding(about, f"next due on {row.next_due:%-d %B %Y}")


def _complaints(built: Runtime) -> Finding:
    today = london_date(built.clock.now())
    with built.db.reading() as session:
        urgent = complaints.urgent(session, today)
    if not urgent:
        return Finding("complaints about data", f"none must be acknowledged within {complaints.URGENT_DAYS} days")
    found = "; ".join(f"{row.reference}: {complaints.clock(row, today)}" for row in urgent)
    mend = "Tell the person that you have it, then run: newsletter complaints acknowledge REF --by EMAIL"
    return Finding("complaints about data", found, mend)


def _accessibility(built: Runtime) -> Iterator[Finding]:
    with built.db.reading() as session:
        rows = session.exec(select(Partnership)).all()
    for row in rows:
        about, reviewed = "accessibility statement", row.accessibility_reviewed_on
        found = f"last reviewed on {in_words(reviewed)}" if reviewed else "never reviewed"
        due = notice.is_review_due(row, london_date(built.clock.now()))
        mend = "Check it, then set accessibility_prepared_on and accessibility_reviewed_on of the partnership"
        yield Finding(about, found, mend if due else None)


def _sender_domains(built: Runtime, look_up: LookUp) -> Iterator[Finding]:
    """SPF (RFC 7208) and DMARC (RFC 7489) of every domain that mail comes from."""
    with built.db.reading() as session:
        domains = sorted({addresses.domain(found.sender_email) for found in lists.all_lists(session)})
    for domain in domains:
        if domain.endswith(("example.org", "example.com")):  # reserved: nobody can publish anything there
            yield Finding(f"DNS of {domain}", "cannot be set: this is a sample address")
            continue
        for name, where, mark, example in (
            ("SPF", domain, "v=spf1", "v=spf1 include:… -all"),
            ("DMARC", f"_dmarc.{domain}", "v=DMARC1", "v=DMARC1; p=quarantine; rua=mailto:…"),
        ):
            about = f"{name} of {domain}"
            try:
                values = [value for value in look_up(where) if value.lower().startswith(mark.lower())]
            except dns.exception.DNSException:
                yield Finding(about, "could not be looked up from here")
                continue
            if len(values) == 1:
                yield Finding(about, "is published")
            else:
                found = "is missing" if not values else "is published more than once, which counts as not at all"
                yield Finding(about, found, f"Have one TXT record published at {where}, like “{example}”.")


def _txt(name: str) -> list[str]:
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=DNS_LIFETIME_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
