"""Whether the bot does its work: what a beat every few seconds found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.services.ports import Clock, Meter
from storage.database import Database, StorageUnavailable
from storage.heartbeat import beat
from storage.outbox import Outbox
from storage.tasks import TaskStore

BEAT_LATE = 20.0
"""Seconds without a beat after which the database counts as stuck: a lock is waited for 10 s."""

TICK_LATE = 30.0
"""Seconds without a look for due work after which that work counts as stopped."""

OWED_LATE = timedelta(minutes=5)
"""Age of the oldest owed message from which on the channels count as not served."""

OVERDUE = timedelta(minutes=5)
"""How late the most overdue look may be."""

_log = structlog.get_logger(__name__)


class Health:
    """Keeps what the last beat found, so that asking costs nothing and cannot hang.

    Args:
        database: written at every beat: only a write shows that one can be made.
        tasks: stored tasks.
        outbox: what is owed.
        clock: the current time.
        monotonic: seconds that no clock step changes.
        meter: what the beats found.
    """

    def __init__(
        self,
        database: Database,
        tasks: TaskStore,
        outbox: Outbox,
        clock: Clock,
        monotonic: Callable[[], float],
        meter: Meter,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._outbox = outbox
        self._clock = clock
        self._monotonic = monotonic
        self._meter = meter
        self._beat_at: float | None = None
        self._broken: str | None = None
        self._ticked: dict[str, float] = {}
        self._overdue = self._owed = timedelta(0)

    def ticked(self, name: str) -> None:
        """Note that a job (``poll``, ``deliver``) looked for due work."""
        self._ticked[name] = self._monotonic()

    async def beat(self) -> None:
        """Write to the database, and see how far behind the work is."""
        now = self._clock()
        try:
            await beat(self._database, "health", now)
            watched, due = await self._tasks.counts(now)
            owed = await self._outbox.oldest_owed()
        except StorageUnavailable as error:
            if self._broken is None:
                _log.error("the database cannot be used", reason=error.reason)
            self._broken = error.reason
            self._meter.database(up=False)
            return
        if self._broken is not None:
            _log.info("the database can be used again")
        self._broken = None
        self._beat_at = self._monotonic()
        self._overdue = max(timedelta(0), now - due) if due else timedelta(0)
        self._owed = max(timedelta(0), now - owed) if owed else timedelta(0)
        self._meter.database(up=True)
        self._meter.stored(
            watched=watched,
            overdue=self._overdue.total_seconds(),
            oldest_owed=self._owed.total_seconds(),
        )

    async def database(self) -> str | None:
        """Return why the database cannot be used, ``None`` if it can."""
        if self._broken is not None:
            return self._broken
        if self._beat_at is None:
            return "starting"
        silent = self._monotonic() - self._beat_at
        return f"no write for {silent:.0f} s" if silent > BEAT_LATE else None

    async def poller(self) -> str | None:
        """Return why tasks are not looked at in time, ``None`` if they are."""
        return self._stopped("poll") or (
            f"the most overdue task is {self._overdue.total_seconds():.0f} s late"
            if self._overdue > OVERDUE
            else None
        )

    async def deliveries(self) -> str | None:
        """Return why messages are not sent in time, ``None`` if they are."""
        return self._stopped("deliver") or (
            f"the oldest message has been owed for {self._owed.total_seconds():.0f} s"
            if self._owed > OWED_LATE
            else None
        )

    def last_tick(self, name: str) -> float:
        """Return how many seconds ago a job last looked for due work; -1 if never."""
        at = self._ticked.get(name)
        return -1.0 if at is None else self._monotonic() - at

    def _stopped(self, name: str) -> str | None:
        silent = self.last_tick(name)
        if silent < 0:
            return "starting"
        return f"nothing was looked for in {silent:.0f} s" if silent > TICK_LATE else None
