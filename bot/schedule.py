"""Which job runs how often, and nothing of what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

POLL_TICK = 0.5
"""Seconds between two looks for due tasks at most; a quarter of the shortest interval if less."""
DELIVER_TICK = 0.25
BEAT_EVERY = 5.0
RESUME_EVERY = 60.0
PURGE_EVERY = 600.0

Job = Callable[[], Awaitable[None]]


def new_schedule(
    poll: Job, deliver: Job, beat: Job, resume: Job, purge: Job, *, poll_interval: float
) -> AsyncIOScheduler:
    """Return the schedule, not yet started.

    Args:
        poll: takes the tasks that are due.
        deliver: sends what is owed.
        beat: sees whether all is well.
        resume: takes up what a copy that died left open.
        purge: forgets what is not needed any more.
        poll_interval: shortest time between two checks of a task, in seconds.
    """
    # By default a run that is a second late is dropped, and late is when it is needed.
    schedule = AsyncIOScheduler(
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone="UTC",
    )
    tick = min(POLL_TICK, poll_interval / 4)
    schedule.add_job(poll, "interval", seconds=tick, id="poll")
    schedule.add_job(deliver, "interval", seconds=DELIVER_TICK, id="deliver")
    schedule.add_job(beat, "interval", seconds=BEAT_EVERY, id="beat")
    schedule.add_job(resume, "interval", seconds=RESUME_EVERY, id="resume")
    schedule.add_job(purge, "interval", seconds=PURGE_EVERY, id="purge")
    return schedule
