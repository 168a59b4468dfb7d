"""One account that is far over its budget delays nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bench.seed import new_ids
from bot.beam import RateLimiter
from bot.services.doors import Doors
from bot.services.look_up import LookUp
from bot.services.poll import IN_HAND_MOST, WORKERS, Poller
from bot.services.ports import Beam, Budget
from bot.services.share import Shares
from bot.tasks import Task, TaskId
from bot.tasks.follow import Pace
from storage.batches import Account
from tests.bot.services.world import FakeBeam, World
from tests.due import owe_looks

BIG, SMALL = ("T1", "default"), ("T2", "default")
TRICKLE = 0.5
"""Requests a second: far less than is due."""


class Metered:
    """A Beam account with a budget of its own."""

    def __init__(self, beam: FakeBeam, rate: float) -> None:
        self.budget = RateLimiter(rate, time.monotonic)
        self.asked: list[TaskId] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self._beam = beam

    async def get(self, task_id: TaskId) -> Task:
        await self.budget.acquire(patient=True)
        self.asked.append(task_id)
        await self.answers.wait()
        return await self._beam.get(task_id)

    async def cancel(self, task_ids: object) -> None:
        raise NotImplementedError


class ManyMetered:
    """The accounts of several workspaces."""

    who_renews = ""

    def __init__(self, beams: dict[Account, Metered]) -> None:
        self._beams = beams

    async def of(self, team_id: str, channel_id: str) -> str:
        return "default"

    async def client(self, team_id: str, account: str) -> Beam:
        return self._beams[(team_id, account)]

    def budget(self, team_id: str, account: str) -> Budget:
        return self._beams[(team_id, account)].budget


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "test.db")
    await made.open()
    yield made
    await made.close()


async def follow(world: World, account: Account, ids: list[TaskId], *, late: float) -> None:
    """Have tasks of an account polled, whose look is ``late`` seconds overdue."""
    for task_id in ids:
        world.beam.put(task_id, "RUNNING")
    at = world.clock() - timedelta(seconds=late)
    await owe_looks(world.database, [(account, one, at) for one in ids])


def poller_of(world: World, beams: dict[Account, Metered]) -> Poller:
    accounts = ManyMetered(beams)
    shares = Shares(accounts.budget)
    pace = Pace(3, 3)
    look_up = LookUp(accounts, world.tasks, world.watches, world.clock, pace, shares=shares)
    return Poller(look_up, world.tasks, world.clock, world.meter, pace, Doors(), shares=shares)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what others do has no event
            await asyncio.sleep(0.005)


async def test_a_single_watch_is_looked_at_in_time_beside_fifty_thousand_that_are_overdue(
    world: World,
) -> None:
    ids = new_ids(50_001)
    beams = {BIG: Metered(world.beam, TRICKLE), SMALL: Metered(world.beam, 50.0)}
    await follow(world, BIG, ids[1:], late=3_600)
    await follow(world, SMALL, ids[:1], late=0)
    poller = poller_of(world, beams)
    poller.start()
    for looks in range(1, 6):
        await poller.tick()
        await until(lambda looks=looks: len(beams[SMALL].asked) == looks)  # type: ignore[misc]
        await until(lambda: poller.in_hand(SMALL) == 0)
        world.clock.advance(3.1)
    assert set(beams[SMALL].asked) == {ids[0]}
    # The others go on at the pace of their own budget.
    assert len(beams[BIG].asked) >= 1
    await poller.stop(0)


async def test_many_accounts_that_beam_does_not_answer_leave_room_and_workers_for_others(
    world: World,
) -> None:
    crowd = [(f"T{number}", "default") for number in range(100, 120)]
    ids = new_ids(20 * 100 + 1)
    beams = {one: Metered(world.beam, 1e6) for one in crowd}
    for beam in beams.values():
        beam.answers.clear()
    beams[SMALL] = Metered(world.beam, 50.0)
    for place, one in enumerate(crowd):
        await follow(world, one, ids[100 * place : 100 * place + 100], late=3_600)
    poller = poller_of(world, beams)
    poller.start()
    for _ in range(10):
        await poller.tick()
    assert IN_HAND_MOST / 2 < sum(poller.in_hand(one) for one in crowd) < IN_HAND_MOST
    await follow(world, SMALL, ids[-1:], late=0)
    await poller.tick()
    await until(lambda: len(beams[SMALL].asked) == 1)
    await poller.stop(0)


async def test_an_account_alone_may_have_all_that_there_is_room_for(world: World) -> None:
    beams = {BIG: Metered(world.beam, 10_000.0)}
    beams[BIG].answers.clear()
    await follow(world, BIG, new_ids(IN_HAND_MOST + 50), late=10)
    poller = poller_of(world, beams)
    poller.start()
    await poller.tick()
    await until(lambda: len(beams[BIG].asked) == WORKERS)
    await poller.tick()
    assert poller.in_hand(BIG) == IN_HAND_MOST
    assert WORKERS < IN_HAND_MOST
    beams[BIG].answers.set()
    await until(lambda: world.beam.asked.total() == IN_HAND_MOST + 50)
    await poller.settle()
    await poller.stop(5)
