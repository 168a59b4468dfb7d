"""Which job runs how often, and nothing of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

POLL_TICK = 0.5
"""Seconds between two looks for due tasks at most; a quarter of the shortest interval if less."""
DELIVER_TICK = 0.25
BEAT_EVERY = 5.0
NUDGE_EVERY = 10.0
RESUME_EVERY = 60.0
PURGE_EVERY = 600.0
RENEW_EVERY = 300.0
REMIND_EVERY = 5.0

CLOCK_EVERY = 1.0
"""Seconds between two looks whether the clock was set back."""

Job = Callable[[], Coroutine[Any, Any, None]]


class Apart(BaseTrigger):  # type: ignore[misc]  # it has no types
    """Runs a job again an interval after it ran, however late that was.

    APScheduler's own interval counts from when a job should have run: a machine that slept for a
    week would go through two million runs of one job before it does anything else, and then run
    each job once at once and once more at its old rhythm, which may be the next moment.

    Args:
        seconds: between two runs.
    """

    def __init__(self, seconds: float) -> None:
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when the job is due next."""
        return now + self.interval

    def __str__(self) -> str:
        return f"every {self.interval.total_seconds():g} s"


class Patient(AsyncIOExecutor):  # type: ignore[misc]  # it has no types
    """Cancels nothing when the schedule stops: APScheduler would, and log each as an error."""

    def shutdown(self, wait: bool = True) -> None:
        """Leave what has begun to whoever waits for it."""


class SteadyScheduler(AsyncIOScheduler):  # type: ignore[misc]  # it has no types
    """Goes on when the clock is set back, and lets what has begun come to its end.

    APScheduler plans by the clock: set back by an hour, every job would wait for an hour. And at
    its end it cancels what runs: work that was just claimed for a minute would be lost for it.
    """

    _look: asyncio.TimerHandle | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._begun: set[asyncio.Task[None]] = set()
        self._stopped = False

    def every(self, seconds: float, job: Job, name: str) -> None:
        """Run a job every so many seconds, never twice at once."""

        async def run() -> None:
            if self._stopped:
                return
            task = asyncio.create_task(job())
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
            await task

        self.add_job(run, Apart(seconds), id=name, name=name)

    async def stop(self, patience: float) -> None:
        """Start no job any more, and wait up to ``patience`` seconds for those that have begun."""
        self._stopped = True
        self.shutdown(wait=False)
        if self._begun:
            await asyncio.wait(self._begun, timeout=patience)

    def start(self, paused: bool = False) -> None:
        """Start, and watch the clock from now on."""
        super().start(paused)
        self._watch_clock()

    def shutdown(self, wait: bool = True) -> None:
        """Start no job any more."""
        if self._look is not None:
            self._look.cancel()
        super().shutdown(wait)

    def _create_default_executor(self) -> Patient:
        return Patient()

    def _watch_clock(self) -> None:
        now = datetime.now(self.timezone)
        for job in self.get_jobs():
            ahead = now + job.trigger.interval + timedelta(seconds=CLOCK_EVERY)
            if job.next_run_time is not None and job.next_run_time > ahead:
                job.modify(next_run_time=now)
        self._look = asyncio.get_running_loop().call_later(CLOCK_EVERY, self._watch_clock)


def new_schedule(
    poll: Job,
    deliver: Job,
    beat: Job,
    resume: Job,
    purge: Job,
    renew: Job,
    nudge: Job,
    remind: Job,
    *,
    poll_interval: float,
) -> SteadyScheduler:
    """Return the schedule, not yet started.

    Args:
        poll: takes the tasks that are due.
        deliver: sends what is owed.
        beat: sees whether all is well.
        resume: takes up what a copy that died left open.
        purge: forgets what is not needed any more.
        renew: renews tokens that expire.
        nudge: tells what takes longer than usual.
        remind: tells what was kept back from channels that were quiet, and weekly digests.
        poll_interval: shortest time between two checks of a task, in seconds.
    """
    # By default a run that is a second late is dropped, and late is when it is needed.
    schedule = SteadyScheduler(
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone="UTC",
    )
    tick = min(POLL_TICK, poll_interval / 4)
    schedule.every(tick, poll, "poll")
    schedule.every(DELIVER_TICK, deliver, "deliver")
    schedule.every(BEAT_EVERY, beat, "beat")
    schedule.every(NUDGE_EVERY, nudge, "nudge")
    schedule.every(RESUME_EVERY, resume, "resume")
    schedule.every(PURGE_EVERY, purge, "purge")
    schedule.every(RENEW_EVERY, renew, "renew")
    schedule.every(REMIND_EVERY, remind, "remind")
    return schedule
