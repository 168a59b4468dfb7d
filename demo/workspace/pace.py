"""Slack's pace: how many calls of a kind may be made, with a small burst allowed."""

from __future__ import annotations

import math
from collections.abc import Callable


class Pace:
    """Token buckets: one a channel for posts, one a method for the rest."""

    # (calls a second, burst)
    POSTS = (1.0, 5.0)
    UPDATES = (50 / 60, 15.0)

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str, rate: float, burst: float) -> int:
        """Takes one call; returns 0, or the whole seconds to wait before the next try."""
        now = self._now()
        tokens, since = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - since) * rate)
        if tokens >= 1:
            self._buckets[key] = (tokens - 1, now)
            return 0
        self._buckets[key] = (tokens, now)
        return max(1, math.ceil((1 - tokens) / rate))

    def clear(self) -> None:
        self._buckets.clear()
