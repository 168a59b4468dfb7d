"""How soon a task is worth asking about again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.tasks.usual import LEAST_RUNS, quantile

LATENESS = 0.0027
"""How late, in parts of its run time, the news of a task may be expected to be before a look pays.

The larger, the fewer requests and the later the news; found with ``bench/policy.py``."""

UNUSUAL = 0.04
"""The share of tasks that is taken to end at any time, whatever is usual: failures do."""


def check_interval(
    age: timedelta, *, shortest: float, longest: float, jitter: Callable[[], float]
) -> timedelta:
    """Return how long to wait before the next check of a task.

    The square root of the task's age in seconds, clamped: against a fixed 5 s it asks 2.6 times
    less often and tells the news 8 % of the run time late on average (measured on log-normal
    run times). The age is the task's own, not the watch's.

    Args:
        age: time since the task was created.
        shortest: shortest interval in seconds (``POLL_INTERVAL``).
        longest: longest interval in seconds (``POLL_MAX_INTERVAL``).
        jitter: a number in [0, 1); spreads checks by a twentieth to either side, within the
            bounds, so that tasks that were started together are not asked about together for
            ever.
    """
    return _spread(max(0.0, age.total_seconds()) ** 0.5, shortest, longest, jitter)


def usual_interval(
    elapsed: timedelta,
    past: Sequence[float],
    *,
    shortest: float,
    longest: float,
    jitter: Callable[[], float],
) -> timedelta | None:
    """Return how long to wait before the next check where past runs say when it pays.

    Each past run that took longer than ``elapsed`` stands for one way in which this one may go
    on. The longer the next check is put off, the later its news is expected to be, relative to
    the run time; the check comes when that reaches ``LATENESS``, so that little is asked before
    a run can be over and much around its usual end. Failures keep no hours: a share of all tasks
    is taken to end at any moment, and that sets how long a check may be put off at most.

    Args:
        elapsed: how long the task has waited, or run, so far.
        past: how long past tasks of the function waited, or ran, in seconds, shortest first.
        shortest: shortest interval in seconds (``POLL_INTERVAL``).
        longest: longest interval in seconds (``POLL_MAX_INTERVAL``).
        jitter: a number in [0, 1), as for :func:`check_interval`.

    Returns:
        ``None`` where the past says nothing: too few runs, or all were over by now.
    """
    gone = max(0.0, elapsed.total_seconds())
    first = bisect_right(past, gone)
    if len(past) < LEAST_RUNS or first == len(past):
        return None
    # If a share of UNUSUAL ends evenly over a usual run, the next t seconds are expected to cost
    # UNUSUAL / usual * t**2 / 2 / elapsed of lateness: this is the t at which that is LATENESS.
    usual = quantile(past, 0.5)
    most = (2.0 * LATENESS / UNUSUAL * max(gone, shortest) * usual) ** 0.5
    most = max(shortest, min(longest, most))
    allowed = LATENESS * (len(past) - first + UNUSUAL * len(past))
    # The expected lateness grows in straight lines whose slope rises with each run that ends.
    late, slope, at = 0.0, 0.0, gone
    for end in past[first:]:
        grown = late + slope * (end - at)
        if end >= gone + most or grown >= allowed:
            break
        late, at = grown, end
        slope += 1.0 / end
    wait = at + (allowed - late) / slope - gone if slope else most
    return _spread(min(wait, most), shortest, longest, jitter)


def _spread(
    seconds: float, shortest: float, longest: float, jitter: Callable[[], float]
) -> timedelta:
    spread = seconds * (1.05 - 0.1 * jitter())
    return timedelta(seconds=max(shortest, min(spread, longest)))


def age_of(created_at: datetime | None, now: datetime) -> timedelta:
    """Return how old a task is; a task that never said when it was created counts as new."""
    return max(timedelta(0), now - created_at) if created_at else timedelta(0)
