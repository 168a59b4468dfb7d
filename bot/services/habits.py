"""What is usual of the functions whose tasks are looked at, kept at hand for a while."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.services.ports import Clock
from bot.tasks import Task
from bot.tasks.follow import Tracked
from bot.tasks.usual import Usual
from storage.history import HistoryStore

FRESH = timedelta(minutes=10)
"""How long what is usual of a function is not read again: one run more changes little."""

KEPT_MOST = 5_000
"""Functions kept at hand at most."""

_Key = tuple[str, str, str]


class Habits:
    """Reads what is usual of a function once in a while.

    Args:
        history: how tasks ended.
        clock: the current time.
    """

    def __init__(self, history: HistoryStore, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self._known: dict[_Key, tuple[datetime, Usual]] = {}

    async def learn(self, tasks: Iterable[tuple[str, str, Task]]) -> None:
        """Read what is usual of the functions of these tasks, where that is not at hand.

        Args:
            tasks: each with its workspace and Beam account.

        Raises:
            StorageUnavailable: the database cannot be read.
        """
        now = self._clock()
        missing: dict[tuple[str, str], set[str]] = {}
        for team_id, account, task in tasks:
            key = (team_id, account, _function(task))
            known = self._known.pop(key, None)
            if known is not None and known[0] <= now < known[0] + FRESH:
                # Used last, it stays longest.
                self._known[key] = known
            else:
                missing.setdefault((team_id, account), set()).add(key[2])
        for (team_id, account), names in missing.items():
            found = await self._history.usual(team_id, account, names)
            for name in names:
                self._known[(team_id, account, name)] = (now, found.get(name, Usual()))
        # Not all of them: they would have to be read again at once.
        while len(self._known) > KEPT_MOST:
            del self._known[next(iter(self._known))]

    def of(self, tracked: Tracked, task: Task) -> Usual | None:
        """Return what is usual of a task's function, as far as it was learned."""
        known = self._known.get((tracked.team_id, tracked.account, _function(task)))
        return known[1] if known else None


def _function(task: Task) -> str:
    return task.function or task.stub_name or ""
