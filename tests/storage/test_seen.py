"""Requests are taken once, and those that come together are noted together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from storage.database import Database, StorageUnavailable
from storage.migrate import migrate
from storage.seen import KEY_MAX, SeenStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path / 'seen.db'}")
    await migrate(made)
    yield made
    await made.close()


async def test_of_the_same_request_at_once_one_is_the_first(database: Database) -> None:
    store, other = SeenStore(database), SeenStore(database)
    keys = ["a", "b" * (KEY_MAX + 1), "b" * KEY_MAX]
    for key in keys:
        assert not await store.known("T1", key)
        told = await asyncio.gather(
            *(one.first("T1", key, NOW) for one in (store, other) for _ in range(20))
        )
        assert sorted(told) == [False] * 39 + [True]
        assert await other.known("T1", key)
        assert not await other.known("T2", key)


async def test_a_burst_behind_another_writer_is_one_transaction(database: Database) -> None:
    store, commits = SeenStore(database), []

    @event.listens_for(database.engine.sync_engine, "commit")
    def count(_connection: Connection) -> None:
        commits.append(1)

    told = await asyncio.gather(*(store.first("T1", str(number), NOW) for number in range(100)))
    assert told == [True] * 100
    assert len(commits) <= 2


async def test_a_burst_of_questions_is_one_transaction_and_each_gets_its_own_answer(
    database: Database,
) -> None:
    store, begun = SeenStore(database), []
    for number in range(0, 1200, 3):
        await store.first("", str(number), NOW)
    await store.first("T2", "1", NOW)

    @event.listens_for(database.engine.sync_engine, "begin")
    def count(_connection: Connection) -> None:
        begun.append(1)

    told = await asyncio.gather(*(store.known("", str(number)) for number in range(1200)))
    assert told == [number % 3 == 0 for number in range(1200)]
    assert len(begun) <= 2


async def test_nobody_waits_for_ever_for_a_database_that_fails(database: Database) -> None:
    store = SeenStore(database)
    await database.write(lambda tx: tx.execute(text("ALTER TABLE requests_seen RENAME TO away")))
    told = await asyncio.gather(
        *(store.first("T1", str(number), NOW) for number in range(5)), return_exceptions=True
    )
    assert [type(one) for one in told] == [StorageUnavailable] * 5
    told = await asyncio.gather(
        *(store.known("T1", str(number)) for number in range(5)), return_exceptions=True
    )
    assert [type(one) for one in told] == [StorageUnavailable] * 5
    await database.write(lambda tx: tx.execute(text("ALTER TABLE away RENAME TO requests_seen")))
    assert await store.first("T1", "0", NOW)
