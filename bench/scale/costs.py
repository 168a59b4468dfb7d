"""What one of everything costs, measured: processor time, transactions, rows, the writer's time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from aiohttp import ClientSession
from sqlalchemy import Connection, event, func, select

from bench.product import Product, now, product
from bench.real import bot, signed
from bench.seed import TEAM, make_due, new_ids
from bench.stage import Stage, share
from bot.beam.errors import BeamError
from bot.metrics import Metrics
from bot.services.deliver import Deliverer
from bot.services.doors import Doors
from bot.services.turns import Turns
from bot.services.watch import Watching
from bot.slack.client import SlackClient
from bot.slack.outbox import SlackCourier
from bot.slack.people import SlackPeople
from bot.slack.session import new_session
from bot.slack.workspace import Workspace
from bot.tasks import TaskId
from bot.tasks.records import Place
from storage.batches import Horizon
from storage.database import Database
from storage.migrate import migrate
from storage.outbox import Outbox
from storage.tables import requests_seen
from storage.tasks import Observation, TaskStore
from storage.watches import WatchStore

T = TypeVar("T")
STEPS = ("watch", "check", "found", "message")
"""Watching one task, with its first post; a look that finds nothing, in batches; a look that finds
something, alone; a post and an edit."""
FAR = Horizon(timedelta(days=2), timedelta(days=2))


class Counted(Database):
    """A database that counts its transactions that write, their rows, and their time."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.rows = 0
        self.took: list[float] = []

        @event.listens_for(self.engine.sync_engine, "after_cursor_execute")
        def _count(
            _connection: Connection, cursor: Any, _sql: str, _values: Any, context: Any, _many: bool
        ) -> None:
            if context.isinsert or context.isupdate or context.isdelete:
                self.rows += max(0, cursor.rowcount)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Write, and count."""
        began = time.perf_counter()
        try:
            return await super().write(work)
        finally:
            self.took.append(time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one costs."""

    cpu: float
    """Seconds of processor time of the bot, the database's own included where that is SQLite."""
    writes: float
    rows: float
    transaction: float
    """Seconds on the clock that one of them takes, by the quickest tenth: what else the machine
    does is no part of it."""
    server: float = 0.0
    """Seconds of processor time of the database's server, if it is one."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the real process needs."""

    command: Cost
    """Of one command. What it writes is the notes of what was seen, a transaction each."""
    memory: float
    """Megabytes that it holds with next to nothing to do."""
    idle: float
    """Share of a core that it uses with nothing to do."""


class _Meter:
    def __init__(self, database: Counted, server: Callable[[], float]) -> None:
        self._database = database
        self._server, self._served = server, server()
        self._cpu, self._rows = time.process_time(), database.rows
        self._writes = len(database.took)

    def per(self, count: int) -> Cost:
        took = self._database.took[self._writes :]
        return Cost(
            (time.process_time() - self._cpu) / count,
            len(took) / count,
            (self._database.rows - self._rows) / count,
            share(took, 0.1),
            (self._server() - self._served) / count,
        )


async def unit_costs(
    stage: Stage, url: str, count: int, server: Callable[[], float] = lambda: 0.0
) -> dict[str, Cost]:
    """Watch, poll and tell ``count`` tasks, each in a channel of its own, and return the costs.

    Args:
        stage: the simulated Beam and Slack.
        url: an empty database.
        count: how many tasks.
        server: the processor time that the database's server has used so far, in seconds.
    """
    ids, costs = new_ids(count), {}
    database = Counted(url)
    async with product(stage, database) as made, new_session() as session:
        await migrate(database)
        deliverer, watching = await _telling(made, session, stage)
        stage.flip(ids, "PENDING")
        # The first of everything warms up.
        for few in (ids[:5], ids[5:]):
            meter = _Meter(database, server)
            for number, task_id in enumerate(few):
                channel = f"C{task_id[:8]}{number}"
                await watching.watch(Place(TEAM, channel, "U1"), [task_id])
            costs["watch"] = meter.per(len(few))
        made.poller.start()
        for _ in range(3):
            await make_due(database)
            meter = _Meter(database, server)
            await made.poller.tick()
            await made.poller.settle()
            costs["check"] = meter.per(count)
        await made.poller.stop(5)
        for status in ("RUNNING", "COMPLETE"):
            stage.flip(ids, status)
            await make_due(database)
            meter = _Meter(database, server)
            await _one_by_one(made, database, count)
            costs["found"] = meter.per(count)
            # A channel takes one message a second.
            await asyncio.sleep(1.5)
            meter = _Meter(database, server)
            await _deliver_all(deliverer, Outbox(database))
            costs["message"] = meter.per(count)
    return costs


async def _telling(
    made: Product, session: ClientSession, stage: Stage
) -> tuple[Deliverer, Watching]:
    client = SlackClient(
        token="xoxb-bench", base_url=f"{stage.slack}/api/", session=session, retry_handlers=[]
    )
    workspace = Workspace(client)
    await workspace.learn()
    courier = SlackCourier(workspace, SlackPeople(workspace, now), now)
    watches = WatchStore(made.database)
    # One at a time: a transaction's time must not be that of waiting for another.
    deliverer = Deliverer(
        Outbox(made.database), watches, courier, now, Metrics(), Doors(), turns=Turns(1, 1)
    )
    return deliverer, Watching(made.look_up, watches, deliverer, courier, now)


async def _one_by_one(made: Product, database: Database, count: int) -> None:
    tasks = TaskStore(database)
    for _ in range(count):
        claimed = await tasks.claim_due(now(), limit=1, lease=timedelta(minutes=5), horizon=FAR)
        (one,) = claimed.tasks
        look = await made.look_up.ask(one.team_id, one.account, one.task.id)
        if isinstance(look, BeamError):
            raise look
        place = (one.team_id, one.account, one.task.id)
        changes = await made.look_up.record([Observation(*place, look, one.attempt, one)])
        assert len(changes) == 1


async def _deliver_all(deliverer: Deliverer, outbox: Outbox) -> None:
    deadline = time.monotonic() + 300
    while await outbox.owes(TEAM):
        if time.monotonic() > deadline:
            raise TimeoutError("the channels are still owed something")
        await deliverer.tick()
        await deliverer.settle()


async def running(stage: Stage, url: str, count: int) -> Running:
    """Start the real bot, leave it alone, and send it signed ``/beam status``.

    Args:
        stage: the simulated Beam and Slack.
        url: an empty database, as the settings take it.
        count: how many.
    """
    ids: list[TaskId] = new_ids(count)
    with bot(stage, DATABASE_URL=url, BEAM_RATE_LIMIT="1000") as one:
        async with ClientSession() as session:

            async def ask(number: int) -> None:
                text = f"status {ids[number]}"
                body, headers = signed(number, text, stage.slack)
                posted = session.post(f"{one.url}/slack/events", data=body, headers=headers)
                async with posted as said:
                    assert said.status == 200, said.status

            await ask(0)
            await asyncio.sleep(3)
            memory, idle = one.memory(), one.cpu()
            await asyncio.sleep(4)
            began = one.cpu()
            idle = (began - idle) / 4
            since = time.monotonic()
            for number in range(1, count):
                await ask(number)
            await asyncio.sleep(2)
            used = one.cpu() - began - idle * (time.monotonic() - since)
    database = Database(url.replace("sqlite:", "sqlite+aiosqlite:"))
    noted = select(func.count()).select_from(requests_seen)
    rows = await database.read(lambda tx: tx.execute(noted).scalar_one())
    await database.close()
    return Running(Cost(used / (count - 1), rows / count, rows / count, 0.0), memory, idle)
