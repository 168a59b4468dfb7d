"""What one look at a watched task changes: the rules of following, pure and in one place."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.tasks.pace import age_of, check_interval, usual_interval
from bot.tasks.records import KnownTask, Trouble
from bot.tasks.task import Task, Transition
from bot.tasks.usual import Usual

SHOWN_AFTER = 2
"""Failed looks in a row before a card says that Beam does not answer: one is a hiccup."""

GONE_AFTER = 3
"""Looks in a row that found no such task before its watches end …"""

GONE_FOR = timedelta(seconds=60)
"""… and the time that they must span at least."""

RECHECKS = (timedelta(minutes=1), timedelta(minutes=10))
"""When an end other than COMPLETE is looked at again: a late worker report may overwrite it."""

STRETCH_MOST = 4.0
"""How many ``POLL_MAX_INTERVAL`` may pass between two looks when the budget is short."""

_BACKOFF_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Tracked:
    """All that is stored about a watched task."""

    team_id: str
    account: str
    task: Task
    known_at: datetime
    seq: int = 0
    """How many transitions were seen."""
    next_check_at: datetime | None = None
    """When to look next; ``None`` when nobody needs to know."""
    attempt: int = 0
    """Counts claims; a result of an earlier claim is not written."""
    failures: int = 0
    """Looks in a row without an answer."""
    failing_since: datetime | None = None
    trouble: Trouble | None = None
    """Why the last look failed."""
    rechecks: int = 0
    """How many times its end was looked at again."""
    cancelled_by: str | None = None
    cancel_reason: str | None = None

    @property
    def known(self) -> KnownTask:
        """What may be shown."""
        shown = self.trouble if self.failures >= SHOWN_AFTER else None
        reason = self.cancel_reason if self.cancelled_by else None
        return KnownTask(self.task, self.known_at, shown, self.cancelled_by, reason)


@dataclass(frozen=True, slots=True)
class Look:
    """What one question to Beam brought."""

    asked_at: datetime
    """When the question was sent; the answer is true of no earlier moment."""
    task: Task | None
    trouble: Trouble | None = None
    """Why there is no task, if there is none."""
    retry_after: timedelta | None = None
    """How long Beam asked to be left alone."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What follows from a look."""

    tracked: Tracked
    transition: Transition | None = None
    gone: bool = False
    """Whether Beam has forgotten the task, so that its watches end."""
    card_changed: bool = False
    """Whether cards that show the task must be edited."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a task is looked at (``POLL_INTERVAL``, ``POLL_MAX_INTERVAL``), in seconds."""

    shortest: float = 3.0
    longest: float = 60.0
    jitter: Callable[[], float] = random.random
    stretch: float = 1.0
    """How many times longer than wanted intervals must be for all to fit into the budget."""

    usual: Usual | None = None
    """What past runs of the task's function took, if that is known."""

    @property
    def most(self) -> timedelta:
        """The longest interval of all, when the budget is short."""
        return timedelta(seconds=STRETCH_MOST * max(self.longest, self.shortest))

    def interval(self, task: Task, now: datetime) -> timedelta:
        """Return how long to wait before the next look at a task that Beam answers for.

        When the budget is short everybody's interval is stretched alike, so that young tasks
        are still looked at most often, but none beyond :attr:`most`.
        """
        wanted = self.wanted(task, now)
        return min(wanted * max(self.stretch, 1.0), max(wanted, self.most))

    def wanted(self, task: Task, now: datetime) -> timedelta:
        """Return how long to wait if there were no budget to keep."""
        return self._when_it_pays(task, now) or check_interval(
            age_of(task.created_at, now),
            shortest=self.shortest,
            longest=self.longest,
            jitter=self.jitter,
        )

    def _when_it_pays(self, task: Task, now: datetime) -> timedelta | None:
        if self.usual is None:
            return None
        if task.status == "RUNNING":
            elapsed, past = task.ran(now), self.usual.ran
        elif task.status == "PENDING":
            elapsed, past = task.waited(now), self.usual.waited
        else:
            return None
        if elapsed is None:
            return None
        return usual_interval(
            elapsed, past, shortest=self.shortest, longest=self.longest, jitter=self.jitter
        )

    def backoff(self, task: Task, now: datetime, failures: int) -> timedelta:
        """Return how long to wait after ``failures`` looks in a row without an answer."""
        doubled = self.interval(task, now) * 2.0 ** min(failures - 1, _BACKOFF_LIMIT)
        longest = timedelta(seconds=max(self.longest, self.shortest))
        return min(doubled, max(longest, self.interval(task, now)))


def follow(tracked: Tracked, look: Look, *, now: datetime, pace: Pace) -> Followed | None:
    """Return what a look changes, or ``None`` if something newer is known already.

    Args:
        tracked: what was known before.
        look: what the look brought.
        now: when its answer arrived.
        pace: how soon to look again.
    """
    if look.task is None:
        return _unanswered(tracked, look, now, pace)
    # Looks overlap (a poll and a Refresh): what was asked for earlier never overwrites what was
    # asked for later. A known time that lies ahead of the clock means that the clock was set
    # back; then there is nothing to compare with.
    if look.asked_at < tracked.known_at <= now:
        return None
    old, new = tracked.task, look.task
    moved = old.status != new.status
    after = replace(
        tracked,
        task=new,
        known_at=look.asked_at,
        seq=tracked.seq + moved,
        failures=0,
        failing_since=None,
        trouble=None,
    )
    when, rechecks = _next_look(tracked, after, now, pace, moved=moved)
    after = replace(after, next_check_at=when, rechecks=rechecks)
    if moved and new.status.final and new.status != "CANCELLED":
        after = replace(after, cancelled_by=None)
    transition = None
    if moved:
        transition = Transition(
            new.id, after.seq, old.status, new.status, now, new.waited(now), new.ran(now)
        )
    recovered = tracked.known.trouble is not None
    return Followed(after, transition, False, moved or recovered or _visible(old) != _visible(new))


def _next_look(
    before: Tracked, after: Tracked, now: datetime, pace: Pace, *, moved: bool
) -> tuple[datetime | None, int]:
    if not after.task.status.final:
        return now + pace.interval(after.task, now), 0
    if not after.task.status.may_be_corrected:
        return None, 0
    if moved:
        return now + RECHECKS[0], 0
    if before.next_check_at is None:
        return None, before.rechecks
    done = before.rechecks + 1
    if done >= len(RECHECKS):
        return None, done
    return now + RECHECKS[done] - RECHECKS[done - 1], done


def _unanswered(tracked: Tracked, look: Look, now: datetime, pace: Pace) -> Followed:
    # A 404 counts on its own: three of them in a row end a watch, three outages do not.
    same = tracked.trouble is look.trouble or Trouble.GONE not in (tracked.trouble, look.trouble)
    failures = tracked.failures + 1 if same else 1
    since = tracked.failing_since if same and tracked.failing_since else now
    if since > now:
        since = now
    wait = pace.backoff(tracked.task, now, failures)
    if look.trouble is Trouble.GONE:
        wait = min(wait, GONE_FOR / 2)
    if look.retry_after is not None:
        wait = max(wait, look.retry_after)
    after = replace(
        tracked,
        failures=failures,
        failing_since=since,
        trouble=look.trouble,
        next_check_at=now + wait,
    )
    gone = look.trouble is Trouble.GONE and failures >= GONE_AFTER and now - since >= GONE_FOR
    if gone:
        after = replace(after, next_check_at=None)
    if gone and tracked.task.status.final:
        # It was told how it ended; that Beam forgets it afterwards is no news.
        gone, after = False, replace(after, failures=0, failing_since=None, trouble=None)
    return Followed(after, None, gone, gone or tracked.known.trouble is not after.known.trouble)


def _visible(task: Task) -> tuple[object, ...]:
    # What moves all the time (queue depth, signed links) is not worth an edit of its own.
    return (
        task.status,
        task.started_at,
        task.ended_at,
        task.container_id,
        task.failure_reason,
        task.result,
        tuple(output.name for output in task.outputs),
    )
