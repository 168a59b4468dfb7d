"""A workspace that owes much, or whose Slack hangs, does not delay the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, insert, select

from bot.services.ports import Outgoing
from bot.services.turns import AT_ONCE, OF_ONE
from bot.tasks.records import ClosedNews
from storage.codec import news_kind, news_to_json
from storage.tables import channels, deliveries
from tests.bot.services.world import FakeSlack, World
from tests.torture import many

NEWS = ClosedNews("C1", "is_archived", ())
CROWD = many(5_000, 50_000)
"""Channels of the workspace that owes much."""


class HangingSlack(FakeSlack):
    """Takes messages of some workspaces and answers them only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs: set[str] = set()
        self.begun: Counter[str] = Counter()
        self.go = asyncio.Event()
        self._moved = asyncio.Event()

    async def post(self, message: Outgoing) -> str:
        self.begun[message.team_id] += 1
        self._moved.set()
        if message.team_id in self.hangs:
            await self.go.wait()
        ts = await super().post(message)
        self._moved.set()
        return ts

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what was posted."""
        async with asyncio.timeout(20):
            while not holds():
                self._moved.clear()
                await self._moved.wait()


@pytest.fixture
def slack() -> HangingSlack:
    return HangingSlack()


@pytest.fixture
async def world(database_url: str, slack: HangingSlack) -> AsyncIterator[World]:
    made = World(database_url, slack=slack)
    await made.open()
    yield made
    slack.go.set()
    await made.close()


async def owe(world: World, team_id: str, count: int = 1, each: int = 1) -> None:
    """Owe so many channels of a workspace so many messages each."""
    now, names = world.clock(), [f"C{number}" for number in range(count)]
    place = {"team_id": team_id, "attempt": 0, "due_at": now, "touched_at": now}
    message = {
        "team_id": team_id,
        "account": "default",
        "kind": news_kind(NEWS),
        "data": news_to_json(NEWS),
        "state": "owed",
        "attempts": 0,
        "created_at": now,
    }

    def write(tx: Connection) -> None:
        tx.execute(insert(channels), [place | {"channel_id": name} for name in names])
        owed = [
            message | {"channel_id": name, "dedupe": f"{team_id}{name}:{number}"}
            for name in names
            for number in range(each)
        ]
        for begin in range(0, len(owed), 2_000):
            tx.execute(insert(deliveries), owed[begin : begin + 2_000])

    await world.database.write(write)


def told(slack: HangingSlack) -> Counter[str]:
    return Counter(one.team_id for one in slack.posted)


async def test_one_message_goes_out_in_the_first_round_beside_a_crowd(
    world: World, slack: HangingSlack
) -> None:
    await owe(world, "T1", CROWD)
    world.clock.advance(60)
    await owe(world, "T2")
    await world.deliverer.tick()
    await world.deliverer.settle()
    assert told(slack) == {"T1": OF_ONE, "T2": 1}


async def test_a_workspace_alone_is_served_as_fast_as_ever(
    world: World, slack: HangingSlack
) -> None:
    await owe(world, "T1", 5 * OF_ONE)
    for number in range(1, 6):
        await world.deliverer.tick()
        await world.deliverer.settle()
        assert told(slack) == {"T1": number * OF_ONE}


async def test_workspaces_whose_slack_hangs_hold_their_own_turns_only(
    world: World, slack: HangingSlack
) -> None:
    slack.hangs = {f"T{number}" for number in range(1, 9)}
    for team_id in slack.hangs:
        await owe(world, team_id, 2 * OF_ONE)
    await world.deliverer.tick()
    await owe(world, "T9", 10)
    async with asyncio.timeout(20):
        # While all the others wait, one after another of its channels is served.
        while told(slack)["T9"] < 10:
            await world.deliverer.tick()
            await asyncio.sleep(0.01)
    assert told(slack) == {"T9": 10}
    assert sum(slack.begun[team_id] for team_id in slack.hangs) < AT_ONCE


async def test_more_crowds_than_turns_are_served_one_after_another(
    world: World, slack: HangingSlack
) -> None:
    crowds = [f"T{number:03d}" for number in range(AT_ONCE + 36)]
    for team_id in crowds:
        await owe(world, team_id, 2, each=2)
    world.clock.advance(60)
    # Its turn comes after all of them, and it is due the last.
    await owe(world, "T999")
    for _ in range(2):
        await world.deliverer.tick()
        await world.deliverer.settle()
    assert told(slack)["T999"] == 1
    assert min(told(slack)[team_id] for team_id in crowds) >= 1


async def test_who_waits_for_a_card_takes_no_turn_of_the_rest(
    world: World, slack: HangingSlack
) -> None:
    slack.hangs = {"T1"}
    await owe(world, "T1", 2 * AT_ONCE)
    waits = [
        asyncio.create_task(world.deliverer.deliver_now("T1", f"C{number}"))
        for number in range(2 * AT_ONCE)
    ]
    await slack.until(lambda: slack.begun["T1"] == 2 * AT_ONCE)
    await owe(world, "T2")
    await world.deliverer.tick()
    await slack.until(lambda: told(slack)["T2"] == 1)
    slack.go.set()
    await asyncio.gather(*waits)
    assert told(slack)["T1"] == 2 * AT_ONCE


async def test_a_workspace_that_rejects_our_token_costs_the_others_nothing(
    world: World, slack: HangingSlack
) -> None:
    await owe(world, "T1", CROWD)
    await owe(world, "T2")
    world.workspaces.rejected("T1", world.clock())
    await world.deliverer.tick()
    await world.deliverer.settle()
    assert told(slack) == {"T2": 1}
    left = select(deliveries.c.state).where(deliveries.c.team_id == "T1").distinct()
    assert await world.database.read(lambda tx: tx.scalars(left).all()) == ["owed"]
