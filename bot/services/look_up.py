"""Look tasks up, now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.beam.errors import (
    BeamError,
    NotConnected,
    RateLimited,
    TaskNotFound,
    Unauthorized,
)
from bot.services.habits import Habits
from bot.services.news import tell
from bot.services.ports import Accounts, Clock
from bot.services.share import Shares
from bot.tasks import TaskId, Transition
from bot.tasks.follow import Followed, Look, Pace, Tracked, follow
from bot.tasks.records import Failure, KnownTask, Lookup, Place, Trouble
from bot.tasks.usual import Usual
from storage.tasks import Observation, TaskStore
from storage.watches import WatchStore

_log = structlog.get_logger(__name__)

AT_ONCE = 10
"""Look-ups at once for one command."""


def trouble_of(error: BeamError) -> Trouble:
    """Return why a look brought nothing."""
    if isinstance(error, TaskNotFound):
        return Trouble.GONE
    return Trouble.UNAUTHORIZED if isinstance(error, Unauthorized) else Trouble.UNREACHABLE


def sentence(error: BeamError, task_id: TaskId, who_renews: str) -> str:
    """Return what to tell a person whose look-up failed, and what to do.

    Args:
        error: what failed.
        task_id: the task.
        who_renews: who must do what where Beam rejects the token.
    """
    short = task_id[:8]
    if isinstance(error, TaskNotFound):
        return (
            f"Beam knows no task `{task_id}`. Check the id; tasks of another Beam account"
            " cannot be seen from here."
        )
    if isinstance(error, NotConnected):
        return (
            "No Beam account is connected here yet. An admin of this workspace can connect one"
            " with `/beam connect`."
        )
    if isinstance(error, Unauthorized):
        return f"Beam rejects our token, so `{short}` cannot be looked up. {who_renews}"
    if isinstance(error, RateLimited):
        return f"Beam asks us to slow down, so `{short}` was not looked up. Try again in a minute."
    return f"Beam did not answer for `{short}` just now. Try again in a minute."


class LookUp:
    """Looks tasks up and writes down what that tells about watched ones.

    Args:
        accounts: the Beam accounts.
        tasks: stored tasks.
        watches: stored watches.
        clock: the current time.
        pace: how soon to look again.
        habits: what is usual of each function; without them only a task's age says when to look.
        shares: how short each account's budget is; without them none is.
    """

    def __init__(
        self,
        accounts: Accounts,
        tasks: TaskStore,
        watches: WatchStore,
        clock: Clock,
        pace: Pace,
        habits: Habits | None = None,
        shares: Shares | None = None,
    ) -> None:
        self._accounts = accounts
        self._tasks = tasks
        self._watches = watches
        self._clock = clock
        self._pace = pace
        self._habits = habits
        self._shares = shares or Shares()

    async def look(self, place: Place, ids: Sequence[TaskId]) -> Lookup:
        """Look tasks up for somebody; nothing is raised for a task that cannot be found."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(task_id: TaskId) -> Look | BeamError:
            async with limit:
                return await self.ask(place.team_id, place.account, task_id)

        answers = dict(zip(ids, await asyncio.gather(*map(one, ids)), strict=True))
        await self.observe(place, {k: v for k, v in answers.items() if isinstance(v, Look)})
        stored = await self._tasks.get(place.team_id, place.account, ids)
        watched = await self._watches.active(place, ids)
        found: list[KnownTask] = []
        failed: list[Failure] = []
        for task_id, answer in answers.items():
            before = stored.get(task_id)
            if isinstance(answer, Look) and answer.task is not None:
                by = before.cancelled_by if before else None
                why = before.cancel_reason if before and by else None
                found.append(KnownTask(answer.task, answer.asked_at, None, by, why))
            elif isinstance(answer, BeamError):
                trouble = trouble_of(answer)
                hidden = trouble is Trouble.GONE or isinstance(answer, NotConnected)
                if before is not None and not hidden:
                    # Old, and said to be old, is better than nothing; not of an account that
                    # somebody has taken away.
                    found.append(replace(before.known, trouble=trouble))
                else:
                    failed.append(
                        Failure(task_id, sentence(answer, task_id, self._accounts.who_renews))
                    )
        usual = await self._tasks.usual(place.team_id, place.account, found)
        return Lookup(tuple(found), tuple(failed), frozenset(watched), usual)

    async def names(self, place: Place, ids: Sequence[TaskId]) -> list[str]:
        """Return what tasks are called, as far as they are stored."""
        stored = await self._tasks.get(place.team_id, place.account, ids)
        return [stored[i].task.label if i in stored else i[:8] for i in ids]

    async def ask(self, team_id: str, account: str, task_id: TaskId) -> Look | BeamError:
        """Ask Beam about one task."""
        asked_at = self._clock()
        try:
            beam = await self._accounts.client(team_id, account)
            return Look(asked_at, await beam.get(task_id))
        except BeamError as error:
            return error

    async def observe(self, place: Place, looks: dict[TaskId, Look]) -> list[Transition]:
        """Write down looks that somebody asked for, with all that they owe to watches."""
        return await self.record(
            [
                Observation(place.team_id, place.account, task_id, look)
                for task_id, look in looks.items()
            ]
        )

    async def record(self, seen: Sequence[Observation]) -> list[Transition]:
        """Write looks down, with all that they owe to watches, in one transaction."""
        now = self._clock()
        habits = self._habits
        if habits is not None:
            answered = [(one, one.look.task) for one in seen if one.look.task is not None]
            await habits.learn((one.team_id, one.account, task) for one, task in answered)

        def step(tracked: Tracked, look: Look) -> Followed | None:
            usual = habits.of(tracked, look.task) if habits and look.task else None
            pace = self._pace_of(tracked.team_id, tracked.account, usual)
            return follow(tracked, look, now=now, pace=pace)

        changes = await self._tasks.record(seen, now=now, follow=step, tell=tell)
        for change in changes:
            _log.info("changed", task=change.task_id, old=str(change.old), new=str(change.new))
        return changes

    def start(self, place: Place, known: KnownTask, before: Tracked | None) -> Tracked:
        """Return how a task is tracked from now on, once it is watched.

        Args:
            place: where it is watched.
            known: the task as it was just found.
            before: what was stored of it.
        """
        now, task = self._clock(), known.task
        pace = self._pace_of(place.team_id, place.account)
        first = None if task.status.final else now + pace.interval(task, now)
        if before is None:
            return Tracked(place.team_id, place.account, task, known.known_at, next_check_at=first)
        newer = before.task if before.known_at > known.known_at else task
        return replace(
            before,
            task=newer,
            known_at=max(known.known_at, before.known_at),
            next_check_at=before.next_check_at or first,
            failures=0,
            failing_since=None,
            trouble=None,
        )

    def _pace_of(self, team_id: str, account: str, usual: Usual | None = None) -> Pace:
        stretch = self._shares.of(team_id, account).factor()
        if usual is None and stretch == self._pace.stretch:
            return self._pace
        return replace(self._pace, usual=usual, stretch=stretch)
