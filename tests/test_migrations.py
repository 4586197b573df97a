"""The migrations give exactly the tables that the code declares, on both kinds of database, and may be repeated."""

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from newsletter import migrating
from newsletter.core.db import Database
from newsletter.core.runtime import Runtime
from newsletter.tables import metadata


@pytest.fixture
def bare(runtime: Runtime) -> Database:
    """A database without any table."""
    metadata.drop_all(runtime.db.engine)
    return runtime.db


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        options = {"compare_type": True, "target_metadata": metadata, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "table" or not (name or "").startswith("pgqueuer")


def test_migrations_give_exactly_the_declared_tables(bare: Database) -> None:
    assert migrating.upgrade(bare)
    assert differences(bare) == []


def test_constraints_are_the_declared_ones(bare: Database) -> None:
    """Alembic compares no check constraints, no primary keys and no AUTOINCREMENT: compare what the database says."""
    migrating.upgrade(bare)
    migrated = described(bare)
    migrating.downgrade(bare, "base")
    metadata.create_all(bare.engine)
    assert migrated == described(bare)


def described(database: Database) -> dict[str, object]:
    inspector = sa.inspect(database.engine)
    found: dict[str, object] = {}
    for name in metadata.tables:
        found[name] = {
            "primary key": inspector.get_pk_constraint(name),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "foreign": sorted(map(str, inspector.get_foreign_keys(name))),
            "check": sorted(map(str, inspector.get_check_constraints(name))),
            "indexes": sorted(
                (
                    index["name"],
                    index["column_names"],
                    index["unique"],
                    sorted(map(str, index["dialect_options"].values())),
                )
                for index in inspector.get_indexes(name)
            ),
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)
            ),
        }
    if database.is_sqlite:
        with database.reading() as session:
            written = session.connection().exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name"
            )
            found["autoincrement"] = written.scalars().all()
    return found


def test_a_second_upgrade_finds_nothing_to_do(bare: Database) -> None:
    assert migrating.current(bare) is None
    assert migrating.upgrade(bare)
    assert not migrating.upgrade(bare)
    assert migrating.current(bare) == migrating.newest()


def test_downgrading_to_the_base_leaves_nothing_behind_and_can_be_undone(bare: Database) -> None:
    migrating.upgrade(bare)
    migrating.downgrade(bare, "base")
    assert set(sa.inspect(bare.engine).get_table_names()) == {"alembic_version"}
    assert migrating.upgrade(bare)


def test_two_that_migrate_at_the_same_moment_both_end_well(bare: Database) -> None:
    changed: list[bool] = []
    start = threading.Barrier(2)

    def upgrade() -> None:
        start.wait(10)
        changed.append(migrating.upgrade(bare))

    both = [threading.Thread(target=upgrade) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert migrating.current(bare) == migrating.newest()
    assert sorted(changed) == [False, True]


def test_foreign_keys_are_kept_after_a_migration(bare: Database) -> None:
    """They are looked away from while SQLite's tables are copied, on that one connection."""
    migrating.upgrade(bare)
    if bare.is_sqlite:
        with bare.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(sa.exc.IntegrityError), bare.engine.begin() as connection:
        connection.execute(metadata.tables["staff_role"].insert().values(staff_id=4711, role="author"))


def test_there_is_one_newest_revision() -> None:
    assert migrating.newest() is not None


def test_an_installed_wheel_carries_its_migrations(tmp_path: Path) -> None:
    """Built, unpacked elsewhere and used from there, without the repository."""
    root = Path(__file__).parent.parent
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import newsletter; from newsletter import migrating; from newsletter.core.db import Database; "
        f"database = Database('sqlite:///{tmp_path}/installed.db'); "
        "assert migrating.upgrade(database); print(newsletter.__file__, migrating.current(database))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.stdout == f"{tmp_path}/site/newsletter/__init__.py {migrating.newest()}\n"
