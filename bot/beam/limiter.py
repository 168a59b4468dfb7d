"""A budget of requests a second, shared by everything that talks to one Beam account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PENALTY_MAX = 300.0
"""Longest hold, in seconds, however long Beam asks to be left alone."""


class RateLimiter:
    """Hands out evenly spaced slots in the order in which they were asked for.

    Slots ``1 / rate`` apart keep any second to ``rate`` requests without a burst after a pause.

    Args:
        rate: requests a second at most; fractions are allowed.
        clock: a monotonic clock in seconds.
        sleep: waits for so many seconds (replaced in tests).

    Raises:
        ValueError: ``rate`` is not above 0.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not rate > 0:
            raise ValueError("rate must be above 0")
        self._interval = 1.0 / rate
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        # asyncio.Lock wakes its waiters first come, first served, and skips the cancelled.
        self._turn = asyncio.Lock()

    async def acquire(self) -> None:
        """Wait for the next free slot; whoever is cancelled while waiting uses none."""
        async with self._turn:
            # Again and again: the hold may be extended while this one sleeps.
            while (wait := self._next - self._clock()) > 0:
                await self._sleep(wait)
            self._next = self._clock() + self._interval

    def penalise(self, seconds: float) -> None:
        """Hold everybody back for ``seconds`` from now (Beam answered 429)."""
        held = min(max(seconds, 0.0), PENALTY_MAX)
        self._next = max(self._next, self._clock() + held)
