"""A hint that a task has changed: look at it now instead of when it is due."""

from __future__ import annotations

import structlog

from bot.services.poll import Poller
from bot.services.ports import Clock
from bot.tasks import TaskId
from storage.seen import SeenStore
from storage.tasks import TaskStore

_log = structlog.get_logger(__name__)


class Hints:
    """Takes hints. What a hint says of a task is not believed; it only brings the look forward.

    Args:
        tasks: stored tasks.
        seen: hints that were taken already.
        poller: looks.
        clock: the current time.
    """

    def __init__(self, tasks: TaskStore, seen: SeenStore, poller: Poller, clock: Clock) -> None:
        self._tasks = tasks
        self._seen = seen
        self._poller = poller
        self._clock = clock

    async def take(self, team_id: str, account: str, task_id: TaskId, key: str) -> bool:
        """Have a watched task looked at now; tell whether that was still to be done.

        Nothing is written for a task that is not polled: the sender may name any.

        Args:
            team_id: the workspace.
            account: the Beam account.
            task_id: the task.
            key: what makes the hint about this task one of its kind; a repetition does nothing.
        """
        now = self._clock()
        known = (await self._tasks.get(team_id, account, [task_id])).get(task_id)
        if known is None or known.next_check_at is None:
            return False
        # With the task: tasks that end in the same second with the same result share a signature.
        if not await self._seen.first(team_id, f"hint:{task_id}:{key}", now):
            return False
        if not await self._tasks.bring_forward(team_id, account, task_id, now):
            return False
        _log.info("looked at on a hint", task=task_id)
        await self._poller.tick()
        return True
