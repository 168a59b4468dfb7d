"""Tell, once each, that a task takes longer than usual or is about to be timed out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.services.ports import Clock
from bot.tasks.nudge import still_true
from bot.tasks.records import CardView, NudgeNews, Place
from storage.nudges import NudgeStore, ToldNudge

BATCH = 100
"""Tasks in one transaction at most: others write in between."""


class Nudger:
    """Owes nudges as they become due.

    Args:
        store: when tasks are worth a word.
        clock: the current time.
    """

    def __init__(self, store: NudgeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def tick(self) -> None:
        """Owe all that is due now."""
        now = self._clock()
        while await self._store.owe(now, limit=BATCH) == BATCH:
            pass

    async def told(self, place: Place, task_id: str, ts: str) -> ToldNudge | None:
        """Return the nudge about a task that a message tells, ``None`` if it tells none."""
        return await self._store.told(place.team_id, place.channel_id, task_id, ts)


def as_of_now(news: NudgeNews, view: CardView | None, now: datetime) -> NudgeNews:
    """Return a nudge as it is now: over, if the task has ended or moved on since it was owed."""
    members = view.members if view else ()
    known = next((one for one in members if one.task.id == news.task.id), None)
    if known is None or not still_true(known.task, news.task, news.kind, now):
        return replace(news, over=True)
    return replace(news, task=known.task, as_of=now)
