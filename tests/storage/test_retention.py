"""What is over is known for months, and then forgotten in every table."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from storage.retention import HISTORY_KEPT, Retention
from storage.tables import cancels, cards, channels, deliveries, tasks, transitions, watches
from tests.bot.services.world import HERE, A, B, World

DAY = 86_400.0
TABLES = (tasks, transitions, watches, cards, cancels, channels, deliveries)


async def test_what_is_over_is_known_for_months_and_then_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path / "test.db")
    await world.open()
    retention = Retention(world.database)

    async def purge() -> dict[str, int]:
        await world.outbox.purge(world.clock())
        await retention.purge(world.clock())
        counts = {table.name: select(func.count()).select_from(table) for table in TABLES}
        return await world.database.read(
            lambda tx: {name: tx.execute(count).scalar_one() for name, count in counts.items()}
        )

    world.beam.put(A, "RUNNING")
    world.beam.put(B, "RUNNING")
    await world.watching.watch(HERE, [A])
    await world.cancelling.cancel(HERE, [A], via="command")
    await world.turn()
    await world.deliver()
    for _ in range(3):
        await world.turn(700)
    kept = await purge()
    world.clock.advance(90 * DAY)
    later = await purge()
    history = ("tasks", "transitions", "watches", "cards", "cancels")
    assert {name: later[name] for name in history} == {name: kept[name] for name in history}
    assert all(later[name] for name in history)
    assert later["deliveries"] == later["channels"] == 0
    world.clock.advance(HISTORY_KEPT.total_seconds() - 90 * DAY)
    # What is watched is kept, however old it is.
    await world.watching.watch(HERE, [B])
    world.clock.advance(HISTORY_KEPT.total_seconds() + DAY)
    assert await purge() == {
        "tasks": 1,
        "transitions": 0,
        "watches": 1,
        "cards": 1,
        "cancels": 0,
        "channels": 0,
        "deliveries": 0,
    }
    await world.close()
