"""How many requests of one workspace are in hand: some at once, some waiting, no more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from bot.errors import TooBusy

AT_ONCE = 32
"""Requests of one workspace that are worked on side by side; the others share what is left of
the processor, the database and the connections to Slack."""

WAITING = 1_000
"""Requests of one workspace that wait for their turn: at a second each they are done in half a
minute, and most take less."""

TELLING = 8
"""Notices to people of one workspace that are sent side by side."""

TOLD_AGAIN = 60.0
"""Seconds until somebody who was turned away is told so again: telling must be no flood."""

_MOST = 10_000


class Crowd:
    """Takes the requests of each workspace in the order in which they came.

    Args:
        at_once: how many of one workspace are worked on side by side.
        waiting: how many of one workspace may wait.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once, self._waiting = at_once, waiting
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(self, team_id: str) -> AsyncIterator[None]:
        """Wait for a workspace's turn, and have it for as long as the context lasts.

        Raises:
            TooBusy: too many of this workspace wait already.
        """
        lane = self._lanes.setdefault(team_id, _Lane(self._at_once))
        if lane.inside >= self._at_once + self._waiting:
            raise TooBusy(
                f"More than {WAITING:,} requests of this workspace wait already, so this one was"
                " not taken and nothing was done. Try again in a minute. One command takes up to"
                " 50 tasks: name several in one instead of sending many."
            )
        lane.inside += 1
        try:
            async with lane.free:
                yield
        finally:
            lane.inside -= 1
            if not lane.inside:
                del self._lanes[team_id]

    def tells(self, team_id: str, user_id: str) -> bool:
        """Tell whether somebody is to be told now that they are turned away, and note it."""
        now, who = self._clock(), (team_id, user_id)
        if now - self._told.get(who, -TOLD_AGAIN) < TOLD_AGAIN:
            return False
        self._told[who] = now
        self._told.move_to_end(who)
        if len(self._told) > _MOST:
            self._told.popitem(last=False)
        return True


class _Lane:
    """One workspace's requests."""

    def __init__(self, at_once: int) -> None:
        self.free = asyncio.Semaphore(at_once)
        self.inside = 0
