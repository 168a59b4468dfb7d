"""Which tasks that somebody links to are shown under the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.services.look_up import LookUp
from bot.services.ports import Clock
from bot.tasks import TaskId
from bot.tasks.records import Lookup, Place
from storage.shown import ShownStore

MOST = 3
"""Tasks that are shown under one message."""

ONCE_IN = timedelta(minutes=30)
"""How long a task is not shown again in a channel: people quote the same link many times."""


class Previews:
    """Shows what people link to, sparingly.

    Args:
        look_up: looks tasks up.
        shown: what was shown where.
        clock: the current time.
    """

    def __init__(self, look_up: LookUp, shown: ShownStore, clock: Clock) -> None:
        self._look_up = look_up
        self._shown = shown
        self._clock = clock

    async def pick(self, place: Place, ids: Sequence[TaskId]) -> Lookup:
        """Return the first few tasks that Beam answers for and that were not shown here lately.

        Nobody asked for these: what Beam does not know, or does not answer for, is left out
        without a word. What is returned counts as shown; :meth:`undo` takes that back.
        """
        lookup = await self._look_up.look(place, list(dict.fromkeys(ids))[:MOST])
        shown = [
            known
            for known in lookup.found
            if known.trouble is None and await self._first(place, known.task.id)
        ]
        return replace(lookup, found=tuple(shown), failed=())

    async def undo(self, place: Place, ids: Sequence[TaskId]) -> None:
        """Let tasks be shown again that could not be shown."""
        for task_id in ids:
            await self._shown.forget(place.team_id, _key(place, task_id))

    async def _first(self, place: Place, task_id: TaskId) -> bool:
        key, now = _key(place, task_id), self._clock()
        return await self._shown.first(place.team_id, key, now, ONCE_IN)


def _key(place: Place, task_id: TaskId) -> str:
    return f"unfurl:{place.channel_id}:{task_id}"
