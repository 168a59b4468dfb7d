"""What a migration may do: copies of the release before go on running while and after it does."""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from storage import migrate as migrating
from storage import versions
from storage.database import Database, StorageUnavailable
from storage.migrate import SchemaTooNew, find_standing, migrate
from storage.versions import AT, NEEDS, Fit, config, known
from tests.databases import new_postgresql, with_driver
from tests.releases import KEPT, YET_TO_COME

SCRIPTS = ScriptDirectory.from_config(config())
PROMISED_FROM = "0005"
"""The first revision whose code runs beside later ones."""

Schema = dict[str, Any]


def schema(tx: Connection) -> Schema:
    """Return what code may rely on: all that is there but indexes that only make it faster."""
    seen, found = inspect(tx), {}
    for table in set(seen.get_table_names()) - {AT, NEEDS}:
        unique = [one for one in seen.get_indexes(table) if one["unique"]]
        found[table] = {
            "columns": {
                one["name"]: (str(one["type"]), one["nullable"], one["default"])
                for one in seen.get_columns(table)
            },
            "primary key": seen.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(
                (one["constrained_columns"], one["referred_table"])
                for one in seen.get_foreign_keys(table)
            ),
            "unique": sorted(
                [str(one["column_names"]) for one in seen.get_unique_constraints(table)]
                + [f"{one['column_names']} {where(one)}" for one in unique]
            ),
            "checks": sorted(one["sqltext"] for one in seen.get_check_constraints(table)),
        }
    return found


def where(index: Any) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def objections(before: Schema, after: Schema) -> list[str]:
    """Return what would make code fail that knows only the schema before."""
    found = [f"{table} is gone" for table in before.keys() - after.keys()]
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        for name, (kind, nullable, default) in new["columns"].items():
            if name not in old["columns"]:
                if not nullable and default is None:
                    found.append(f"{table}.{name} must be given, and has no server default")
            elif old["columns"][name] != (kind, nullable, default):
                found.append(f"{table}.{name} is another than it was")
        found += [
            f"{table}.{name} is gone" for name in old["columns"].keys() - new["columns"].keys()
        ]
        found += [
            f"{table} has other {what}: {new[what]}"
            for what in ("primary key", "foreign keys", "unique", "checks")
            if old[what] != new[what]
        ]
    return found


def files(tx: Connection) -> dict[str, int]:
    """Return where PostgreSQL keeps each table: somewhere else after it was rewritten."""
    if tx.dialect.name == "sqlite":
        return {}
    rows = tx.execute(
        text(
            "SELECT relname, relfilenode FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    )
    return {row.relname: row.relfilenode for row in rows}


def judge(tx: Connection, revision: str, folder: Path | None = None) -> list[str]:
    """Migrate to a revision, and return what code from before would fail on."""
    before, at = schema(tx), files(tx)
    command.upgrade(config(tx, folder) if folder else config(tx), revision)
    moved = [name for name, file in files(tx).items() if at.get(name, file) != file]
    return objections(before, schema(tx)) + [f"{name} was rewritten" for name in moved]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Either database, empty."""
    made = Database(with_driver(database_url))
    yield made
    await made.close()


@pytest.fixture
async def postgresql(postgresql_server: str) -> AsyncIterator[Database]:
    """An empty PostgreSQL, for what SQLite cannot do."""
    made = Database(with_driver(new_postgresql(postgresql_server)))
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations, today's at first, which is the program's."""
    made = tmp_path / "migrations"
    shutil.copytree(versions._FOLDER, made, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrating, "config", lambda connection=None: config(connection, made))
    return made


def add(folder: Path, source: str) -> None:
    """Add a migration after today's last one."""
    (folder / "versions" / "next.py").write_text(source.replace("{head}", known(SCRIPTS)[-1]))


async def judge_next(database: Database, folder: Path) -> list[str]:
    """Judge the migration that was added."""

    def work(tx: Connection) -> list[str]:
        command.upgrade(config(tx, folder), known(SCRIPTS)[-1])
        return judge(tx, "next", folder)

    return await database.write(work)


async def test_every_migration_leaves_all_that_running_copies_use(database: Database) -> None:
    found: dict[str, list[str]] = {}

    def work(tx: Connection) -> None:
        revisions = known(SCRIPTS)
        since = revisions.index(PROMISED_FROM) + 1
        command.upgrade(config(tx), PROMISED_FROM)
        for revision in revisions[since:]:
            found[revision] = judge(tx, revision)

    await database.write(work)
    for revision, said in found.items():
        module = SCRIPTS.get_revision(revision).module
        assert said == [] or hasattr(module, "needs"), f"{revision}: {said}"


def test_what_a_migration_takes_away_the_last_release_does_not_use() -> None:
    # Expand in one release, contract in the next: what is kept as the last release runs beside.
    with zipfile.ZipFile(KEPT[-1]) as archive:
        names = [Path(name).name for name in archive.namelist() if "/versions/0" in name]
    released = {name.split("_")[0] for name in names}
    assert PROMISED_FROM in released
    assert versions.needed(SCRIPTS) in released


HEADER = YET_TO_COME.partition("def upgrade")[0] + "def upgrade() -> None:\n    "


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ('op.drop_table("audit")', "audit is gone"),
        ('op.execute("DROP TABLE audit")', "audit is gone"),
        ('op.rename_table("audit", "trail")', "audit is gone"),
        ('op.drop_column("tasks", "rechecks")', "tasks.rechecks is gone"),
        ('op.alter_column("tasks", "rechecks", new_column_name="r")', "tasks.rechecks is gone"),
        ('op.create_index("one", "audit", ["at"], unique=True)', "audit has other unique"),
        ('op.drop_index("uq_watches_active")', "watches has other unique"),
    ],
)
async def test_what_running_copies_use_is_not_taken_away_unseen(
    database: Database, folder: Path, does: str, said: str
) -> None:
    add(folder, HEADER + does)
    found = await judge_next(database, folder)
    assert [one for one in found if one.startswith(said)], found


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ('op.add_column("tasks", sa.Column("n", sa.Integer(), nullable=False))', "tasks.n must"),
        ('op.alter_column("tasks", "rechecks", type_=sa.BigInteger())', "tasks.rechecks is anoth"),
        ('op.alter_column("tasks", "trouble", nullable=False)', "tasks.trouble is another"),
        (
            'op.execute("ALTER TABLE tasks ADD COLUMN n FLOAT DEFAULT random()")',
            "tasks was rewritten",
        ),
        ('op.create_check_constraint("c", "tasks", "rechecks >= 0")', "tasks has other checks"),
        (
            'op.create_foreign_key("f", "cancels", "cards", ["card_id"], ["id"])',
            "cancels has other foreign keys",
        ),
    ],
)
async def test_what_only_postgresql_can_do_is_not_done_unseen_either(
    postgresql: Database, folder: Path, does: str, said: str
) -> None:
    add(folder, HEADER + does)
    found = await judge_next(postgresql, folder)
    assert [one for one in found if one.startswith(said)], found


async def test_what_a_migration_may_do_is_allowed(database: Database, folder: Path) -> None:
    add(folder, YET_TO_COME)
    assert await judge_next(database, folder) == []


async def test_code_runs_on_a_schema_that_is_only_ahead_and_leaves_it_alone(
    database: Database, folder: Path
) -> None:
    add(folder, YET_TO_COME)
    head = known(SCRIPTS)[-1]
    assert await migrate(database) == (None, "next", Fit.CURRENT)
    (folder / "versions" / "next.py").unlink()
    assert await migrate(database) == ("next", "next", Fit.AHEAD)
    assert (await find_standing(database)).fit is Fit.AHEAD
    assert head != "next"
    add(folder, YET_TO_COME)
    assert await migrate(database) == ("next", "next", Fit.CURRENT)


async def test_code_does_not_run_on_a_schema_that_lacks_what_it_uses(
    database: Database, folder: Path
) -> None:
    contract = (
        'needs = "next"\n\n\ndef upgrade() -> None:\n    op.drop_column("tasks", "rechecks")\n'
    )
    add(folder, YET_TO_COME.partition("def upgrade")[0] + contract)
    await migrate(database)
    (folder / "versions" / "next.py").unlink()
    for look in (migrate, find_standing):
        with pytest.raises(SchemaTooNew, match=r"its schema \(next\) is for versions .* newer"):
            await look(database)


async def test_a_schema_that_old_code_migrated_is_taken_up_where_that_left_it(
    database: Database,
) -> None:
    def old(tx: Connection) -> None:
        command.upgrade(config(tx), "0003")
        # Old code knows one table, by Alembic's own name.
        tx.execute(text(f"CREATE TABLE {NEEDS} AS SELECT * FROM {AT}"))  # noqa: S608  # our names
        tx.execute(text(f"DROP TABLE {AT}"))

    await database.write(old)
    assert (await find_standing(database)).fit is Fit.BEHIND
    assert await migrate(database) == ("0003", known(SCRIPTS)[-1], Fit.CURRENT)
    needs = await database.read(
        lambda tx: tx.execute(text(f"SELECT version_num FROM {NEEDS}")).scalar_one()  # noqa: S608  # our own name
    )
    assert needs == versions.needed(SCRIPTS)


@contextmanager
def reading(database: Database) -> Iterator[None]:
    """Somebody reads a table in a transaction that does not end, as a backup does."""
    url = database.engine.url.set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as other:
        other.execute("SELECT count(*) FROM tasks")
        yield
        other.rollback()


async def test_a_backup_delays_a_migration_and_stops_nobody_else(
    postgresql: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "TABLE_PATIENCE", 0.2)
    await migrate(postgresql)
    add(folder, YET_TO_COME)
    change = text("UPDATE tasks SET rechecks = 0")
    with reading(postgresql):
        waits = asyncio.create_task(migrate(postgresql))
        for _ in range(10):
            # Behind the migration, which waits itself, nobody waits for long.
            await asyncio.wait_for(postgresql.write(lambda tx: tx.execute(change)), 5)
            await asyncio.sleep(0.1)
        assert not waits.done()
        assert (await find_standing(postgresql)).at != "next"
    assert (await waits).after == "next"


async def test_a_table_that_stays_locked_is_said_in_the_end(
    postgresql: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "TABLE_PATIENCE", 0.05)
    monkeypatch.setattr(migrating, "PATIENCE", 0.2)
    await migrate(postgresql)
    add(folder, YET_TO_COME)
    with reading(postgresql), pytest.raises(StorageUnavailable, match="keeps a table locked"):
        await migrate(postgresql)
