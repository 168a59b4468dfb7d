"""A notifier that broke is noticed: what makes the bot unready, with clocks moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.services.health import BEAT_LATE, OVERDUE, OWED_LATE, TICK_LATE, Health
from bot.services.ports import TryLater
from tests.bot.services.world import HERE, A, World


class Seconds:
    """Monotonic seconds, moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "test.db")
    await made.open()
    made.beam.put(A, "RUNNING")
    yield made
    await made.close()


def health_of(world: World, seconds: Seconds) -> Health:
    return Health(world.database, world.tasks, world.outbox, world.clock, seconds, world.meter)


async def test_a_message_owed_for_too_long_makes_the_deliveries_unready(world: World) -> None:
    health = health_of(world, Seconds())
    health.ticked("deliver")
    world.slack.errors = [TryLater("service_unavailable") for _ in range(100)]
    await world.watching.watch(HERE, [A])
    for late in (OWED_LATE.total_seconds() - 60, 120):
        world.clock.advance(late)
        await health.beat()
        said = await health.deliveries()
        assert (said is not None) is (late == 120), said
    assert said is not None
    assert "owed for" in said
    world.slack.errors = []
    await world.deliver(seconds=120)
    await health.beat()
    assert await health.deliveries() is None


async def test_a_look_that_is_too_late_makes_the_poller_unready(world: World) -> None:
    health = health_of(world, Seconds())
    health.ticked("poll")
    await world.watching.watch(HERE, [A])
    await health.beat()
    assert await health.poller() is None
    world.clock.advance(OVERDUE.total_seconds() + 60)
    await health.beat()
    assert "overdue" in str(await health.poller())
    await world.turn(0)
    await health.beat()
    assert await health.poller() is None


async def test_jobs_that_stop_and_a_beat_that_stops_are_noticed(world: World) -> None:
    seconds = Seconds()
    health = health_of(world, seconds)
    checks = (health.poller, health.deliveries, health.database)
    assert [await check() for check in checks] == ["starting"] * 3
    health.ticked("poll")
    health.ticked("deliver")
    await health.beat()
    assert [await check() for check in checks] == [None] * 3
    seconds.now += BEAT_LATE + 1
    assert "no write" in str(await health.database())
    seconds.now += TICK_LATE
    assert "nothing was looked for" in str(await health.poller())
    assert "nothing was looked for" in str(await health.deliveries())


async def test_a_database_that_takes_no_writes_is_told_with_its_reason(world: World) -> None:
    health = health_of(world, Seconds())
    await health.beat()
    await world.database.write(lambda tx: tx.execute(text("ALTER TABLE heartbeats RENAME TO h")))
    await health.beat()
    assert "heartbeats" in str(await health.database())
    await world.database.write(lambda tx: tx.execute(text("ALTER TABLE h RENAME TO heartbeats")))
    await health.beat()
    assert await health.database() is None
