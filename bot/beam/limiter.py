"""A budget of requests a second, shared by everything that talks to one Beam account."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

PENALTY_MAX = 3_600.0
"""Longest hold, in seconds, however long Beam asks to be left alone."""

SHRINK = 0.5
"""What is left of the budget when Beam answers 429 …"""

SHRINK_APART = 1.0
"""… at most once in so many seconds: what was under way together counts once."""

RESTORED_IN = 60.0
"""Seconds of answers without a 429 until an empty budget is whole again."""

LEAST = 0.02
"""The share of the limit that always stays."""

_TOLERANCE = 0.05
# In seconds: whoever wakes this late is caught up with. A timer has a millisecond's grain and a
# busy loop more, which would hold a budget of 1,000 a second down to a fraction of it. Slots are
# that much further apart, so that no second has more than the budget all the same.


class RateLimiter:
    """Hands out evenly spaced slots: to people first, then to polls, each in order.

    Slots about ``1 / rate`` apart keep any second to ``rate`` requests, and spread them.
    The rate is the limit until Beam answers 429. Then it halves, and grows back in proportion to
    the time in which Beam answers (additive increase, multiplicative decrease, as in RFC 5681).

    Args:
        rate: requests a second at most, of all copies of the bot together; fractions are allowed.
        clock: a monotonic clock in seconds.
        sleep: waits for so many seconds (replaced in tests).
        part: the part of it that this copy may use now, above 0 and at most 1.

    Raises:
        ValueError: ``rate`` is not above 0.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        part: Callable[[], float] = lambda: 1.0,
    ) -> None:
        if not rate > 0:
            raise ValueError("rate must be above 0")
        self._whole = rate
        self._part = part
        self._level = 1.0
        """What 429s have left of the limit."""
        self.used = 0
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        self._held_until = self._shrunk_at = self._restored_at = float("-inf")
        # asyncio.Lock wakes its waiters first come, first served, and skips the cancelled.
        self._turn, self._patient_turn = asyncio.Lock(), asyncio.Lock()
        self._people = 0

    @property
    def limit(self) -> float:
        """Requests a second that this copy may send while Beam answers."""
        return self._whole * self._part()

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""
        return self.limit * self._level

    async def acquire(self, *, patient: bool = False, patience: float = math.inf) -> float:
        """Wait for the next free slot; whoever is cancelled while waiting uses none.

        Args:
            patient: let everybody who is not go first, those who come later too.
            patience: longest hold, in seconds, that is waited for.

        Returns:
            0, or the seconds that the hold goes on for if that is longer: then no slot was used.
        """
        if patient:
            async with self._patient_turn:
                return await self._slot(patience, patient=True)
        self._people += 1
        try:
            async with self._turn:
                return await self._slot(patience, patient=False)
        finally:
            self._people -= 1

    async def _slot(self, patience: float, *, patient: bool) -> float:
        # Again and again: the hold may be extended, or people come, while this one sleeps.
        while True:
            wait = self._next - self._clock()
            if patient and self._people:
                wait = max(wait, 1.0 / self.rate)
            if wait <= 0:
                break
            held = self._held_until - self._clock()
            if held > patience:
                return held
            await self._sleep(wait)
        step = (1.0 + _TOLERANCE) / self.rate
        self._next = max(self._next + step, self._clock() + step - _TOLERANCE)
        self.used += 1
        return 0.0

    def penalise(self, seconds: float) -> None:
        """Hold everybody back for ``seconds`` from now, and go slower after (Beam answered 429)."""
        now = self._clock()
        self._held_until = max(self._held_until, now + min(max(seconds, 0.0), PENALTY_MAX))
        self._next = max(self._next, self._held_until)
        self._restored_at = max(self._restored_at, self._held_until)
        if now - self._shrunk_at >= SHRINK_APART:
            self._shrunk_at = now
            self._level = max(self._level * SHRINK, LEAST)

    def answered(self) -> None:
        """Note that Beam answered anything but 429: the budget recovers a little."""
        if self._level < 1.0:
            now = self._clock()
            # A pause without requests proves nothing.
            passed = min(max(now - self._restored_at, 0.0), 1.0)
            self._restored_at = max(self._restored_at, now)
            self._level = min(1.0, self._level + passed / RESTORED_IN)

    def allows(self, seconds: float) -> float:
        """Return how many requests the next ``seconds`` have room for."""
        held = max(0.0, self._held_until - self._clock())
        return max(0.0, seconds - held) * self.rate
