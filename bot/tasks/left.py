"""How much longer several tasks take: an estimate from past runs, or none at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from bot.tasks.records import KnownTask
from bot.tasks.task import Task
from bot.tasks.usual import Usual, quantile

LEAST_MEMBERS = 3
"""Complete tasks of a function in the group itself that stand in for past runs of it."""


def time_left(
    members: Sequence[KnownTask], usual: Mapping[str, Usual], now: datetime
) -> timedelta | None:
    """Return in how long the last of several tasks is over; ``None`` if it would be a guess.

    Tasks that wait are taken to follow each other on as many places as run now. Somebody who
    waits for the last of n tasks waits longer than for a usual one, so those that run last are
    taken to be slow: on average the slowest of n runs lies at n / (n + 1) of all runs.

    Args:
        members: all tasks, over or not.
        usual: what is usual of their functions.
        now: the current time.
    """
    flying = [known for known in members if not known.task.status.final]
    running = [known.task for known in flying if known.task.status == "RUNNING"]
    waiting = [known.task for known in flying if known.task.status in ("PENDING", "RETRY")]
    unknown = len(flying) - len(running) - len(waiting)
    if not running or unknown or any(known.trouble for known in flying):
        return None
    runs = {name: _runs(name, members, usual, now) for name in {_name(k.task) for k in flying}}
    # Each place: when it is free for its last task, what that one's runs were, how far it is.
    places: list[tuple[float, Sequence[float], float]] = []
    for task in running:
        ran = task.ran(now)
        if ran is None:
            return None
        places.append((0.0, runs[_name(task)], ran.total_seconds()))
    for task in waiting:
        free = [_end(place) for place in places]
        if None in free:
            return None
        first, at = min((at, index) for index, at in enumerate(free) if at is not None)
        places[at] = (first, runs[_name(task)], 0.0)
    ends = [_end(place, len(places) / (len(places) + 1)) for place in places]
    known_ends = [end for end in ends if end is not None]
    if len(known_ends) < len(ends):
        return None
    return timedelta(seconds=max(known_ends))


def _name(task: Task) -> str:
    return task.function or task.stub_name or ""


def _runs(
    name: str, members: Sequence[KnownTask], usual: Mapping[str, Usual], now: datetime
) -> Sequence[float]:
    """Return how long runs of a function took, shortest first; none if too few are known."""
    past = usual.get(name)
    if past is not None and past.run is not None:
        return past.ran
    own = sorted(
        ran.total_seconds()
        for known in members
        if known.task.status == "COMPLETE"
        and name
        and _name(known.task) == name
        and (ran := known.task.ran(now)) is not None
    )
    return own if len(own) >= LEAST_MEMBERS else ()


def _end(place: tuple[float, Sequence[float], float], share: float | None = None) -> float | None:
    """Return when a place is free: after a run that ``share`` of all are shorter than.

    Without ``share``, after one of mean length: a sum of runs comes to so many times their mean.
    """
    begins, runs, ran = place
    # What has run for long is judged by those runs that took longer still.
    longer = [run for run in runs if run > ran]
    if not longer:
        return None
    return begins + (fmean(longer) if share is None else quantile(longer, share)) - ran
