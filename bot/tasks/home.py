"""What a person's Home tab shows: frozen records, no Slack, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tasks.records import Card, KnownTask, WatchPage

LONG_WAIT = timedelta(minutes=10)
"""Waiting longer than this in the queue deserves a look."""

FAILED_WITHIN = timedelta(hours=24)
"""How long a failure stays on Home."""


class Concern(StrEnum):
    """Why a task needs attention, the most urgent first."""

    FAILED = "failed"
    STALE = "stale"
    """It cannot be checked."""
    WAITING = "waiting"
    """It has waited for long."""


@dataclass(frozen=True, slots=True)
class Attention:
    """A task that needs attention, and the card that shows it."""

    concern: Concern
    known: KnownTask
    card: Card
    permalink: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many watched tasks a person may see are in which state."""

    waiting: int = 0
    running: int = 0
    other: int = 0
    """Of a status that nobody knows."""
    failed: int = 0
    """Ended badly within ``FAILED_WITHIN``."""
    stale: int = 0
    """Cannot be checked just now."""

    @property
    def flying(self) -> int:
        """How many are not over."""
        return self.waiting + self.running + self.other


@dataclass(frozen=True, slots=True)
class HomePage:
    """All that one person's Home shows."""

    user_id: str
    as_of: datetime
    counts: Counts
    attention: tuple[Attention, ...]
    """Failed, then stale, then long waiting; of each the person's own first."""
    mine: WatchPage
    others: WatchPage
    """Of other people, in channels that are open to this person."""
    channels_known: bool = True
    """Whether Slack said which channels these are; without that ``others`` is empty."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show: the first visit."""
        return not (self.mine.total or self.others.total or self.attention)
