"""What became of tasks over some time: frozen records, no Slack, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tasks.status import Status


class Window(StrEnum):
    """How far back statistics look."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return {"24h": timedelta(hours=24), "7d": timedelta(days=7)}.get(
            self.value, timedelta(days=30)
        )

    @property
    def words(self) -> str:
        """What to call it."""
        return {"24h": "24 hours", "7d": "7 days"}.get(self.value, "30 days")

    @property
    def slices(self) -> int:
        """How many bars a chart of it has: Slack's own takes 20 at most."""
        return {"24h": 12, "7d": 7}.get(self.value, 15)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something usually takes, and how long it takes at worst but for one in twenty."""

    p50: timedelta
    p95: timedelta


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """What became of one function's tasks."""

    name: str
    total: int
    bad: int
    """How many ended as nobody wanted: failed, timed out or expired."""
    ran: Spread | None = None
    """Of those that are complete: how long a failure took says nothing of a run."""
    waited: Spread | None = None
    """Of those that are complete."""


@dataclass(frozen=True, slots=True)
class Slice:
    """How the tasks ended that ended in a part of the time."""

    since: datetime
    complete: int = 0
    bad: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """How many ended."""
        return self.complete + self.bad + self.other


@dataclass(frozen=True, slots=True)
class Stats:
    """How tasks ended between two moments."""

    since: datetime
    until: datetime
    outcomes: Mapping[Status, int]
    functions: int
    """How many functions they were of."""
    busiest: tuple[FunctionReport, ...] = ()
    slowest: tuple[FunctionReport, ...] = ()
    """By the p95 of their runs, the slowest first."""
    failing: tuple[FunctionReport, ...] = ()
    """Those with tasks that ended badly, the most first."""
    slices: tuple[Slice, ...] = ()
    """The time in equal parts, oldest first."""
    capped: bool = False
    """Whether there were more tasks than are counted, so that only the latest are."""

    @property
    def total(self) -> int:
        """How many tasks ended."""
        return sum(self.outcomes.values())

    @property
    def bad(self) -> int:
        """How many ended as nobody wanted."""
        return sum(number for status, number in self.outcomes.items() if status.bad)


@dataclass(frozen=True, slots=True)
class Digest:
    """What became of a channel's tasks between two moments, and in as long a time before."""

    channel_id: str
    stats: Stats
    total_before: int = 0
    """How many tasks ended in the time before, for comparison."""
    bad_before: int = 0
    cancels: int = 0
    """How many tasks people cancelled from the channel."""
