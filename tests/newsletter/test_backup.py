"""A backup comes back whole, in either kind of database, and nothing goes out again by itself (REQ-86)."""

import asyncio
import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlmodel import Session, col, select

from newsletter import backup, migrating, restoring, sample
from newsletter.content import picture_files, pictures
from newsletter.content.models import Partnership, Picture, Update
from newsletter.core import runtime as runtimes
from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, letterheads, letters, opening
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState
from newsletter.delivery.sending import Sender
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.staff import accounts
from newsletter.tables import metadata
from scheduler import jobs
from subscribers import lists, preferences, privacy
from subscribers.models import Subscriber, SubscriberState
from tests.conftest import make_runtime
from tests.newsletter.delivery.scene import assert_counts_are_right, claim
from tests.newsletter.delivery.test_sending import Kept
from tests.picture_samples import jpeg, png


@pytest.fixture
def installed(runtime: Runtime) -> Runtime:
    """An installation with the sample in it, its tables made by migration."""
    metadata.drop_all(runtime.db.engine)
    migrating.upgrade(runtime.db)
    sample.load(runtime)
    return runtime


@pytest.fixture
def laptop(sqlite_runtime: Runtime) -> Runtime:
    """The same on SQLite alone, where the kind of database plays no part."""
    metadata.drop_all(sqlite_runtime.db.engine)
    migrating.upgrade(sqlite_runtime.db)
    sample.load(sqlite_runtime)
    return sqlite_runtime


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.zip"


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[Runtime]:
    """A new installation of either kind, with the same secret and nothing in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/elsewhere.db"
    else:
        server: str = request.getfixturevalue("postgresql_server")
        name = f"elsewhere_{abs(hash(request.node.name)) % 10**12}"
        with sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        url = sa.engine.make_url(server).set(database=name).render_as_string(hide_password=False)
    built = make_runtime(url, clock, tmp_path)
    migrating.upgrade(built.db)
    yield built
    built.db.dispose()


def contents(runtime: Runtime) -> dict[str, list[tuple[Any, ...]]]:
    with runtime.db.reading() as session:
        return {
            table.name: [
                tuple(row) for row in session.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            ]
            for table in metadata.sorted_tables
        }


def approved(runtime: Runtime, edition_id: int) -> None:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        edition = session.get_one(Edition, edition_id)
        approver = accounts.find(session, runtime.crypto, "approver@example.org")
        assert approver.id is not None
        head = letterheads.letterhead(session, lists.by_id(session, edition.mailing_list_id), runtime.settings.base_url)
        publishing.approve(
            session,
            edition_id,
            approver_id=approver.id,
            roles=accounts.roles_of(session, approver.id),
            letterhead=head,
            now=now,
        )


def somebody(session: Session, runtime: Runtime) -> tuple[Subscriber, str]:
    """The first confirmed parent, and the address."""
    found = session.exec(
        select(Subscriber).where(Subscriber.state == SubscriberState.CONFIRMED).order_by(col(Subscriber.id))
    ).first()
    assert found is not None
    assert found.address_sealed is not None
    return found, runtime.crypto.decrypt(found.address_sealed)


class TestWhole:
    def test_everything_comes_back_in_either_kind_of_database(
        self, installed: Runtime, elsewhere: Runtime, file: Path
    ) -> None:
        rows = backup.write(installed, file)
        restored = restoring.load(elsewhere, file, replace=False)
        assert restored.rows == rows > 500
        assert restored.held == []
        assert contents(elsewhere) == contents(installed)

    def test_it_can_be_backed_up_and_restored_again(
        self, installed: Runtime, elsewhere: Runtime, tmp_path: Path
    ) -> None:
        backup.write(installed, tmp_path / "one.zip")
        restoring.load(elsewhere, tmp_path / "one.zip", replace=False)
        backup.write(elsewhere, tmp_path / "two.zip")
        restoring.load(installed, tmp_path / "two.zip", replace=True)
        assert contents(elsewhere) == contents(installed)

    def test_pictures_come_back_byte_for_byte(self, installed: Runtime, elsewhere: Runtime, file: Path) -> None:
        now = installed.clock.now()
        with installed.db.transaction() as session:
            for seed in range(backup.LARGE_PAGE + 1):
                pictures.keep(session, picture_files.photograph(jpeg((120, 90), seed=seed)), now=now)
            update_id = session.exec(select(Update.id)).first()
            assert update_id is not None
            photo = picture_files.photograph(jpeg())
            assert pictures.put_to_update(session, update_id, photo, "A garden", now=now, editor_id=None)
            sha256 = session.get_one(Update, update_id).picture_sha256
            logo = pictures.set_logo(session, picture_files.logo(png()), now=now).logo_sha256
            drawing = picture_files.photograph(png())
            withdrawn = pictures.keep(session, drawing, now=now)
            assert pictures.withdraw(session, withdrawn, now=now)
        backup.write(installed, file)
        restoring.load(elsewhere, file, replace=False)
        with elsewhere.db.reading() as session:
            update = session.get_one(Update, update_id)
            assert (update.picture_sha256, update.picture_alt) == (sha256, "A garden")
            assert session.exec(select(Partnership.logo_sha256)).one() == logo
            for row in session.exec(select(Picture)):
                assert hashlib.sha256(row.content).hexdigest() == row.sha256
            assert pictures.was_withdrawn(session, withdrawn)
            with pytest.raises(InvalidInput, match="deleted for good"):
                pictures.keep(session, drawing, now=now)
        assert contents(elsewhere) == contents(installed)

    def test_ids_in_mails_sent_after_the_backup_come_to_mean_nobody_else(
        self, installed: Runtime, elsewhere: Runtime, file: Path
    ) -> None:
        backup.write(installed, file)
        restoring.load(elsewhere, file, replace=False)
        with elsewhere.db.transaction() as session:
            highest = max(session.exec(select(Subscriber.id)).all())
            new = Subscriber(
                mailing_list_id=1,
                address_hash=b"n" * 32,
                state=SubscriberState.PENDING,
                requested_at=elsewhere.clock.now(),
            )
            session.add(new)
            session.flush()
            assert new.id is not None
            assert new.id > highest + 1000
            accounts.add(session, elsewhere.crypto, "new@example.org", roles=["author"], now=elsewhere.clock.now())  # type: ignore[list-item]

    def test_it_holds_neither_the_secret_nor_an_address(self, installed: Runtime, file: Path) -> None:
        backup.write(installed, file)
        assert file.stat().st_mode & 0o077 == 0
        with installed.db.reading() as session:
            _, address = somebody(session, installed)
        with zipfile.ZipFile(file) as archive:
            everything = b"".join(archive.read(name) for name in archive.namelist())
        assert address.encode() not in everything
        assert installed.settings.secret_key.get_secret_value().encode() not in everything

    def test_a_file_that_is_there_is_not_overwritten(self, installed: Runtime, file: Path) -> None:
        file.write_text("mine")
        with pytest.raises(WrongState, match="exists already"):
            backup.write(installed, file)
        assert file.read_text() == "mine"
        assert [found.name for found in file.parent.glob(".backup*")] == []


class TestRefused:
    def test_a_database_with_something_in_it_is_not_overwritten(self, laptop: Runtime, file: Path) -> None:
        backup.write(laptop, file)
        before = contents(laptop)
        with pytest.raises(WrongState, match="--replace"):
            restoring.load(laptop, file, replace=False)
        assert contents(laptop) == before

    def test_another_secret_is_refused(self, laptop: Runtime, file: Path, tmp_path: Path, clock: ManualClock) -> None:
        backup.write(laptop, file)
        stranger = runtimes.build(
            laptop.settings.model_copy(
                update={
                    "secret_key": SecretStr("another secret, just as long as it has to be"),
                    "database_url": f"sqlite:///{tmp_path}/stranger.db",
                }
            ),
            clock=clock,
        )
        migrating.upgrade(stranger.db)
        with pytest.raises(InvalidInput, match="NEWSLETTER_SECRET_KEY"):
            restoring.load(stranger, file, replace=True)
        stranger.db.dispose()

    @pytest.mark.parametrize(
        "damage", ["not a zip", "cut off", "a changed row", "a row less", "no manifest", "no table"]
    )
    def test_a_damaged_file_changes_nothing(self, laptop: Runtime, file: Path, tmp_path: Path, damage: str) -> None:
        backup.write(laptop, file)
        before = contents(laptop)
        broken = tmp_path / "broken.zip"
        if damage == "not a zip":
            broken.write_text("Dear operator")
        elif damage == "cut off":
            broken.write_bytes(file.read_bytes()[:-2000])
        else:
            with zipfile.ZipFile(file) as whole, zipfile.ZipFile(broken, "w") as archive:
                for name in whole.namelist():
                    content = whole.read(name)
                    if name == "suppression.jsonl" and damage == "a changed row":
                        content += b"[]\n"
                    if name == "subscriber.jsonl" and damage == "a row less":
                        content = content[content.index(b"\n") + 1 :]
                    if (damage, name) not in (("no manifest", backup.MANIFEST), ("no table", "delivery.jsonl")):
                        archive.writestr(name, content)
        with pytest.raises(InvalidInput, match="damaged"):
            restoring.load(laptop, broken, replace=True)
        assert contents(laptop) == before

    def test_a_backup_of_another_version_says_which(self, laptop: Runtime, file: Path, tmp_path: Path) -> None:
        backup.write(laptop, file)
        other = tmp_path / "other.zip"
        with zipfile.ZipFile(file) as whole, zipfile.ZipFile(other, "w") as archive:
            for name in whole.namelist():
                content = whole.read(name)
                if name == backup.MANIFEST:
                    content = json.dumps({**json.loads(content), "revision": "9999"}).encode()
                archive.writestr(name, content)
        with pytest.raises(InvalidInput, match="9999"):
            restoring.load(laptop, other, replace=True)

    def test_a_failure_on_the_way_leaves_everything_as_it_was(
        self, installed: Runtime, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backup.write(installed, file)
        before = contents(installed)

        def fails(*_: object) -> None:
            raise WrongState("In the middle of it.")

        monkeypatch.setattr(restoring, "_continue_ids", fails)
        with pytest.raises(WrongState, match="In the middle"):
            restoring.load(installed, file, replace=True)
        assert contents(installed) == before


class TestNothingGoesOutAgain:
    def test_an_edition_that_was_being_sent_is_paused_and_its_open_copies_are_unknown(
        self, installed: Runtime, file: Path, clock: ManualClock
    ) -> None:
        approved(installed, 1)
        with installed.db.transaction() as session:
            opening.release_and_open(session, 1, now=clock.now())
            recipients = ledger.counts(session, 1)["queued"]
        assert claim(installed, 5)
        backup.write(installed, file)
        clock.move(timedelta(days=30))
        restored = restoring.load(installed, file, replace=True)
        assert restored.held == [1]
        with installed.db.reading() as session:
            edition = session.get_one(Edition, 1)
            assert edition.state is EditionState.PAUSED
            assert edition.paused_because is not None
            assert "check what was already sent" in edition.paused_because
            assert ledger.counts(session, 1)["unknown"] == recipients
            states = session.exec(select(Delivery.state).where(Delivery.edition_id == 1)).all()
            assert set(states) == {DeliveryState.UNKNOWN}
            assert len(states) == recipients
            event = session.exec(select(EditionEvent).order_by(col(EditionEvent.id).desc())).first()
            assert event is not None
            assert event.note == edition.paused_because
        self.nothing_is_due(installed)

    def test_a_person_can_decide_to_send_the_rest(self, installed: Runtime, file: Path, clock: ManualClock) -> None:
        approved(installed, 1)
        with installed.db.transaction() as session:
            opening.release_and_open(session, 1, now=clock.now())
        backup.write(installed, file)
        restoring.load(installed, file, replace=True)
        with installed.db.transaction() as session:
            again = ledger.decide_unknown(session, 1, send_again=True, now=clock.now())
            publishing.resume(session, 1, now=clock.now())
        assert again > 100
        assert len(claim(installed, 10).deliveries) == 10

    def test_a_scheduled_edition_loses_its_date(self, installed: Runtime, file: Path, clock: ManualClock) -> None:
        approved(installed, 1)
        with installed.db.transaction() as session:
            publishing.schedule(session, 1, send_at=clock.now() + timedelta(hours=1), now=clock.now())
        backup.write(installed, file)
        clock.move(timedelta(days=30))
        assert restoring.load(installed, file, replace=True).held == [1]
        assert jobs.open_due(installed) == []
        with installed.db.reading() as session:
            edition = session.get_one(Edition, 1)
            assert edition.state is EditionState.APPROVED
            assert edition.send_at is None
        self.nothing_is_due(installed)

    def test_a_letter_that_was_waiting_is_unknown(self, installed: Runtime, file: Path, clock: ManualClock) -> None:
        with installed.db.transaction() as session:
            subscriber, _ = somebody(session, installed)
            assert subscriber.id is not None
            letters.queue(
                session,
                DeliveryKind.WELCOME,
                mailing_list_id=subscriber.mailing_list_id,
                subscriber_id=subscriber.id,
                now=clock.now(),
            )
        backup.write(installed, file)
        restoring.load(installed, file, replace=True)
        self.nothing_is_due(installed)

    def nothing_is_due(self, runtime: Runtime) -> None:
        assert not claim(runtime)


class TestSinceTheBackup:
    def test_who_left_since_stays_away(self, installed: Runtime, file: Path, clock: ManualClock) -> None:
        backup.write(installed, file)
        with installed.db.transaction() as session:
            subscriber, _ = somebody(session, installed)
            assert subscriber.id is not None
            gone = subscriber.id
            preferences.leave(
                session, mailing_list_id=subscriber.mailing_list_id, subscriber_id=gone, how="button", now=clock.now()
            )
        assert restoring.load(installed, file, replace=True).kept == 1
        with installed.db.reading() as session:
            assert session.get_one(Subscriber, gone).state is SubscriberState.LEFT

    def test_who_was_erased_since_is_erased_again(self, installed: Runtime, file: Path, clock: ManualClock) -> None:
        backup.write(installed, file)
        with installed.db.transaction() as session:
            _, address = somebody(session, installed)
            privacy.erase(session, installed.crypto, address, now=clock.now())
        assert restoring.load(installed, file, replace=True).kept == 1
        with installed.db.reading() as session:
            held = privacy.export(session, installed.crypto, address)
        assert held["mailing_lists"] == []
        assert held["suppression"]["reason"] == "erased"


def test_an_edition_moves_with_the_installation_half_sent_and_everybody_gets_one_copy(
    installed: Runtime, elsewhere: Runtime, file: Path, clock: ManualClock
) -> None:
    """As docs/running.md says: pause it, stop the workers, back up, restore, queue what was not sent, resume."""
    approved(installed, 1)
    with installed.db.transaction() as session:
        opening.release_and_open(session, 1, now=clock.now())
        recipients = ledger.counts(session, 1)["queued"]

    async def send(runtime: Runtime, provider: Kept, stop: asyncio.Event) -> None:
        await Sender(runtime, provider, window=10).send_until_idle(stop)

    stop = asyncio.Event()
    before = Kept(on_call=lambda: len(before.sent) >= recipients // 3 and stop.set())
    asyncio.run(send(installed, before, stop))
    assert 0 < len(before.sent) < recipients
    with installed.db.transaction() as session:
        assert ledger.counts(session, 1)["sending"] == 0
        publishing.pause(session, 1, because="We move.", now=clock.now())
    backup.write(installed, file)
    restoring.load(elsewhere, file, replace=False)
    with elsewhere.db.transaction() as session:
        assert ledger.counts(session, 1)["accepted"] == len(before.sent)
        ledger.decide_unknown(session, 1, send_again=True, now=clock.now())
        publishing.resume(session, 1, now=clock.now())
    after = Kept()
    asyncio.run(send(elsewhere, after, asyncio.Event()))
    copies = Counter(before.addresses + after.addresses)
    assert len(copies) == recipients
    assert set(copies.values()) == {1}
    with elsewhere.db.reading() as session:
        assert session.get_one(Edition, 1).state is EditionState.SENT
        assert_counts_are_right(session)
