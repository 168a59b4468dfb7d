"""Tasks that people link to are shown sparingly, and never on a guess."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.beam.errors import Unauthorized
from bot.tasks import TaskId
from tests.bot.services.world import HERE, A, B, World

MANY = [TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}") for number in range(5)]


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url)
    await made.open()
    for task_id in (A, *MANY):
        made.beam.put(task_id, "RUNNING")
    yield made
    await made.close()


async def shown(world: World, *ids: TaskId, channel: str = "C1") -> list[TaskId]:
    place = replace(HERE, channel_id=channel)
    picked = await world.previews.pick(place, ids)
    assert picked.failed == ()
    return [known.task.id for known in picked.found]


async def test_not_more_than_three_a_message(world: World) -> None:
    assert await shown(world, MANY[0], *MANY) == MANY[:3]


async def test_a_task_is_shown_again_in_a_channel_only_after_half_an_hour(world: World) -> None:
    assert await shown(world, A) == [A]
    world.clock.advance(29 * 60)
    assert await shown(world, A) == []
    assert await shown(world, A, channel="C2") == [A]
    world.clock.advance(61)
    assert await shown(world, A) == [A]
    assert await shown(world, A) == []


async def test_a_clock_that_was_set_back_does_not_silence_links_for_hours(world: World) -> None:
    world.clock.advance(10 * 3600)
    assert await shown(world, A) == [A]
    world.clock.advance(-10 * 3600)
    assert await shown(world, A) == [A]


async def test_what_beam_does_not_know_or_answer_for_is_left_out(world: World) -> None:
    assert await shown(world, B, A) == [A]
    await world.watching.watch(HERE, [MANY[0]])
    world.beam.broken = Unauthorized("down")
    assert await shown(world, MANY[0]) == []
    world.beam.broken = None
    assert await shown(world, MANY[0]) == [MANY[0]]


async def test_what_slack_did_not_take_may_be_shown_again(world: World) -> None:
    assert await shown(world, A) == [A]
    await world.previews.undo(HERE, [A])
    assert await shown(world, A) == [A]
