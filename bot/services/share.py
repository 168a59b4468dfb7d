"""How much less often everybody is looked at, so that all fit into the budget of requests."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Protocol

MEMORY = 20.0
"""Seconds over which the demand is averaged."""

MOST = 1_000.0
"""A factor beyond this would say nothing: old tasks are looked at in time all the same."""

_GRACE = 10.0


class Budget(Protocol):
    """The requests that may be sent to one Beam account."""

    used: int
    """Requests that were sent."""

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""

    def allows(self, seconds: float) -> float:
        """Return how many requests the next ``seconds`` have room for."""


class Share:
    """Compares what all watched tasks ask for with the budget.

    A task that is looked at every ``wanted`` seconds asks for ``1 / wanted`` requests a second.
    A look that comes ``gap`` seconds after the one before stands for that time, so that the sum
    of ``gap / wanted`` over the looks of some time, divided by that time, is the demand: no list
    of tasks is kept, and what it costs grows with the looks alone. Each copy sees the demand of
    the looks that it makes itself, and its own budget.

    Args:
        budget: what may be sent.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._sum = 0.0
        self._at: datetime | None = None

    def looked(self, *, gap: float, planned: float, wanted: float, now: datetime) -> None:
        """Note a look.

        Args:
            gap: seconds since the look before it.
            planned: seconds that were meant to lie between the two.
            wanted: seconds that would lie between them if there were no budget.
            now: the current time.
        """
        self._decay(now)
        # A gap far longer than planned was no shortage: the bot was down, or the clock stepped.
        self._sum += min(max(gap, 0.0), 2 * planned + _GRACE) / wanted

    def demand(self) -> float:
        """Return how many requests a second all tasks ask for together."""
        # Little at first: whatever was due while the bot was down is no demand that lasts.
        return self._sum / MEMORY

    def factor(self) -> float:
        """Return by how much intervals are stretched: 1 while the budget is enough."""
        return min(max(self.demand() / self._budget.rate, 1.0), MOST)

    def room(self, seconds: float) -> float:
        """Return how many looks the next ``seconds`` have room for."""
        return self._budget.allows(seconds)

    def _decay(self, now: datetime) -> None:
        if self._at is None or now < self._at or now - self._at > timedelta(hours=1):
            # The first look, or a clock that stepped: nothing to compare with.
            self._sum = 0.0
        else:
            self._sum *= math.exp(-(now - self._at).total_seconds() / MEMORY)
        self._at = now


class Unlimited:
    """A budget without an end."""

    rate = math.inf
    used = 0

    def allows(self, seconds: float) -> float:
        """Return how many requests the next ``seconds`` have room for."""
        return math.inf
