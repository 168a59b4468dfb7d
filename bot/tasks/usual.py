"""What is usual of a function: how long its past runs waited and ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

LEAST_RUNS = 5
"""Fewer past runs than this say nothing about the next one."""

RUNS_KEPT = 100
"""Latest runs of a function that are looked at."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Past runs of one function that ended as ``COMPLETE``.

    Args:
        ran: how long they ran, in seconds, shortest first.
        waited: how long they waited to start, in seconds, shortest first.
    """

    ran: tuple[float, ...] = ()
    waited: tuple[float, ...] = ()

    @property
    def run(self) -> timedelta | None:
        """How long a run usually takes: the median; ``None`` while too little is known."""
        return _median(self.ran)

    @property
    def wait(self) -> timedelta | None:
        """How long a task usually waits to start: the median; ``None`` if too little is known."""
        return _median(self.waited)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of ``ordered`` lies, interpolated.

    Raises:
        ValueError: there is no value.
    """
    if not ordered:
        raise ValueError("no value has no quantile")
    place = min(max(share, 0.0), 1.0) * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _median(ordered: Sequence[float]) -> timedelta | None:
    if len(ordered) < LEAST_RUNS:
        return None
    return timedelta(seconds=quantile(ordered, 0.5))
