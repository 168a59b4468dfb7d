"""What a check costs the database: what is due is read, what changed is written, no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from bench.seed import new_ids, seed
from bot.tasks.follow import Look, Tracked
from storage.batches import Horizon
from storage.database import Database
from storage.tasks import Observation
from tests.bot.services.world import HERE, A, World

FAR = Horizon(timedelta(days=2), timedelta(days=2))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "test.db")
    await made.open()
    yield made
    await made.close()


def statements(database: Database) -> list[str]:
    """Return a list that grows with every statement."""
    seen: list[str] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    return seen


async def test_a_look_that_found_nothing_new_writes_two_times_and_no_payload(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    seen = statements(world.database)
    before = (await world.tasks.get("T1", "default", [A]))[A]
    await world.turn(10)
    after = (await world.tasks.get("T1", "default", [A]))[A]
    assert after.known_at == before.known_at + timedelta(seconds=10)
    assert after.task == before.task
    writes = [one for one in seen if one.startswith("UPDATE tasks SET")]
    assert ["attempt" in one for one in writes] == [True, False]
    assert not any("payload" in one for one in writes)


async def test_what_somebody_else_found_after_the_claim_is_no_news(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.clock.advance(10)
    (claimed,) = await _claim(world, 1)
    world.clock.advance(1)
    world.beam.put(A, "RETRY")
    await world.look_up.look(HERE, [A])
    world.clock.advance(1)
    look = Look(world.clock(), world.beam.tasks[A])
    poll = Observation("T1", "default", A, look, claimed.attempt, claimed)
    assert await world.look_up.record([poll]) == []
    stored = (await world.tasks.get("T1", "default", [A]))[A]
    assert (str(stored.task.status), stored.seq, stored.known_at) == ("RETRY", 1, world.clock())


async def test_the_first_due_are_found_without_sorting_all_that_are_due(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'many.db'}")
    await seed(database, new_ids(300))
    seen = statements(database)
    world = World(tmp_path / "many.db", database=lambda _: database)
    world.clock.now = world.clock.now.replace(year=2100)
    assert len(await _claim(world, 50)) == 50
    (query,) = [one for one in seen if one.startswith("SELECT tasks") and "LIMIT" in one]

    def plan(tx: Connection) -> str:
        bound = query.replace("?", "'2100-01-01'", 1).replace("?", "50").replace("?", "0")
        return str(tx.execute(text(f"EXPLAIN QUERY PLAN {bound}")).all())

    steps = await database.read(plan)
    assert "ix_tasks_due" in steps
    assert "TEMP B-TREE" not in steps
    await database.close()


async def _claim(world: World, limit: int) -> list[Tracked]:
    claimed = await world.tasks.claim_due(
        world.clock(), limit=limit, lease=timedelta(minutes=1), horizon=FAR
    )
    return claimed.tasks
