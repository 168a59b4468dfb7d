"""Poll the watched tasks that are due, and write down what changed."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.beam.errors import BeamError, TaskNotFound, Unauthorized
from bot.beam.limiter import PENALTY_MAX
from bot.log import new_trace
from bot.services.doors import Doors
from bot.services.look_up import LookUp, trouble_of
from bot.services.ports import Clock, Meter
from bot.services.share import Shares
from bot.tasks.follow import RECHECKS, Look, Pace, Tracked
from bot.tasks.records import Trouble
from storage.batches import Account, Claimed, Horizon
from storage.database import StorageUnavailable
from storage.tasks import Observation, TaskStore

LEASE = timedelta(seconds=60)
"""How long a copy has to write a look down before another copy looks: four times a request."""

WORKERS = 32
"""Looks of one account at once: at 15 s a look that times out, still enough for young tasks. Each
account has its own, as they wait for its budget."""

RETRY_AFTER_MOST = timedelta(seconds=PENALTY_MAX)
"""Longest pause that Beam is granted for one task, the same as for all of them."""

AHEAD = 2.0
"""Seconds of the budget for which tasks are in hand at most: they wait no longer than that."""

IN_HAND_MOST = 400
"""Tasks in hand at most, however large the budget is."""

RESERVED = 100
"""The part of it that is kept for accounts that have nothing in hand …"""

PART = 8
"""… and of what is free, nobody takes more than a part of so many, where there are several."""

LANES_MOST = 1_000
"""Accounts that are remembered to have been polled."""

REMEMBERED_MOST = 100
"""Accounts that are remembered to be crowded; of the others a claim finds out again."""

BATCH = 200
"""Results written in one transaction at most."""

LINGER, LINGER_BUSY = 0.25, 0.05
"""Seconds for which looks that found nothing new wait for more of them; less if more is due than
there was room for, as then their room is wanted."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lane:
    """The tasks of one account that are in hand."""

    due: deque[Tracked] = field(default_factory=deque)
    in_hand: int = 0
    workers: int = 0


class Poller:
    """A fixed number of workers an account over its due tasks, and one writer behind them all.

    No account waits for another: each has its own budget, its own workers and its own part of
    what is in hand, and what is due of it is found behind any other's backlog.

    Args:
        look_up: asks Beam and writes down.
        tasks: stored tasks.
        clock: the current time.
        meter: counts looks.
        pace: how soon to look again.
        workspaces: which of them reject the token; nobody could be told of their tasks.
        shares: how each account's budget is shared; without an end if not given.
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
        shares: Shares | None = None,
    ) -> None:
        self._look_up = look_up
        self._tasks = tasks
        self._clock = clock
        self._meter = meter
        self._pace = pace
        self._shares = shares or Shares()
        self._workspaces = workspaces
        self._accounts = Doors()
        self._recovered: set[tuple[str, str]] = set()
        self._lanes: dict[Account, _Lane] = {}
        self._crowded: dict[Account, None] = {}
        """Accounts of which more was due than they were allowed, those first that wait longest."""
        self._seen: asyncio.Queue[tuple[Observation, bool]] = asyncio.Queue()
        self._in_hand = 0
        self._claiming = False
        self._more = False
        """Whether more was due than there was room for, of whichever account."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._answering = True
        self._closing = False

    def start(self) -> None:
        """Start the writer; workers start when there is something to do."""
        self._writer = asyncio.create_task(self._write())

    async def tick(self) -> None:
        """Take the tasks that are due, as many as there is room for, the youngest first."""
        room = IN_HAND_MOST - self._in_hand
        if self._closing or self._claiming or room <= 0:
            return
        now = self._clock()
        self._claiming = True
        try:
            claimed = await self._tasks.claim_due(
                now,
                limit=room,
                lease=LEASE,
                horizon=self._horizon(),
                closed=self._workspaces.closed(),
                allowed=self._allowed,
                crowded=tuple(self._crowded),
            )
        finally:
            self._claiming = False
        self._more = len(claimed.tasks) == room
        self._note_crowded(claimed)
        for tracked in sorted(claimed.tasks, key=_planned):
            if tracked.next_check_at is not None:
                self._meter.behind(max(0.0, (now - tracked.next_check_at).total_seconds()))
            self._take(tracked)

    def _allowed(self, account: Account, room: int) -> int:
        """Return how many tasks of an account may be taken where there is so much room in all."""
        most = math.ceil(min(IN_HAND_MOST, self._shares.of(*account).room(AHEAD)))
        mine = self.in_hand(account)
        free = most - mine
        if 4 * free < most:
            # Not one by one, as each claim reads past what is due of others.
            return 0
        if self._lanes.keys() == {account}:
            return free
        # However many accounts Beam keeps waiting, whoever comes next finds room.
        part = (room - RESERVED) // PART if mine else max(room // PART, 1)
        return max(0, min(free, part))

    def _note_crowded(self, claimed: Claimed) -> None:
        served = {(one.team_id, one.account) for one in claimed.tasks}
        waiting = [account for account in claimed.crowded if account not in served]
        ordered = [*waiting, *(one for one in claimed.crowded if one in served)]
        self._crowded = dict.fromkeys(ordered[:REMEMBERED_MOST])

    def _take(self, tracked: Tracked) -> None:
        lane = self._lanes.setdefault((tracked.team_id, tracked.account), _Lane())
        lane.due.append(tracked)
        lane.in_hand += 1
        self._in_hand += 1
        self._idle.clear()
        if lane.workers < WORKERS:
            lane.workers += 1
            worker = asyncio.create_task(self._work(lane))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def _horizon(self) -> Horizon:
        # What was planned while the budget was shorter seems too far ahead now, and may come early.
        longest = timedelta(seconds=max(self._pace.longest, self._pace.shortest))
        usual = 1.5 * min(longest * self._shares.factor(), self._pace.most)
        return Horizon(usual=LEASE + usual, longest=LEASE + max(usual, RETRY_AFTER_MOST, *RECHECKS))

    def in_hand(self, account: Account) -> int:
        """Return how many tasks of an account are taken and not written down yet."""
        lane = self._lanes.get(account)
        return lane.in_hand if lane else 0

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
        running = [*self._workers, *([self._writer] if self._writer else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _work(self, lane: _Lane) -> None:
        try:
            while lane.due:
                await self._check(lane.due.popleft())
        finally:
            lane.workers -= 1

    async def _check(self, tracked: Tracked) -> None:
        try:
            look = await self._look(tracked)
        except Exception:  # noqa: BLE001  # logged; the loop must go on
            # Not Beam's doing. The lease brings the task back.
            _log.exception("look failed", task=tracked.task.id)
            self._meter.failed("poll")
            self._leave([(tracked.team_id, tracked.account)])
            self._rest()
            return
        news = look.task is None or look.task.status != tracked.task.status
        seen = Observation(
            tracked.team_id, tracked.account, tracked.task.id, look, tracked.attempt, tracked
        )
        self._seen.put_nowait((seen, news))

    async def _look(self, tracked: Tracked) -> Look:
        asked_at, account = self._clock(), f"{tracked.team_id}/{tracked.account}"
        if not self._accounts.probe(account, asked_at):
            # One probe at a time asks whether Beam takes the token again; the others know that
            # much without asking.
            self._meter.polled("held back")
            return Look(asked_at, None, Trouble.UNAUTHORIZED)
        self._shares.of(tracked.team_id, tracked.account).looked(
            gap=(asked_at - tracked.known_at).total_seconds(),
            planned=_planned(tracked),
            wanted=self._pace.wanted(tracked.task, asked_at).total_seconds(),
            now=asked_at,
        )
        answer = await self._look_up.ask(tracked.team_id, tracked.account, tracked.task.id)
        if isinstance(answer, Unauthorized):
            if self._accounts.rejected(account, self._clock()):
                _log.error("Beam rejects the token; one probe now and then", account=account)
        elif _says_something(answer) and self._accounts.accepted(account):
            _log.info("Beam takes the token again", account=account)
            self._recovered.add((tracked.team_id, tracked.account))
        if isinstance(answer, Look):
            self._note(answering=True, error=None)
            self._meter.polled("ok")
            return answer
        trouble = trouble_of(answer)
        if account in self._accounts.closed():
            # A probe that got no answer: what was said last still holds.
            trouble = Trouble.UNAUTHORIZED
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
            batch = await self._gather()
            # One id for the batch, from here to the messages that it owes.
            with structlog.contextvars.bound_contextvars(trace=new_trace()):
                try:
                    changes = await self._look_up.record(batch)
                    self._meter.transitions(len(changes))
                    await self._hurry()
                except StorageUnavailable as error:
                    # The lease brings the tasks back.
                    _log.warning("looks not written", count=len(batch), reason=error.reason)
                    self._more = False
                except Exception:  # noqa: BLE001  # logged; the loop must go on
                    _log.exception("looks not written", count=len(batch))
                    self._meter.failed("record")
            written = [(one.team_id, one.account) for one in batch]
            self._leave(written)
            room = IN_HAND_MOST - self._in_hand
            if self._more or any(self._allowed(one, room) > 0 for one in self._crowded):
                await self._refill()
            self._rest()

    async def _gather(self) -> list[Observation]:
        """Return looks to be written down together; one that found something new waits for none."""
        batch: list[Observation] = []
        urgent = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as patience:
                # What is in hand is about to be seen too: one transaction is enough for all.
                while not batch or (not urgent and len(batch) < min(BATCH, self._in_hand)):
                    seen, urgent = await self._seen.get()
                    batch.append(seen)
                    if len(batch) == 1:
                        loop = asyncio.get_running_loop()
                        linger = LINGER_BUSY if self._more or self._crowded else LINGER
                        patience.reschedule(loop.time() + linger)
        while len(batch) < BATCH and not self._seen.empty():
            batch.append(self._seen.get_nowait()[0])
        return batch

    async def _refill(self) -> None:
        """Take more at once where more was due than there was room for, not at the next tick."""
        try:
            await self.tick()
        except StorageUnavailable as error:
            self._more = False
            _log.debug("put off", job="poll", reason=error.reason)
        except Exception:  # noqa: BLE001  # logged; the loop must go on
            self._more = False
            _log.exception("no more could be taken")

    async def _hurry(self) -> None:
        """Look at once at all that waited while an account's token was rejected.

        After the writing of the probe that got through: by then those that were held back before
        it are written too.
        """
        for team_id, account in list(self._recovered):
            await self._tasks.hurry(team_id, account, Trouble.UNAUTHORIZED, self._clock())
            self._recovered.discard((team_id, account))

    def _leave(self, accounts: Sequence[Account]) -> None:
        self._in_hand -= len(accounts)
        for account in accounts:
            lane = self._lanes[account]
            lane.in_hand -= 1
            if not lane.in_hand and len(self._lanes) > LANES_MOST:
                del self._lanes[account]

    def _rest(self) -> None:
        if self._in_hand == 0:
            self._idle.set()


def _planned(tracked: Tracked) -> float:
    """Return how many seconds were meant to lie between the last look and this one."""
    if tracked.next_check_at is None:
        return 0.0
    return max(0.0, (tracked.next_check_at - tracked.known_at).total_seconds())


def _says_something(answer: Look | BeamError) -> bool:
    """Tell whether an answer shows that Beam took the token; a proxy's page does not."""
    return isinstance(answer, Look | TaskNotFound)
