"""One pace for each channel, shared by answers and by the outbox of this process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

POST_PACE = 1.0
"""Seconds between two messages: https://docs.slack.dev/apis/web-api/rate-limits (posting)."""
_MOST = 10_000

Sleep = Callable[[float], Awaitable[None]]


class ChannelPace:
    """Hands out the moments at which a channel takes a message, in the order asked for.

    The outbox keeps the pace over all copies in the database; answers are not in it, and are
    spaced from its posts here.

    Args:
        clock: monotonic seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._free_at: OrderedDict[str, float] = OrderedDict()

    async def turn(self, channel_id: str, *, most: float) -> float:
        """Wait for the channel's next free moment, and take it.

        Args:
            channel_id: the channel.
            most: seconds to wait at most.

        Returns:
            0, or the seconds that the wait would take if that is more than ``most``: then
            nothing was taken.
        """
        now = self._clock()
        at = max(now, self._free_at.get(channel_id, now))
        if at - now > most:
            return at - now
        self._free_at[channel_id] = at + POST_PACE
        self._free_at.move_to_end(channel_id)
        if len(self._free_at) > _MOST:
            self._free_at.popitem(last=False)
        if at > now:
            await self._sleep(at - now)
        return 0.0

    def hold(self, channel_id: str, seconds: float) -> None:
        """Let nobody post for ``seconds`` from now: Slack asked for that."""
        until = self._clock() + seconds
        self._free_at[channel_id] = max(self._free_at.get(channel_id, until), until)
