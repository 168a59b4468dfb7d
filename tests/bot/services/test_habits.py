"""What is usual of functions is kept at hand for a while, and not without end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from bot.services import habits
from bot.services.habits import FRESH, Habits
from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import Tracked
from bot.tasks.usual import Usual
from storage.history import HistoryStore

ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
USUAL = Usual((60.0,) * 5, (1.0,) * 5)


class History:
    """Knows runs of every function, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def usual(
        self, team_id: str, account: str, functions: Collection[str]
    ) -> dict[str, Usual]:
        self.asked += sorted(functions)
        return dict.fromkeys(functions, USUAL)


class World:
    """Habits over a fake history and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.history = History()
        self.habits = Habits(cast("HistoryStore", self.history), lambda: self.now)

    async def learn(self, *names: str) -> list[str]:
        """Learn what is usual of functions; return which of them were read."""
        self.history.asked.clear()
        await self.habits.learn(("T1", "default", _task(name)) for name in names)
        return list(self.history.asked)

    def known(self, name: str) -> bool:
        """Tell whether what is usual of a function is at hand."""
        tracked = Tracked("T1", "default", _task(name), self.now)
        return self.habits.of(tracked, tracked.task) is not None


def _task(name: str) -> Task:
    return Task(ID, Status("RUNNING"), function=name)


async def test_a_function_is_read_once_in_a_while() -> None:
    world = World()
    assert await world.learn("a", "b", "a") == ["a", "b"]
    world.now += FRESH - timedelta(seconds=1)
    assert await world.learn("a", "b") == []
    world.now += timedelta(seconds=1)
    assert await world.learn("a") == ["a"]


async def test_with_more_functions_than_there_is_room_for_what_was_not_used_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(habits, "KEPT_MOST", 3)
    world = World()
    for name in "abc":
        await world.learn(name)
    assert await world.learn("a") == []
    assert await world.learn("d") == ["d"]
    assert [name for name in "abcd" if world.known(name)] == ["a", "c", "d"]
    assert await world.learn("a", "c", "d") == []
    assert await world.learn("b") == ["b"]


async def test_a_batch_that_is_larger_than_the_room_is_at_hand_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(habits, "KEPT_MOST", 3)
    world = World()
    await world.learn(*"abcdef")
    assert sum(world.known(name) for name in "abcdef") == 3
