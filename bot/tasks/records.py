"""What is stored and shown: frozen records of the domain, no Slack, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tasks.ids import TaskId
from bot.tasks.nudge import NudgeKind
from bot.tasks.preferences import IN_THREADS, Manner
from bot.tasks.status import Level, Status
from bot.tasks.task import Task
from bot.tasks.usual import Usual

DEFAULT_ACCOUNT = "default"
"""The Beam account of the environment's token, and of a channel that chose none."""


class Trouble(StrEnum):
    """Why what is known of a task is old."""

    UNREACHABLE = "unreachable"
    """Beam does not answer, or not in a way that says anything."""
    UNAUTHORIZED = "unauthorized"
    """Beam rejects the token."""
    GONE = "gone"
    """Beam answers that it knows no such task."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said, and by whom: a channel, perhaps a thread, of one workspace."""

    team_id: str
    channel_id: str
    user_id: str
    thread_ts: str | None = None
    account: str = DEFAULT_ACCOUNT
    """The Beam account whose tasks are meant there."""


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """A Beam account that a workspace has connected, without its token."""

    name: str
    is_default: bool
    connected_by: str
    """Slack user id."""
    connected_at: datetime
    calls_back: bool = False
    """Whether Beam's callbacks for it are taken: it has a signing key."""


@dataclass(frozen=True, slots=True)
class KnownTask:
    """The last known truth about a task, and since when it is known."""

    task: Task
    known_at: datetime
    """When Beam last answered for this task."""
    trouble: Trouble | None = None
    """Set while the task cannot be checked; what is shown is then as of ``known_at``."""
    cancelled_by: str | None = None
    """Slack user id of who cancelled it through Beambot, if so."""
    cancel_reason: str | None = None
    """Why, in their own words."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that could not be looked up: the id and a plain sentence for the user."""

    task_id: TaskId
    text: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a look-up of one or more tasks found, in the order in which they were asked for."""

    found: tuple[KnownTask, ...]
    failed: tuple[Failure, ...]
    watched: frozenset[TaskId] = frozenset()
    """Those that this channel watches already."""
    usual: Mapping[str, Usual] = field(default_factory=dict)
    """What is usual of the functions of those in flight, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A channel's subscription to one task."""

    id: int
    team_id: str
    account: str
    channel_id: str
    task_id: TaskId
    card_id: int
    owner_id: str
    level: Level
    created_at: datetime


class CardKind(StrEnum):
    """Whether a card shows one task or a group."""

    TASK = "task"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Card:
    """A message in a channel that is kept up to date."""

    id: int
    team_id: str
    account: str
    channel_id: str
    thread_ts: str | None
    """The thread it was placed in, if it was asked for in one."""
    kind: CardKind
    owner_id: str
    level: Level
    ts: str | None
    """Slack's timestamp once it is posted."""
    wanted: int
    """Version that the channel should see."""
    shown: int
    """Version that the channel sees."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CardView:
    """A card with all that it shows: one task, or a group's members in the order asked for."""

    card: Card
    members: tuple[KnownTask, ...]
    watching: bool
    """Whether the watch still goes on; without it there is nothing to unwatch."""
    usual: Mapping[str, Usual] = field(default_factory=dict)
    """What is usual of the functions of its tasks in flight, as far as it is known."""
    replies: Mapping[TaskId, str] = field(default_factory=dict)
    """The ``ts`` of the reply that told of each of a group's members that failed."""
    muted_until: datetime | None = None
    """Until when its channel is told nothing, if it was muted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of status as told in a thread."""

    old: Status
    new: Status
    waited: timedelta | None
    ran: timedelta | None
    correction: bool = False
    """Whether ``old`` was final: Beam corrected how the task ended."""


@dataclass(frozen=True, slots=True)
class TransitionNews:
    """One reply in a card's thread: one change, or several that piled up, oldest first."""

    task: Task
    steps: tuple[Step, ...]
    final: bool
    mention: str | None
    """Slack user id to mention."""
    cancelled_by: str | None = None
    call: tuple[str, ...] = ()
    """Whom else to mention: Slack's ids of people, or of a user group."""
    manner: Manner = IN_THREADS


@dataclass(frozen=True, slots=True)
class GroupNews:
    """One reply in a group's thread: a member that failed, a milestone, or the end of them all."""

    members: tuple[KnownTask, ...]
    failed: Task | None
    """The member that failed, or ``None`` if it is something else."""
    mention: str | None
    steps: tuple[Step, ...] = ()
    milestone: int | None = None
    """How many per cent are complete, if that is the news."""
    folded: tuple[GroupNews, ...] = ()
    """What came together with it and is told in the same reply."""
    call: tuple[str, ...] = ()
    """Whom else to mention: Slack's ids of people, or of a user group."""
    manner: Manner = IN_THREADS

    @property
    def end(self) -> bool:
        """Whether the last member ended."""
        return self.failed is None and self.milestone is None


@dataclass(frozen=True, slots=True)
class NudgeNews:
    """One word that a task takes longer than usual, or is about to be timed out."""

    task: Task
    kind: NudgeKind
    usual: Usual
    """What was usual of its function."""
    as_of: datetime
    """When it was true; tasks wait or run until then."""
    mention: str | None
    over: bool = False
    """Whether the task has moved on since, so that there is nothing to cancel."""


@dataclass(frozen=True, slots=True)
class GoneNews:
    """A watch that ended because Beam does not know the task any more."""

    task: Task
    known_at: datetime
    mention: str | None
    call: tuple[str, ...] = ()
    """Whom else to mention: Slack's ids of people, or of a user group."""
    manner: Manner = IN_THREADS


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One thing that was kept back while a channel wanted to hear nothing."""

    status: Status
    name: str
    """What the task is called; empty for a group."""
    task_id: TaskId | None
    """The task, ``None`` for a group that is over."""
    ts: str | None
    """Slack's timestamp of the card."""
    thread_ts: str | None
    """The thread that the card is in."""
    call: tuple[str, ...] = ()
    """Whom to mention, if it ended badly."""
    gone: bool = False
    """Whether Beam does not know the task any more."""
    members: tuple[Status, ...] = ()
    """How the members of a group ended."""

    @property
    def bad(self) -> bool:
        """Whether it ended in a way that nobody wanted."""
        return self.gone or self.status.bad


@dataclass(frozen=True, slots=True)
class SummaryNews:
    """What was kept back while a channel wanted to hear nothing."""

    since: datetime
    lines: tuple[SummaryLine, ...]
    """Those that ended badly first; not all if they are many."""
    statuses: tuple[Status, ...]
    """How all tasks ended that are told by themselves."""


@dataclass(frozen=True, slots=True)
class ClosedNews:
    """Watches that ended because their channel takes no messages any more."""

    channel_id: str
    reason: str
    """Slack's name for it, such as ``is_archived``."""
    tasks: tuple[Task, ...]


class CancelOutcome(StrEnum):
    """What a look-up after a cancel found."""

    CANCELLED = "cancelled"
    STILL_STOPPING = "still_stopping"
    ALREADY_OVER = "already_over"
    FINISHED_FIRST = "finished_first"
    """In flight before the cancel, over in another way after it."""
    UNKNOWN_TASK = "unknown_task"
    UNCONFIRMED = "unconfirmed"
    """Beam did not answer the look-up after the cancel: nobody knows."""
    NOT_ASKED = "not_asked"
    """Beam did not answer the look-up before the cancel, so none was sent."""
    UNDERWAY = "underway"
    """Somebody's cancel was sent just before, so this one was not."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of one task that somebody asked to cancel."""

    task_id: TaskId
    outcome: CancelOutcome
    before: Task | None
    after: Task | None
    by: str | None = None
    """Slack user id of who cancelled it, if that was another cancel than this."""


@dataclass(frozen=True, slots=True)
class CancelReport:
    """Who asked to cancel what, and what really happened."""

    actor_id: str
    results: tuple[Cancelled, ...]
    asked_at: datetime
    key: str = ""
    """What the channel is owed it under; empty while it is owed nothing."""
    thread_ts: str | None = None
    """The thread it was asked for in, which is told."""
    reason: str | None = None
    """Why, in the person's own words."""
    folded: tuple[CancelReport, ...] = ()
    """Further cancels of the same person that are told in the same message."""

    @property
    def changed_something(self) -> bool:
        """Whether the channel should know: a cancel was sent, whatever became of it."""
        quiet = {
            CancelOutcome.ALREADY_OVER,
            CancelOutcome.UNKNOWN_TASK,
            CancelOutcome.NOT_ASKED,
            CancelOutcome.UNDERWAY,
        }
        return any(result.outcome not in quiet for result in self.results)


@dataclass(frozen=True, slots=True)
class Amended:
    """That a report that was told has changed, so that its message is to be edited."""

    key: str
    """What the report was owed under."""


@dataclass(frozen=True, slots=True)
class WatchRow:
    """One row of a channel's list: a task's watch, or a whole group."""

    card: Card
    members: tuple[KnownTask, ...]
    owner_id: str
    level: Level
    created_at: datetime
    permalink: str | None = None


@dataclass(frozen=True, slots=True)
class WatchPage:
    """One page of a channel's watches, newest first. Pages count from 1."""

    rows: tuple[WatchRow, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What ``watch`` did."""

    new_card: CardView | None
    """The card that was made for the tasks that are now watched."""
    already: tuple[Watch, ...]
    """Watches that were there before."""
    already_cards: tuple[Card, ...]
    finished: tuple[KnownTask, ...]
    """Tasks that are over: shown, not watched."""
    failed: tuple[Failure, ...]
    posted: bool = True
    """Whether Slack has accepted the new card yet."""
