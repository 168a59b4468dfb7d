"""When it is worth a word that a task takes longer than usual, or is about to be timed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tasks.status import Level
from bot.tasks.task import Task
from bot.tasks.usual import Usual, quantile

LONG_RUN = 2.0
"""How many times as long as usual a task must have run to be told …"""

LONG_WAIT = 3.0
"""… and to have waited: queues vary more than runs."""

EXCESS = timedelta(minutes=1)
"""What it must exceed the usual by at least: three seconds instead of one are no news."""

TIMEOUT_LEAST = timedelta(minutes=2)
"""Shorter timeouts are not told of: nobody could do anything in what is left."""

LEAD_LEAST, LEAD_MOST = timedelta(seconds=30), timedelta(minutes=10)
"""How long before a timeout it is told: a tenth of it, within these bounds."""

_USUAL_AT_MOST = 0.95
"""A function whose runs differ much is not slow while one in twenty takes as long."""


class NudgeKind(StrEnum):
    """What a nudge tells of."""

    WAIT = "wait"
    RUN = "run"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Nudge:
    """A moment from which on something is worth a word."""

    at: datetime
    kind: NudgeKind


def nudges(task: Task, usual: Usual | None) -> list[Nudge]:
    """Return the moments of a task as it is now, past ones and those to come, in order.

    Args:
        task: the task.
        usual: what is usual of its function; too few runs say nothing, but its timeout does.
    """
    found = []
    wait = long_wait(usual) if task.status == "PENDING" and not task.started_at else None
    if wait is not None and task.created_at:
        found.append(Nudge(task.created_at + wait, NudgeKind.WAIT))
    if task.status == "RUNNING" and task.started_at:
        if (run := long_run(usual)) is not None:
            found.append(Nudge(task.started_at + run, NudgeKind.RUN))
        if (near := timeout_near(task)) is not None:
            found.append(Nudge(task.started_at + near, NudgeKind.TIMEOUT))
    return sorted(found, key=lambda nudge: (nudge.at, nudge.kind))


def next_nudge(task: Task, usual: Usual | None, now: datetime) -> datetime | None:
    """Return when something is next worth a word, ``None`` if nothing will be."""
    return next((nudge.at for nudge in nudges(task, usual) if nudge.at > now), None)


def wants(level: Level, kind: NudgeKind) -> bool:
    """Tell whether a watch of this level asks for a nudge.

    ``failures`` asks only for what points to one: a timeout that is near. That something is
    slow is no failure.
    """
    return level is not Level.FAILURES or kind is NudgeKind.TIMEOUT


def long_run(usual: Usual | None) -> timedelta | None:
    """Return how long a run is long, ``None`` if too little is known."""
    if usual is None or usual.run is None:
        return None
    return _long(usual.run, usual.ran, LONG_RUN)


def long_wait(usual: Usual | None) -> timedelta | None:
    """Return how long a wait is long, ``None`` if too little is known."""
    if usual is None or usual.wait is None:
        return None
    return _long(usual.wait, usual.waited, LONG_WAIT)


def timeout_near(task: Task) -> timedelta | None:
    """Return after how long a run its timeout is near, ``None`` if it has none worth a word."""
    if not task.timeout_seconds:
        return None
    # What Beam sends may be longer than any time.
    timeout = timedelta(seconds=min(task.timeout_seconds, 10**9))
    if timeout < TIMEOUT_LEAST:
        return None
    return timeout - min(max(timeout / 10, LEAD_LEAST), LEAD_MOST)


def timeout_left(task: Task, now: datetime) -> timedelta | None:
    """Return in how long a running task is timed out; ``None`` without a timeout or after it."""
    ran = task.ran(now)
    if task.status != "RUNNING" or ran is None or not task.timeout_seconds:
        return None
    left = timedelta(seconds=min(task.timeout_seconds, 10**9)) - ran
    return left if left > timedelta(0) else None


def still_true(task: Task, told: Task, kind: NudgeKind, now: datetime) -> bool:
    """Tell whether a nudge still holds when it is delivered.

    Args:
        task: the task as it is known now.
        told: the task as it was when the nudge became due.
        kind: what it tells of.
        now: the current time.
    """
    if (task.status, task.started_at) != (told.status, told.started_at):
        return False
    return kind is not NudgeKind.TIMEOUT or timeout_left(task, now) is not None


def _long(typical: timedelta, known: tuple[float, ...], times: float) -> timedelta:
    often = timedelta(seconds=quantile(known, _USUAL_AT_MOST))
    return max(typical * times, typical + EXCESS, often)
