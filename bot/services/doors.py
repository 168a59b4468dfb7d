"""Whose token is rejected now, and when it is worth trying again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PROBE_FIRST, PROBE_LIMIT = timedelta(seconds=5), timedelta(seconds=60)
"""Between two attempts: doubled from the one to the other."""


@dataclass(slots=True)
class _Door:
    pause: timedelta
    next_probe_at: datetime
    probing: bool = False
    """Whether a probe is out. Answers to what was asked before the door closed say nothing."""


class Doors:
    """What rejects our token is asked now and then by one probe, until it takes it again.

    It is forgotten with the process: a new one finds out with its first attempt.
    """

    def __init__(self) -> None:
        self._closed: dict[str, _Door] = {}

    def rejected(self, name: str, now: datetime) -> bool:
        """Note that ``name`` rejects our token; tell whether that is news."""
        door = self._closed.get(name)
        if door is None:
            self._closed[name] = _Door(PROBE_FIRST, now + PROBE_FIRST)
            return True
        if door.probing:
            door.probing = False
            door.pause = min(2 * door.pause, PROBE_LIMIT)
            door.next_probe_at = now + door.pause
        return False

    def accepted(self, name: str) -> bool:
        """Note that ``name`` takes our token; tell whether that is news."""
        door = self._closed.get(name)
        if door is None or not door.probing:
            return False
        del self._closed[name]
        return True

    def forget(self, name: str) -> None:
        """Take ``name`` for open, as nothing is left to probe it with; the next attempt tells."""
        self._closed.pop(name, None)

    def closed(self) -> frozenset[str]:
        """Return all that reject our token."""
        return frozenset(self._closed)

    def probe(self, name: str, now: datetime) -> bool:
        """Tell whether ``name`` may be asked now; if it is closed, only one may, and then waits."""
        door = self._closed.get(name)
        if door is None:
            return True
        # Further ahead than any pause: the clock was set back.
        if now < door.next_probe_at <= now + PROBE_LIMIT:
            return False
        door.next_probe_at = now + door.pause
        door.probing = True
        return True

    def due(self, now: datetime) -> list[str]:
        """Return what is closed and worth a probe now, and take the turn."""
        return [name for name in list(self._closed) if self.probe(name, now)]
