"""A workspace that floods the bot is served in order and to a bound; no other waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bot.errors import TooBusy
from bot.services.policy import Policy
from bot.settings import CancelPolicy
from bot.slack.arrivals import Arrivals
from bot.slack.blocks.message import Message
from bot.slack.crowd import AT_ONCE, TOLD_AGAIN, WAITING, Crowd
from bot.slack.guard import WORKSPACE, Guard, Turn
from bot.slack.workspace import Workspace
from bot.tasks.records import Place
from tests.bot.services.world import FakeSlack
from tests.fuzz.slack_side import MemorySeen, RequestCounts

HERE = cast("Workspace", None)
"""The workspace of the requests, which nothing here looks into."""


class OneName:
    """The accounts of workspaces that have one."""

    who_renews = ""

    async def of(self, team_id: str, channel_id: str) -> str:
        return "default"

    async def client(self, team_id: str, account: str) -> Any:
        raise NotImplementedError


class Desk:
    """A guard, a handler that works until it is let go, and what people are told."""

    def __init__(self, crowd: Crowd | None = None, arrivals: Arrivals | None = None) -> None:
        self.meter = RequestCounts()
        policy = Policy(FakeSlack(), cast("Any", None), CancelPolicy.MEMBERS)
        clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)  # noqa: E731  # as short as it gets
        self.guard = Guard(MemorySeen(), policy, OneName(), clock, self.meter, crowd, arrivals)
        self.order: list[int] = []
        self.at_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.hangs: set[str] = set()
        self.go = asyncio.Event()
        self.told: list[tuple[str, str]] = []
        self.telling = self.most_telling = 0
        self.acks = 0

    async def work(self, turn: Turn) -> None:
        team_id = turn.place.team_id
        self.order.append(int(turn.key))
        self.at_work[team_id] += 1
        self.most[team_id] = max(self.most[team_id], self.at_work[team_id])
        if team_id in self.hangs:
            await self.go.wait()
        self.at_work[team_id] -= 1

    def ask(self, team_id: str, number: int, user: str = "U1") -> asyncio.Task[None]:
        """Send a request; it is done when the task is."""

        async def ack(**_: Any) -> None:
            self.acks += 1

        def read(_: Mapping[str, Any], workspace: Workspace) -> Turn:
            answer = Told(self, user)
            place = Place(team_id, "C1", user)
            return Turn(place, "", "command", answer, {}, workspace, str(number))

        listen = self.guard.listener(read, self.work)
        return asyncio.ensure_future(listen(ack, {}, {WORKSPACE: HERE}))


class Told:
    """An answer that notes what a person is told."""

    def __init__(self, desk: Desk, user: str) -> None:
        self._desk = desk
        self._user = user

    async def private(self, message: Message) -> None:
        self._desk.telling += 1
        self._desk.most_telling = max(self._desk.most_telling, self._desk.telling)
        await asyncio.sleep(0)
        self._desk.telling -= 1
        self._desk.told.append((self._user, message.text))

    async def public(self, message: Message) -> None:
        raise NotImplementedError

    async def replace(self, message: Message) -> None:
        raise NotImplementedError

    async def remove(self) -> None:
        raise NotImplementedError


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_thousands_of_requests_of_one_workspace_do_not_delay_another() -> None:
    desk = Desk()
    desk.hangs = {"T1"}
    flood = [desk.ask("T1", number) for number in range(3_000)]
    await settled()
    assert desk.most == {"T1": AT_ONCE}
    await asyncio.wait_for(desk.ask("T2", 5_000), 20)
    assert desk.order[-1] == 5_000
    # Slack is told at once that each was taken, whatever becomes of it.
    assert desk.acks == 3_001
    desk.go.set()
    await asyncio.gather(*flood)
    # In the order in which they came, and never more at once.
    served = AT_ONCE + WAITING
    assert [one for one in desk.order if one < 5_000] == list(range(served))
    assert desk.most == {"T1": AT_ONCE, "T2": 1}
    assert desk.meter.counts["command done"] == served + 1
    assert desk.meter.counts["command turned away"] == 3_000 - served


async def test_the_last_that_may_wait_is_done_and_the_one_beyond_is_told_what_to_do() -> None:
    desk = Desk(Crowd(2, 3))
    desk.hangs = {"T1"}
    taken = [desk.ask("T1", number) for number in range(5)]
    await settled()
    await desk.ask("T1", 5)
    assert len(desk.told) == 1
    assert "Try again in a minute" in desk.told[0][1]
    assert f"{WAITING:,} requests" in desk.told[0][1]
    desk.go.set()
    await asyncio.gather(*taken)
    assert desk.order == [0, 1, 2, 3, 4]
    # There is room again, and nothing is kept of a workspace that asks nothing.
    await desk.ask("T1", 6)
    assert desk.order[-1] == 6


async def test_who_is_turned_away_is_told_once_in_a_while_and_everybody_is() -> None:
    times = [1_000.0]
    desk = Desk(Crowd(1, 0, clock=lambda: times[-1]))
    desk.hangs = {"T1"}
    first = desk.ask("T1", 0)
    await settled()
    for number in range(1, 41):
        await asyncio.gather(*(desk.ask("T1", 100 * number + who, f"U{who}") for who in range(20)))
    assert Counter(user for user, _ in desk.told) == {f"U{who}": 1 for who in range(20)}
    assert desk.most_telling <= 8
    times.append(1_000 + TOLD_AGAIN)
    await desk.ask("T1", 9_000, "U7")
    assert Counter(user for user, _ in desk.told)["U7"] == 2
    desk.go.set()
    await first


async def test_a_request_that_fails_makes_room_for_the_next() -> None:
    crowd = Crowd(1, 0)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with crowd.turn("T1"):
                raise ValueError("broken")
    async with crowd.turn("T1"):
        with pytest.raises(TooBusy):
            async with crowd.turn("T1"):
                pass
        async with crowd.turn("T2"):
            pass


async def test_one_who_gives_up_waiting_leaves_the_line() -> None:
    crowd = Crowd(1, 1)

    async def wait() -> None:
        async with crowd.turn("T1"):
            pass

    async with crowd.turn("T1"):
        waiting = asyncio.create_task(wait())
        await settled()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        another = asyncio.create_task(wait())
        await settled()
        assert not another.done()
    await asyncio.wait_for(another, 20)


async def test_nothing_is_done_before_all_that_have_come_are_acknowledged() -> None:
    arrivals = Arrivals(patience=60)
    desk = Desk(arrivals=arrivals)
    with arrivals.one():
        asked = [desk.ask("T1", number) for number in range(3)]
        await settled()
        assert (desk.acks, desk.order) == (3, [])
    await asyncio.wait_for(asyncio.gather(*asked), 20)
    assert sorted(desk.order) == [0, 1, 2]
