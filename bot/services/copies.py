"""The copies of the bot on one database: what part each has, and the time that all go by."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from storage.copies import LIVE_FOR, CopyStore
from storage.database import StorageUnavailable

LEAST = 0.02
"""What a copy takes of its part until the others know of it, or while it knows nothing of them."""

KNOWN_AFTER = 6.0
"""Seconds after which every copy has counted a new one: they beat every five."""

DRIFT = 0.0002
"""Seconds that two clocks may drift apart in a second; a bad one does a tenth of that."""

SHARP = 0.05
"""How well the database's time is to be known, in seconds: posts in a channel are a second apart,
also where one copy takes it over from another."""

TRIES = 5
"""How often it is asked in a row until it is: a copy that has just started is busy."""

_log = structlog.get_logger(__name__)


def elapsed() -> float:
    """Return seconds that no clock step changes and that go on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class DatabaseClock:
    """The database's time as of the last beat, plus what has passed since.

    Hosts disagree about the time, and leases that one copy takes are kept by the others.

    Args:
        elapsed: seconds that no clock step changes.
    """

    def __init__(self, elapsed: Callable[[], float] = elapsed) -> None:
        self._elapsed = elapsed
        self._at: datetime | None = None
        self._mark = self._spread = 0.0

    def __call__(self) -> datetime:
        """Return the time; this machine's until the database has said."""
        if self._at is None:
            return datetime.now(UTC)
        return self._at + timedelta(seconds=self._elapsed() - self._mark)

    @property
    def sharp(self) -> bool:
        """Whether the time is known well enough."""
        return self._at is not None and self._spread <= SHARP

    def measured(self, at: datetime, began: float, ended: float) -> None:
        """Note that it was ``at`` in the database sometime between ``began`` and ``ended``.

        A measurement on a busy machine says less than a good one of some minutes ago.
        """
        mark, spread = (began + ended) / 2, (ended - began) / 2
        known = self._spread + DRIFT * (mark - self._mark)
        if self._at is not None and spread > known:
            off = (at - self._at).total_seconds() - (mark - self._mark)
            if abs(off) <= spread + known:
                return
        self._at, self._mark, self._spread = at, mark, spread


class Copies:
    """Says every few seconds that this copy is alive, and learns how many others are.

    Args:
        store: where they say so.
        place: the machine and the port. Whoever was there before is dead, since a port has one
            owner; should it be alive all the same, its next beat says so.
        clock: is set by the database at each beat; ``None`` where that is this machine's anyway.
        elapsed: seconds that no clock step changes.
    """

    def __init__(
        self,
        store: CopyStore,
        place: str,
        clock: DatabaseClock | None = None,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._place = hashlib.sha256(place.encode()).hexdigest()[:16]
        self._id = f"{self._place}-{uuid.uuid4().hex[:16]}"
        self._store = store
        self._clock = clock
        self._elapsed = elapsed
        self._beat_at = float("-inf")
        self._known_at = float("-inf")
        self._alive = 1
        self._said = False

    def part(self) -> float:
        """Return what part of the whole budget is this copy's, above 0 and at most 1."""
        now = self._elapsed()
        # Whoever was paused, or cannot reach the database, has been counted out by the others.
        unknown = now < self._known_at or self._silent(now)
        return (LEAST if unknown else 1.0) / self._alive

    async def beat(self) -> None:
        """Say that this copy is alive, and learn the time."""
        for _ in range(TRIES):
            if not await self._beat() or self._clock is None or self._clock.sharp:
                break

    async def _beat(self) -> bool:
        began = self._elapsed()
        try:
            before = "" if self._said else self._place
            beat = await self._store.beat(self._id, self._elapsed, instead_of=before)
        except StorageUnavailable as error:
            _log.debug("no beat", reason=error.reason)
            return False
        ended, self._said = self._elapsed(), True
        if self._clock is not None:
            self._clock.measured(beat.at, *beat.between)
        if self._silent(began) and beat.alive > 1:
            self._known_at = ended + KNOWN_AFTER
        if beat.alive != self._alive:
            _log.info("copies alive", count=beat.alive)
        self._alive, self._beat_at = beat.alive, began
        return True

    async def leave(self) -> None:
        """Say that this copy ends."""
        try:
            await self._store.leave(self._id)
        except StorageUnavailable as error:
            _log.debug("left without a word", reason=error.reason)

    def _silent(self, now: float) -> bool:
        return now - self._beat_at > LIVE_FOR.total_seconds()
