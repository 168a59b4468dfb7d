"""How much less often everybody is looked at, so that all fit into the budget of requests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from bot.services.ports import Budget

MEMORY = 20.0
"""Seconds over which the demand is averaged."""

MOST = 1_000.0
"""A factor beyond this would say nothing: old tasks are looked at in time all the same."""

_GRACE = 10.0


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
        self.passed(now)
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

    def passed(self, now: datetime) -> None:
        """Note that it is ``now``: what was looked at long ago counts no more."""
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


@dataclass(frozen=True, slots=True)
class Demand:
    """What all Beam accounts ask for together, and what they may."""

    rate: float
    """Requests a second that may be sent."""
    wanted: float
    """Requests a second that are asked for."""
    short: int
    """Accounts that ask for more than they may send."""
    used: int
    """Requests that were sent since the start."""


class Shares:
    """The share of each Beam account, by its budget: what two use with one token is shared.

    Args:
        budget_of: the budget of an account, by its workspace and its name; without an end if not
            given.
    """

    def __init__(self, budget_of: Callable[[str, str], Budget] | None = None) -> None:
        unlimited = Unlimited()
        self._budget_of = budget_of or (lambda *_: unlimited)
        self._shares: WeakKeyDictionary[Budget, Share] = WeakKeyDictionary()
        self._counted: WeakKeyDictionary[Budget, int] = WeakKeyDictionary()
        self._used = 0

    def of(self, team_id: str, account: str) -> Share:
        """Return an account's share."""
        budget = self._budget_of(team_id, account)
        share = self._shares.get(budget)
        if share is None:
            share = self._shares[budget] = Share(budget)
        return share

    def factor(self) -> float:
        """Return by how much the intervals of those are stretched who are shortest of budget."""
        return max((share.factor() for share in self._shares.values()), default=1.0)

    def measure(self, now: datetime) -> Demand:
        """Return what is asked for and what may be sent, of all accounts together."""
        rate = wanted = 0.0
        short = 0
        for budget, share in self._shares.items():
            share.passed(now)
            self._used += budget.used - self._counted.get(budget, 0)
            self._counted[budget] = budget.used
            rate, wanted = rate + budget.rate, wanted + share.demand()
            short += share.factor() > 1.0
        return Demand(rate, wanted, short, self._used)
