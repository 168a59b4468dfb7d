"""Poll the watched tasks that are due, and write down what changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from bot.beam.errors import BeamError, Unauthorized
from bot.log import new_trace
from bot.services.doors import Doors
from bot.services.look_up import LookUp, trouble_of
from bot.services.ports import Clock, Meter
from bot.tasks.follow import RECHECKS, Look, Pace, Tracked
from bot.tasks.records import Trouble
from storage.database import StorageUnavailable
from storage.tasks import Horizon, Observation, TaskStore

LEASE = timedelta(seconds=60)
"""How long a copy has to write a look down before another copy looks: four times a request."""

WORKERS = 32
"""Looks at once: at 15 s a look that times out, still enough for young tasks elsewhere."""

RETRY_AFTER_MOST = timedelta(hours=1)
"""Longest pause that Beam is granted."""

BATCH = 200
"""Results written in one transaction at most."""

_log = structlog.get_logger(__name__)


class Poller:
    """A fixed number of workers over a queue of due tasks, and one writer behind them.

    Args:
        look_up: asks Beam and writes down.
        tasks: stored tasks.
        clock: the current time.
        meter: counts looks.
        pace: how soon to look again.
        workspaces: which of them reject the token; nobody could be told of their tasks.
        capacity: claimed tasks in hand at most.
    """

    def __init__(
        self,
        look_up: LookUp,
        tasks: TaskStore,
        clock: Clock,
        meter: Meter,
        pace: Pace,
        workspaces: Doors,
        *,
        capacity: int = 2 * WORKERS,
    ) -> None:
        self._look_up = look_up
        self._tasks = tasks
        self._clock = clock
        self._meter = meter
        usual = timedelta(seconds=max(pace.longest, pace.shortest)) * 1.5
        self._horizon = Horizon(
            usual=LEASE + usual, longest=LEASE + max(usual, RETRY_AFTER_MOST, *RECHECKS)
        )
        self._workspaces = workspaces
        self._accounts = Doors()
        self._capacity = capacity
        self._due: asyncio.Queue[Tracked] = asyncio.Queue()
        self._seen: asyncio.Queue[Observation] = asyncio.Queue()
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._running: list[asyncio.Task[None]] = []
        self._answering = True
        self._closing = False

    def start(self) -> None:
        """Start the workers and the writer."""
        self._running = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        self._running.append(asyncio.create_task(self._write()))

    async def tick(self) -> None:
        """Take the tasks that are due, as many as there is room for."""
        if self._closing:
            return
        free = self._capacity - self._in_hand
        now = self._clock()
        claimed = await self._tasks.claim_due(
            now,
            limit=free,
            lease=LEASE,
            horizon=self._horizon,
            closed=self._workspaces.closed(),
        )
        for tracked in claimed:
            self._in_hand += 1
            self._idle.clear()
            if tracked.next_check_at is not None:
                self._meter.behind(max(0.0, (now - tracked.next_check_at).total_seconds()))
            self._due.put_nowait(tracked)

    async def settle(self) -> None:
        """Wait until every task in hand was looked at and written down."""
        await self._idle.wait()

    async def stop(self, patience: float) -> None:
        """Take nothing more, finish what is in hand within ``patience`` seconds, and end.

        What is not finished then is due again when its lease is over.
        """
        self._closing = True
        try:
            async with asyncio.timeout(patience):
                await self.settle()
        except TimeoutError:
            _log.info("polls left for the next start", count=self._in_hand)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            tracked = await self._due.get()
            try:
                look = await self._look(tracked)
            except Exception:  # noqa: BLE001  # logged; the loop must go on
                # Not Beam's doing. The lease brings the task back.
                _log.exception("look failed", task=tracked.task.id)
                self._meter.failed("poll")
                self._done(1)
                continue
            self._seen.put_nowait(
                Observation(
                    tracked.team_id, tracked.account, tracked.task.id, look, tracked.attempt
                )
            )

    async def _look(self, tracked: Tracked) -> Look:
        asked_at, account = self._clock(), f"{tracked.team_id}/{tracked.account}"
        if not self._accounts.probe(account, asked_at):
            # One probe at a time asks whether Beam takes the token again; the others know that
            # much without asking.
            self._meter.polled("held back")
            return Look(asked_at, None, Trouble.UNAUTHORIZED)
        answer = await self._look_up.ask(tracked.team_id, tracked.account, tracked.task.id)
        if isinstance(answer, Unauthorized):
            if self._accounts.rejected(account, self._clock()):
                _log.error("Beam rejects the token; one probe now and then", account=account)
        elif self._accounts.accepted(account):
            _log.info("Beam takes the token again", account=account)
        if isinstance(answer, Look):
            self._note(answering=True, error=None)
            self._meter.polled("ok")
            return answer
        trouble = trouble_of(answer)
        if trouble is not Trouble.UNAUTHORIZED:
            self._note(answering=trouble is Trouble.GONE, error=answer)
        self._meter.polled(trouble.value)
        pause = answer.retry_after
        wait = None
        if pause is not None:
            wait = min(timedelta(seconds=min(pause, 1e6)), RETRY_AFTER_MOST)
        return Look(asked_at, None, trouble, wait)

    def _note(self, *, answering: bool, error: BeamError | None) -> None:
        # The first failure and the recovery are worth a line, every look in between is not.
        if answering and not self._answering:
            _log.info("Beam answers again")
        elif not answering and self._answering:
            _log.warning("Beam does not answer", reason=str(error))
        self._answering = answering

    async def _write(self) -> None:
        while True:
            batch = [await self._seen.get()]
            while len(batch) < BATCH and not self._seen.empty():
                batch.append(self._seen.get_nowait())
            # One id for the batch, from here to the messages that it owes.
            with structlog.contextvars.bound_contextvars(trace=new_trace()):
                try:
                    changes = await self._look_up.record(batch)
                    self._meter.transitions(len(changes))
                except StorageUnavailable as error:
                    # The lease brings the tasks back.
                    _log.warning("looks not written", count=len(batch), reason=error.reason)
                except Exception:  # noqa: BLE001  # logged; the loop must go on
                    _log.exception("looks not written", count=len(batch))
                    self._meter.failed("record")
            self._done(len(batch))

    def _done(self, count: int) -> None:
        self._in_hand -= count
        if self._in_hand == 0:
            self._idle.set()
