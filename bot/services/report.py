"""After the fact: what became of tasks, of a task, of a channel."""

from __future__ import annotations

from datetime import datetime

from bot.services.ports import Clock
from bot.tasks import TaskId
from bot.tasks.history import History
from bot.tasks.records import Place
from bot.tasks.report import Digest, Stats, Window
from storage.report import ReportStore
from storage.timeline import TimelineStore


class Reports:
    """Reads what is written down of tasks. Beam is not asked.

    Args:
        store: how tasks ended.
        timeline: what happened to them.
        clock: the current time.
    """

    def __init__(self, store: ReportStore, timeline: TimelineStore, clock: Clock) -> None:
        self._store = store
        self._timeline = timeline
        self._clock = clock

    async def stats(self, place: Place, window: Window) -> Stats:
        """Return how the tasks ended that were watched anywhere in a workspace's Beam account."""
        until = self._clock()
        return await self._store.stats(
            place.team_id, place.account, until - window.length, until, window.slices
        )

    async def of_task(self, place: Place, task_id: TaskId, page: int = 1) -> History | None:
        """Return a page of a task's history, the latest first; ``None`` if it was never watched."""
        return await self._timeline.of_task(place, task_id, page)

    async def of_channel(self, place: Place, page: int = 1) -> History:
        """Return a page of a channel's history, the latest first."""
        return await self._timeline.of_channel(place, page)

    async def digest(self, place: Place, since: datetime, until: datetime) -> Digest:
        """Return how the tasks ended that a channel watched.

        Args:
            place: the channel; who asks does not matter.
            since: the first moment.
            until: the end, which is not counted in.
        """
        return await self._store.digest(
            place.team_id, place.account, place.channel_id, since, until, Window.WEEK.slices
        )
