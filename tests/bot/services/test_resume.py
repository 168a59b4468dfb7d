"""Cancels that a dead copy left open are taken up for all workspaces side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.tasks import Status, Task, TaskId
from bot.tasks.records import Cancelled, CancelOutcome, Place
from storage.cancels import CancelStore
from tests.bot.services.world import A, B, Clock, FakeBeam, World


class HangingBeam(FakeBeam):
    """Does not answer for one task until it is let go."""

    def __init__(self, clock: Clock, hangs: TaskId) -> None:
        super().__init__(clock)
        self._hangs = hangs
        self.go = asyncio.Event()

    async def get(self, task_id: TaskId) -> Task:
        if task_id == self._hangs:
            await self.go.wait()
        return await super().get(task_id)


@pytest.fixture
def beam() -> HangingBeam:
    return HangingBeam(Clock(), A)


@pytest.fixture
async def world(database_url: str, beam: HangingBeam) -> AsyncIterator[World]:
    made = World(database_url, beam=beam)
    await made.open()
    yield made
    beam.go.set()
    await made.close()


async def test_an_account_that_does_not_answer_keeps_nobody_elses_cancel_open(
    world: World, beam: HangingBeam
) -> None:
    store = CancelStore(world.database)
    for team_id, task_id in (("T1", A), ("T2", B)):
        beam.put(task_id, "CANCELLED")
        before = Cancelled(
            task_id, CancelOutcome.UNCONFIRMED, Task(task_id, Status("RUNNING")), None
        )
        place = Place(team_id, "C1", "U1")
        await store.asked(place, [before], "command", world.clock(), card_id=None)
    world.clock.advance(3_600)
    resuming = asyncio.create_task(world.cancelling.resume())
    async with asyncio.timeout(20):
        while not any(one.team_id == "T2" for one in world.slack.posted):
            await world.deliverer.tick()
            await asyncio.sleep(0.01)
    assert not resuming.done()
    beam.go.set()
    assert await resuming == 2
    await world.deliver()
    assert sorted(one.team_id for one in world.slack.posted) == ["T1", "T2"]
    assert await world.cancelling.resume() == 0
