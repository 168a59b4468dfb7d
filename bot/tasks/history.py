"""What happened to a task, or in a channel: frozen records, no Slack, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.tasks.ids import TaskId
from bot.tasks.records import CancelOutcome, KnownTask
from bot.tasks.status import Status


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status."""

    at: datetime
    task_id: TaskId
    label: str
    old: Status
    new: Status
    spent: timedelta | None
    """How long the task was in its old status, as far as that is known."""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A cancel that somebody asked for, and how it came out."""

    at: datetime
    task_id: TaskId
    label: str
    actor_id: str
    outcome: CancelOutcome | None
    """``None`` while it is underway."""
    reason: str | None = None
    after: Status | None = None
    """What a look-up after it found."""
    ran: timedelta | None = None
    """How long the task had run."""


Event = Change | CancelAsked


@dataclass(frozen=True, slots=True)
class History:
    """One page of what happened. Pages count from 1, which is the latest."""

    events: tuple[Event, ...]
    """Oldest first for a task, as a story is told; newest first for a channel."""
    page: int
    more: bool
    """Whether there is something older."""
    known: KnownTask | None = None
    """The task, if it is one's; without one it is a channel's."""
