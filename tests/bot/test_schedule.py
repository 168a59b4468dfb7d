"""The jobs run on when the clock is set back, once when they are late, and to their end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from apscheduler.schedulers import base

from bot import schedule
from bot.schedule import DELIVER_TICK, new_schedule

NAMES = ("poll", "deliver", "beat", "resume", "purge", "renew", "nudge", "remind")
PATIENCE = 20


class Clock:
    """The clock that the schedule reads; it stands still until it is moved."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        mine = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return mine.at.astimezone(tz)

        patch.setattr(base, "datetime", Moved)
        patch.setattr(schedule, "datetime", Moved)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Jobs:
    """Counts how often each job ran."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.ran = asyncio.Condition()
        self.schedule = new_schedule(*map(self._job, NAMES), poll_interval=3)

    def _job(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            async with self.ran:
                self.runs[name] += 1
                self.ran.notify_all()

        return run

    async def until(self, name: str, runs: int) -> None:
        """Wait until a job ran so often."""
        async with asyncio.timeout(PATIENCE), self.ran:
            await self.ran.wait_for(lambda: self.runs[name] >= runs)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
async def jobs(clock: Clock) -> AsyncIterator[Jobs]:
    made = Jobs()
    made.schedule.start()
    yield made
    await made.schedule.stop(PATIENCE)


async def test_jobs_that_are_weeks_late_run_once_and_hold_nothing_up(
    jobs: Jobs, clock: Clock
) -> None:
    clock.step(timedelta(weeks=4).total_seconds())
    for name in NAMES:
        await jobs.until(name, 1)
    # The quickest is due again first, and is alone in that.
    clock.step(DELIVER_TICK)
    await jobs.until("deliver", 2)
    assert jobs.runs == Counter(NAMES) + Counter(["deliver"])


async def test_jobs_go_on_when_the_clock_is_set_back(jobs: Jobs, clock: Clock) -> None:
    clock.step(DELIVER_TICK)
    await jobs.until("deliver", 1)
    clock.step(-3600)
    for name in NAMES:
        await jobs.until(name, 1)
    for run in range(3, 6):
        clock.step(DELIVER_TICK)
        await jobs.until("deliver", run)


async def test_a_job_that_has_begun_comes_to_its_end_when_the_schedule_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    began, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def claim() -> None:
        began.set()
        await may_end.wait()
        ended.set()

    async def nothing() -> None:
        pass

    schedule = new_schedule(claim, *(nothing for _ in range(7)), poll_interval=0.1)
    schedule.start()
    async with asyncio.timeout(PATIENCE):
        await began.wait()
        stopping = asyncio.create_task(schedule.stop(PATIENCE))
        await asyncio.sleep(0)
        may_end.set()
        await stopping
        # What ran is over for APScheduler too, and is no error to it.
        await asyncio.sleep(0.05)
    assert ended.is_set()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
