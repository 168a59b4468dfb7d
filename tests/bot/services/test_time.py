"""The clock is set back and forth, summer begins, a laptop sleeps: no storm, and nothing lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.beam.limiter import RateLimiter
from bot.services.doors import PROBE_LIMIT, Doors
from bot.services.ports import Outgoing
from bot.tasks import Status, Task, TaskId
from bot.tasks.records import KnownTask, Place, TransitionNews
from storage.cancels import CancelStore
from storage.migrate import migrate
from storage.seen import SeenStore
from tests.bot.services.fuse import InlineDatabase
from tests.bot.services.outside import MoodyBeam, MoodySlack, SteppedClock
from tests.bot.services.world import HERE, A, World
from tests.torture import many

HOUR = 3600.0
TASKS = [TaskId(f"07ce4078-bccc-4a42-b530-{n:012d}") for n in range(500)]
SINGLES = TASKS[:50]
CHANNELS = [f"C{n}" for n in range(10)]
SETTLED = 70
"""Seconds until all cards are posted."""


class HeldBeam(MoodyBeam):
    """Beam whose answers can be held back."""

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__(clock)
        self.open = asyncio.Event()
        self.open.set()

    async def get(self, task_id: TaskId) -> Task:
        answer = await super().get(task_id)
        await self.open.wait()
        return answer


class HeldSlack(MoodySlack):
    """Slack whose answers can be held back."""

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__(clock)
        self.open = asyncio.Event()
        self.open.set()

    async def post(self, message: Outgoing) -> str:
        ts = await super().post(message)
        await self.open.wait()
        return ts


class Fleet:
    """500 old tasks, watched in ten channels: 50 with a card each, the others in groups."""

    def __init__(self, path: Path) -> None:
        self.clock = SteppedClock()
        self.beam, self.slack = HeldBeam(self.clock), HeldSlack(self.clock)
        self.world = World(path, self.clock, self.beam, self.slack, database=InlineDatabase)

    async def start(self) -> None:
        await migrate(self.world.database)
        self.world.start()
        created = self.clock() - timedelta(hours=12)
        for task_id in TASKS:
            self.beam.tasks[task_id] = Task(task_id, Status("RUNNING"), created_at=created)
        for n, task_id in enumerate(SINGLES):
            await self._watch(CHANNELS[n % len(CHANNELS)], [task_id])
        for n, channel in enumerate(CHANNELS):
            await self._watch(channel, TASKS[50 + 45 * n : 95 + 45 * n])
        # All cards are posted, and the looks are spread over their interval.
        for _ in range(SETTLED):
            await self.tick()
        assert len(self.slack.posted) == len(SINGLES) + len(CHANNELS)
        self.beam.asked.clear()

    async def _watch(self, channel: str, ids: list[TaskId]) -> None:
        place = Place("T1", channel, "U1")
        found = [KnownTask(self.beam.tasks[one], self.clock()) for one in ids]
        await self.world.watches.add(
            place,
            found,
            None,
            now=self.clock(),
            start=lambda known, before: self.world.look_up.start(place, known, before),
        )

    async def tick(self, seconds: float = 1.0) -> None:
        """Let time pass, and do what is due."""
        self.clock.advance(seconds)
        await self.world.poller.tick()
        await self.world.poller.settle()
        await self.world.deliverer.tick()
        await self.world.deliverer.settle()

    def told(self) -> Counter[TaskId]:
        """Count how often each task's end was told."""
        ends = (one.news for one in self.slack.news() if isinstance(one.news, TransitionNews))
        return Counter(news.task.id for news in ends if news.final)

    async def recorded(self) -> int:
        """Count the tasks that are known to be over."""
        stored = await self.world.tasks.get("T1", "default", TASKS)
        return sum(one.task.status == "COMPLETE" for one in stored.values())

    def end_all(self) -> None:
        for task_id in TASKS:
            self.beam.put(task_id, "COMPLETE")


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    made = Fleet(tmp_path / "test.db")
    await made.start()
    yield made
    await made.world.close()


def slept(fleet: Fleet) -> None:
    fleet.clock.advance(8 * HOUR)


STEPS: dict[str, Callable[[Fleet], None]] = {
    "an hour back": lambda fleet: fleet.clock.step(-HOUR),
    "an hour forward": lambda fleet: fleet.clock.step(HOUR),
    "half a minute back": lambda fleet: fleet.clock.step(-30),
    "slept for 8 hours": slept,
}


@pytest.mark.parametrize("step", STEPS)
async def test_after_the_clock_jumped_each_task_is_asked_once_or_twice_in_a_minute(
    fleet: Fleet, step: str
) -> None:
    STEPS[step](fleet)
    for _ in range(60):
        await fleet.tick()
    assert max(fleet.beam.asked.values(), default=0) <= 2
    # Half a minute back, what was due in a minute is due in a minute and a half.
    for _ in range(31):
        await fleet.tick()
    assert len(fleet.beam.asked) == len(TASKS)
    assert not fleet.slack.complaints
    assert not fleet.slack.news()


@pytest.mark.parametrize("step", list(STEPS)[:: many(3, 1)])
async def test_a_jump_amid_looks_and_messages_loses_and_doubles_nothing(
    fleet: Fleet, step: str
) -> None:
    fleet.end_all()
    # Some are told; others are being asked about, and messages are on their way, at the jump.
    for _ in range(15):
        await fleet.tick()
    fleet.beam.open.clear()
    fleet.slack.open.clear()
    fleet.clock.advance(5)
    await fleet.world.poller.tick()
    await fleet.world.deliverer.tick()
    for _ in range(50):
        await asyncio.sleep(0)
    STEPS[step](fleet)
    fleet.beam.open.set()
    fleet.slack.open.set()
    await fleet.world.poller.settle()
    await fleet.world.deliverer.settle()
    # An interval, and a lease of what was in hand.
    for _ in range(121):
        await fleet.tick()
    assert await fleet.recorded() == len(TASKS)
    for _ in range(60):
        await fleet.tick()
    assert fleet.told() == Counter(SINGLES)
    assert await fleet.world.outbox.oldest_owed() is None
    assert not fleet.slack.complaints


async def test_summer_time_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        fleet = Fleet(tmp_path / "test.db")
        # Clocks go from 2 to 3 o'clock there at 7 o'clock UTC: half a minute after all is set up.
        spring = datetime(2026, 3, 8, 7, tzinfo=UTC)
        fleet.clock.now = spring - timedelta(seconds=SETTLED + 30)
        await fleet.start()
        fleet.end_all()
        for _ in range(75):
            await fleet.tick()
        assert fleet.clock() == spring + timedelta(seconds=45)
        assert max(fleet.beam.asked.values(), default=0) <= 2
        assert await fleet.recorded() == len(TASKS)
        await fleet.world.close()
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_the_budget_allows_no_burst_after_a_sleep() -> None:
    at = 1000.0
    slots: list[float] = []

    def clock() -> float:
        return at

    async def sleep(seconds: float) -> None:
        nonlocal at
        # A timer may come a little early.
        at += seconds * 0.999

    limiter = RateLimiter(50, clock, sleep)
    for n in range(200):
        if n == 100:
            at += 8 * HOUR
        await limiter.acquire()
        slots.append(at)
    # Never more than 50 in a second, but for the rounding of timers.
    assert min(later - sooner for sooner, later in zip(slots, slots[50:], strict=False)) > 0.98
    assert slots[-1] < 1000 + 8 * HOUR + 5


@pytest.mark.parametrize("step", [-HOUR, -30.0, HOUR])
def test_a_closed_door_is_probed_within_a_minute_whatever_the_clock_does(step: float) -> None:
    clock = SteppedClock()
    doors = Doors()
    doors.rejected("T1", clock())
    clock.step(step)
    probes = 0
    for _ in range(120):
        clock.advance(1)
        if doors.probe("T1", clock()):
            probes += 1
            doors.rejected("T1", clock())
    assert 1 <= probes <= 120 / 5
    last = clock()
    clock.advance(PROBE_LIMIT.total_seconds())
    assert doors.probe("T1", clock()), last


@pytest.mark.parametrize(
    ("step", "open_still"), [(-HOUR, True), (59 * 60, True), (HOUR + 1, False)]
)
async def test_a_question_is_open_for_an_hour_of_the_clock(
    tmp_path: Path, step: float, open_still: bool
) -> None:
    clock, database = SteppedClock(), InlineDatabase(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    await migrate(database)
    cancels = CancelStore(database)
    question = await cancels.ask(HERE, [A], clock())
    clock.step(step)
    answer = await cancels.answer(question, "T1", "U1", clock())
    assert (answer is not None) is open_still
    await database.close()


@pytest.mark.parametrize("step", [0.0, -HOUR, HOUR / 2])
async def test_a_request_is_remembered_as_long_as_its_signature_holds(
    tmp_path: Path, step: float
) -> None:
    clock, database = SteppedClock(), InlineDatabase(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    await migrate(database)
    seen = SeenStore(database)
    assert await seen.first("T1", "one", clock())
    clock.step(step)
    await seen.purge(clock())
    assert not await seen.first("T1", "one", clock())
    clock.advance(3 * HOUR)
    await seen.purge(clock())
    assert await seen.first("T1", "one", clock())
    await database.close()
