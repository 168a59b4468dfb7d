"""Acknowledgements go before work: Slack waits 3 s for the one, people wait for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 0.1
"""Seconds for which work waits at most while others are to be acknowledged: a dialog must be opened
within 3 s, and a flood must not put work off for ever."""


class Arrivals:
    """Requests over HTTP that have come and are not acknowledged yet.

    In a burst each request's work would hold up the acknowledgement of those behind it.

    Args:
        patience: seconds for which work waits at most.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._open = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a request from its arrival to its answer."""
        self._open += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._calm.set()

    async def calm(self) -> None:
        """Wait until every request that has come is acknowledged, but not for long."""
        if not self._calm.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._calm.wait()
