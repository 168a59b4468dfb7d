"""Transactions: none lost, none half, none that keeps the file locked."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from bot.tasks.records import ClosedNews
from storage.backup import copy_database
from storage.database import ATTEMPTS, Database, StorageUnavailable
from storage.heartbeat import beat
from storage.migrate import find_standing, migrate
from storage.owed import owe_card, owe_post
from storage.tables import deliveries, heartbeats, metadata
from storage.versions import AT, NEEDS, Fit, config, known
from tests.databases import with_driver
from tests.torture import many

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    """An SQLite file, for what concerns files."""
    made = Database(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    await migrate(made)
    yield made
    await made.close()


def add_one(tx: Connection) -> None:
    lock = "" if tx.dialect.name == "sqlite" else " FOR UPDATE"
    (count,) = tx.execute(text(f"SELECT n FROM counter{lock}")).one()  # noqa: S608
    tx.execute(text("UPDATE counter SET n = :n"), {"n": count + 1})


async def new_counter(database: Database) -> None:
    def make(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE counter (n INTEGER)"))
        tx.execute(text("INSERT INTO counter VALUES (0)"))

    await database.write(make)


async def counted(database: Database) -> int:
    return await database.read(
        lambda tx: int(tx.execute(text("SELECT n FROM counter")).scalar_one())
    )


async def test_no_update_is_lost(database: Database) -> None:
    await new_counter(database)

    async def some() -> None:
        for _ in range(25):
            await database.write(add_one)

    await asyncio.gather(*(some() for _ in range(8)))
    assert await counted(database) == 200


async def test_random_cancellations_leave_the_database_writable(database: Database) -> None:
    await new_counter(database)
    dice = random.Random(20260101)  # no secret
    cancelled = done = 0
    # Another copy must get in at once as soon as all has ended.
    other = Database(database.engine.url.render_as_string(hide_password=False))
    for _ in range(100):
        tasks = [asyncio.create_task(database.write(add_one)) for _ in range(many(20, 200))]
        dice.shuffle(tasks)
        for task in tasks:
            for _ in range(dice.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            cancelled += isinstance(result, asyncio.CancelledError)
            done += result is None
        await asyncio.wait_for(beat(other, "other", NOW), 2)
    await other.close()
    print(f"{cancelled} transactions cancelled, {done} not")
    assert cancelled > many(1_000, 10_000)
    assert done <= await counted(database) <= cancelled + done
    await database.write(add_one)


async def test_two_rows_where_one_may_be_are_tried_again_and_then_raised(
    database: Database,
) -> None:
    tries = 0

    def work(tx: Connection) -> None:
        nonlocal tries
        tries += 1
        tx.execute(insert(heartbeats).values(name="one", beat_at=NOW))

    await database.write(work)
    with pytest.raises(IntegrityError):
        await database.write(work)
    assert tries == (2 if database.is_sqlite else 1 + ATTEMPTS)


async def test_a_locked_file_is_said_and_over_with_the_lock(
    file: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @event.listens_for(file.engine.sync_engine, "connect")
    def impatient(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    await file.engine.dispose()
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked"):
        await beat(file, "test", NOW)
    other.execute("ROLLBACK")
    other.close()
    await beat(file, "test", NOW)


async def test_a_full_disk_loses_no_row(file: Database) -> None:
    def fill(tx: Connection) -> None:
        for number in range(2_000):
            owe_card(tx, number, "T1", "default", "C1", NOW)

    owed = ClosedNews("C2", "is_archived", ())
    await file.write(lambda tx: owe_post(tx, "T1", "default", "C1", owed, "one", NOW))

    @event.listens_for(file.engine.sync_engine, "connect")
    def full(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 1}")
        connection.execute("PRAGMA foreign_keys=OFF")

    await file.engine.dispose()
    with pytest.raises(StorageUnavailable, match="full"):
        await file.write(fill)
    count = select(func.count()).select_from(deliveries)
    assert await file.read(lambda tx: tx.execute(count).scalar_one()) == 1
    event.remove(file.engine.sync_engine, "connect", full)
    await file.engine.dispose()
    await beat(file, "test", NOW)


async def test_a_read_only_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    first = Database(f"sqlite+aiosqlite:///{path}")
    await migrate(first)
    await first.close()
    read_only = Database(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true")
    try:
        with pytest.raises(StorageUnavailable, match="readonly"):
            await beat(read_only, "test", NOW)
    finally:
        await read_only.close()


async def test_no_statement_and_no_value_is_in_what_went_wrong(database: Database) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        await database.write(
            lambda tx: tx.execute(text("SELECT :v FROM nowhere"), {"v": "canary-value"})
        )
    assert "nowhere" in str(caught.value)
    assert "canary-value" not in str(caught.value)
    assert "SELECT" not in str(caught.value)


async def test_the_trace_of_a_request_is_stored_with_what_it_owes(database: Database) -> None:
    def work(tx: Connection) -> None:
        owe_post(tx, "T1", "default", "C1", ClosedNews("C2", "is_archived", ()), "one", NOW)

    with structlog.contextvars.bound_contextvars(trace="ABC123"):
        await database.write(work)
    found = select(deliveries.c.trace)
    assert await database.read(lambda tx: tx.execute(found).scalar_one()) == "ABC123"


MIGRATE = """
import asyncio, sys
sys.path.insert(0, {root!r})
from storage.database import Database
from storage.migrate import migrate

async def main():
    database = Database({url!r})
    print(*(await migrate(database))[:2])
    await database.close()

asyncio.run(main())
"""


def test_several_copies_may_migrate_at_once(database_url: str) -> None:
    script = MIGRATE.format(root=str(ROOT), url=with_driver(database_url))
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    said = [process.communicate(timeout=60)[0].splitlines()[-1] for process in running]
    assert [process.returncode for process in running] == [0] * 5
    head = known(ScriptDirectory.from_config(config()))[-1]
    assert sorted(said) == sorted([f"None {head}"] + [f"{head} {head}"] * 4)


def make(path: Path, dump: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript(dump.read_text())


def rows(path: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    with closing(sqlite3.connect(path)) as file:
        names = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for (name,) in names
            if name not in (AT, NEEDS)
        }


@pytest.mark.parametrize("released", sorted((Path(__file__).parent / "released").glob("*.sql")))
async def test_every_released_schema_is_brought_up_with_its_rows(
    tmp_path: Path, released: Path
) -> None:
    path = tmp_path / "bot.db"
    make(path, released)
    before = rows(path)
    assert any(before.values())
    database = Database(f"sqlite+aiosqlite:///{path}")
    assert (await migrate(database))[0] == released.stem
    assert (await find_standing(database)).fit is Fit.CURRENT
    # Every column that the program knows is there, and every row that was.
    for table in metadata.sorted_tables:
        await database.read(lambda tx, table=table: tx.execute(select(table)).all())  # type: ignore[misc]
    await database.close()
    after = rows(path)
    assert {name: after[name] for name in before} == before


async def test_a_backup_is_whole_while_the_bot_writes(file: Database, tmp_path: Path) -> None:
    await new_counter(file)
    stop = asyncio.Event()

    async def keep_writing() -> None:
        while not stop.is_set():
            await file.write(add_one)

    writing = asyncio.create_task(keep_writing())
    for number in range(5):
        low = await counted(file)
        target = tmp_path / f"copy{number}.db"
        size = await asyncio.to_thread(copy_database, tmp_path / "bot.db", target)
        assert size == target.stat().st_size
        copy = Database(f"sqlite+aiosqlite:///{target}")
        assert low <= await counted(copy) <= await counted(file)
        await copy.close()
    stop.set()
    await writing
    with pytest.raises(FileExistsError):
        copy_database(tmp_path / "bot.db", tmp_path / "copy0.db")
    with pytest.raises(StorageUnavailable, match="no database"):
        copy_database(tmp_path / "nothing.db", tmp_path / "copy9.db")
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob("*.part")))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://canary:canary@127.0.0.1:1/canary",
        "postgresql+psycopg://canary:canary@/canary?host=/tmp/canary&port=1",
    ],
)
async def test_a_server_that_is_not_reached_is_not_named(url: str) -> None:
    database = Database(url)
    with pytest.raises(StorageUnavailable) as caught:
        await database.read(lambda tx: tx.execute(text("SELECT 1")))
    await database.close()
    said = caught.value.reason
    assert "connection" in said
    assert not any(word in said for word in ("127.0.0.1", "canary", "port"))
