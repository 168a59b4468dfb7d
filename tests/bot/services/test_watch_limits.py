"""Whoever reaches a limit of watches is told which, how much room there is, and what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import BadRequest
from bot.services.watch import Watching
from bot.tasks import TaskId
from storage.limits import WatchLimits
from storage.watches import WatchStore
from tests.bot.services.world import HERE, World

IDS = [TaskId(f"00000000-0000-4000-8000-{number:012d}") for number in range(6)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "bot.db")
    await made.open()
    for task_id in IDS:
        made.beam.put(task_id, "RUNNING")
    yield made
    await made.close()


def watching(world: World, in_workspace: int, in_channel: int) -> Watching:
    store = WatchStore(world.database, WatchLimits(in_workspace, in_channel))
    return Watching(world.look_up, store, world.deliverer, world.slack, world.clock, world.sleep)


async def test_the_limit_of_a_channel_is_told_with_what_to_do(world: World) -> None:
    service = watching(world, 100, 3)
    await service.watch(HERE, IDS[:2])
    with pytest.raises(BadRequest) as caught:
        await service.watch(HERE, IDS[2:4])
    assert "One channel may watch 3 tasks" in caught.value.text
    assert "room for 1 more, so nothing new is watched" in caught.value.text
    assert "/beam unwatch all" in caught.value.text
    # None of the two is watched, and the channel sees no card of them.
    assert await world.watches.count() == 2
    assert len(world.slack.posted) == 1
    await service.watch(HERE, IDS[2:3])
    assert await world.watches.count() == 3


async def test_the_limit_of_a_workspace_is_told_with_what_to_do(world: World) -> None:
    service = watching(world, 4, 3)
    await service.watch(HERE, IDS[:3])
    there = replace(HERE, channel_id="C2")
    await service.watch(there, IDS[:1])
    with pytest.raises(BadRequest) as caught:
        await service.watch(there, IDS[1:2])
    assert "One workspace may watch 4 tasks. Yours has room for no more" in caught.value.text
    assert "/beam unwatch all" in caught.value.text
    await service.unwatch(HERE, None)
    await service.watch(there, IDS[1:2])
    assert await world.watches.count() == 2
