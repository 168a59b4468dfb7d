"""Which job runs how often, and nothing of what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

POLL_TICK = 0.5
"""Seconds between two looks for due tasks at most; a quarter of the shortest interval if less."""
DELIVER_TICK = 0.25
BEAT_EVERY = 5.0
NUDGE_EVERY = 10.0
RESUME_EVERY = 60.0
PURGE_EVERY = 600.0
RENEW_EVERY = 300.0

CLOCK_EVERY = 1.0
"""Seconds between two looks whether the clock was set back."""

Job = Callable[[], Awaitable[None]]


class SteadyScheduler(AsyncIOScheduler):  # type: ignore[misc]  # it has no types
    """Goes on when the clock is set back.

    APScheduler plans by the clock: set back by an hour, every job would wait for an hour.
    """

    _look: asyncio.TimerHandle | None = None

    def start(self, paused: bool = False) -> None:
        """Start, and watch the clock from now on."""
        super().start(paused)
        self._watch_clock()

    def shutdown(self, wait: bool = True) -> None:
        """Start no job any more."""
        if self._look is not None:
            self._look.cancel()
        super().shutdown(wait)

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
    *,
    poll_interval: float,
) -> AsyncIOScheduler:
    """Return the schedule, not yet started.

    Args:
        poll: takes the tasks that are due.
        deliver: sends what is owed.
        beat: sees whether all is well.
        resume: takes up what a copy that died left open.
        purge: forgets what is not needed any more.
        renew: renews tokens that expire.
        nudge: tells what takes longer than usual.
        poll_interval: shortest time between two checks of a task, in seconds.
    """
    # By default a run that is a second late is dropped, and late is when it is needed.
    schedule = SteadyScheduler(
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone="UTC",
    )
    tick = min(POLL_TICK, poll_interval / 4)
    schedule.add_job(poll, "interval", seconds=tick, id="poll")
    schedule.add_job(deliver, "interval", seconds=DELIVER_TICK, id="deliver")
    schedule.add_job(beat, "interval", seconds=BEAT_EVERY, id="beat")
    schedule.add_job(nudge, "interval", seconds=NUDGE_EVERY, id="nudge")
    schedule.add_job(resume, "interval", seconds=RESUME_EVERY, id="resume")
    schedule.add_job(purge, "interval", seconds=PURGE_EVERY, id="purge")
    schedule.add_job(renew, "interval", seconds=RENEW_EVERY, id="renew")
    return schedule
