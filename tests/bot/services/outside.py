"""Copies of the bot that may be killed, and a Slack and a Beam outside of them that fail."""

from __future__ import annotations

import asyncio
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from bot.beam.errors import BeamError, RateLimited, TaskNotFound, Unauthorized, Unavailable
from bot.services.ports import (
    CardGone,
    ChannelClosed,
    DeliveryError,
    OutcomeUnknown,
    Outgoing,
    TryLater,
    WorkspaceClosed,
)
from bot.tasks import Task, TaskId
from bot.tasks.records import CardView
from tests.bot.services.fuse import Fuse, InlineDatabase
from tests.bot.services.world import Clock, FakeBeam, FakeSlack, World

POSTS_APART, EDITS_APART = 1.0, 1.2


class SteppedClock(Clock):
    """A clock that is set back and forth, while ``real`` time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.real = 0.0
        self.steps = 0

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.real += seconds

    def step(self, seconds: float) -> None:
        """Set the clock; no time passes."""
        self.now += timedelta(seconds=seconds)
        self.steps += 1


class MoodyBeam(FakeBeam):
    """Fails in one way until it is healed; remembers every status that a task ever had."""

    FAULTS: ClassVar[dict[str, Callable[[], BeamError]]] = {
        "down": lambda: Unavailable("down"),
        "401": lambda: Unauthorized("rejected"),
        "404": lambda: TaskNotFound("no such task"),
        "429": lambda: RateLimited("slow down", retry_after=40.0),
    }

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.fault: str | None = None
        self.had: dict[TaskId, set[str]] = defaultdict(set)

    def put(self, task_id: TaskId, status: str) -> None:
        super().put(task_id, status)
        self.had[task_id].add(status)

    async def get(self, task_id: TaskId) -> Task:
        self.broken = self.FAULTS[self.fault]() if self.fault else None
        return await super().get(task_id)

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        self.cancelled.append(tuple(task_ids))
        if self.fault:
            raise self.FAULTS[self.fault]()
        for task_id in task_ids if self.cancels_work else ():
            if not self.tasks[task_id].status.final:
                self.put(task_id, "CANCELLED")


@dataclass(frozen=True)
class Shown:
    """A card as Slack showed it at a moment."""

    view: CardView
    statuses: dict[TaskId, str]


class MoodySlack(FakeSlack):
    """Fails in one way for a while, and notes what Slack or its readers would complain of."""

    FAULTS: ClassVar[dict[str, Callable[[], DeliveryError]]] = {
        "later": lambda: TryLater("service_unavailable"),
        "429": lambda: TryLater("ratelimited", retry_after=7.5),
        "dropped": lambda: OutcomeUnknown("timeout"),
        "lost": lambda: OutcomeUnknown("timeout"),
    }

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__()
        self._clock = clock
        self.fault: str | None = None
        self.calls_left = 0
        self.closed: set[str] = set()
        self.revoked = False
        self.unreadable: set[str] = set()
        self.blind: set[str] = set()
        """Keys of messages that were looked for where nothing can be found."""
        self.complaints: list[str] = []
        self.shown: dict[int, Shown] = {}
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def heal(self) -> None:
        """Take everything again."""
        self.fault, self.revoked = None, False
        self.closed.clear()

    async def post(self, message: Outgoing) -> str:
        lost = self._fail(message.channel_id)
        self._pace("post", message.channel_id, POSTS_APART)
        self.posted.append(message)
        if message.news is None and message.view is not None:
            self._show(message.view)
        if lost:
            raise lost
        return f"100.{len(self.posted):06d}"

    async def find(self, message: Outgoing) -> str | None:
        self._fail(message.channel_id)
        if message.channel_id in self.unreadable:
            self.blind.add(message.key)
            return None
        return await super().find(message)

    async def edit(self, view: CardView) -> None:
        lost = self._fail(view.card.channel_id)
        if view.card.ts in self.gone:
            raise CardGone("message_not_found")
        self._pace("edit", view.card.channel_id, EDITS_APART)
        self._show(view)
        self.edits.append(view)
        if lost:
            raise lost

    def _fail(self, channel_id: str) -> DeliveryError | None:
        """Raise what is wrong; return what is to be raised once the request was carried out."""
        if self.revoked:
            raise WorkspaceClosed("token_revoked")
        if channel_id in self.closed:
            raise ChannelClosed("is_archived")
        if self.fault is None or self.calls_left == 0:
            return None
        self.calls_left -= 1
        error = self.FAULTS[self.fault]()
        if self.fault == "lost":
            return error
        raise error

    def _pace(self, method: str, channel_id: str, apart: float) -> None:
        key, now = (method, channel_id), (self._clock.real, self._clock.steps)
        if key in self._last:
            real, steps = self._last[key]
            # Nobody can tell how long ago something was if the clock was set in between.
            if steps == now[1] and now[0] - real < apart - 1e-6:
                self.complaints.append(f"{method} after {now[0] - real:.3f} s in {channel_id}")
        self._last[key] = now

    def _show(self, view: CardView) -> None:
        before = self.shown.get(view.card.id)
        if before is not None and view.card.wanted < before.view.card.wanted:
            self.complaints.append(
                f"card {view.card.id}: {view.card.wanted} after {before.view.card.wanted}"
            )
        statuses = {one.task.id: str(one.task.status) for one in view.members}
        self.shown[view.card.id] = Shown(view, statuses)


class _CopysSlack(FakeSlack):
    """Slack as one copy reaches it: the copy may die around every request."""

    def __init__(self, outside: MoodySlack, fuse: Fuse) -> None:
        super().__init__()
        self._outside, self._fuse = outside, fuse

    async def post(self, message: Outgoing) -> str:
        return await self._fuse.around("post", lambda: self._outside.post(message))

    async def find(self, message: Outgoing) -> str | None:
        return await self._fuse.around("find", lambda: self._outside.find(message))

    async def edit(self, view: CardView) -> None:
        await self._fuse.around("edit", lambda: self._outside.edit(view))


class _CopysBeam(FakeBeam):
    """Beam as one copy reaches it."""

    def __init__(self, outside: MoodyBeam, clock: Clock, fuse: Fuse) -> None:
        super().__init__(clock)
        self._outside, self._fuse = outside, fuse

    async def get(self, task_id: TaskId) -> Task:
        return await self._fuse.around("get", lambda: self._outside.get(task_id))

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        await self._fuse.around("cancel", lambda: self._outside.cancel(task_ids))


_owner: ContextVar[Copy | None] = ContextVar("owner", default=None)


def own_tasks(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """Make a task that ends with the copy that started it: a factory for ``set_task_factory``."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    if owner := _owner.get():
        owner.tasks.add(task)
    return task


class Copy:
    """One process: whatever it started dies with it."""

    def __init__(self, path: Path, clock: SteppedClock, beam: MoodyBeam, slack: MoodySlack) -> None:
        self.fuse = Fuse()
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.world = World(
            path,
            clock,
            _CopysBeam(beam, clock, self.fuse),
            _CopysSlack(slack, self.fuse),
            database=InlineDatabase,
        )
        assert isinstance(self.world.database, InlineDatabase)
        self.world.database.fuse = self.fuse

    async def run(self, work: Callable[[World], Awaitable[object]]) -> bool:
        """Do some work; tell whether the copy lives. What the work raises is raised."""

        async def owned() -> None:
            _owner.set(self)
            await work(self.world)

        task = asyncio.ensure_future(owned())
        blown = asyncio.ensure_future(self.fuse.blown.wait())
        await asyncio.wait({task, blown}, return_when=asyncio.FIRST_COMPLETED)
        if self.fuse.blown.is_set():
            self.tasks.add(task)
            await self.kill()
            return False
        blown.cancel()
        await task
        return True

    async def kill(self) -> None:
        """End like a process that is killed: nothing is finished, nothing more is written."""
        self.fuse.blown.set()
        left = [task for task in self.tasks if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self.world.database.close()
