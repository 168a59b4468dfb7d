"""A database with as many watched tasks as a bench asks for."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, update

from bot.tasks import FunctionKind, Status, Task, TaskId
from bot.tasks.records import DEFAULT_ACCOUNT
from storage.codec import task_to_json
from storage.database import Database
from storage.migrate import migrate
from storage.tables import cards, tasks, watches

TEAM = "T1"


def new_ids(count: int) -> list[TaskId]:
    """Return task ids, the same ones each time."""
    dice = random.Random(6)
    return [TaskId(str(uuid.UUID(int=dice.getrandbits(128), version=4))) for _ in range(count)]


def url_of(file: Path) -> str:
    """Return the address of a database file."""
    return f"sqlite+aiosqlite:///{file}"


async def seed(
    database: Database,
    ids: Sequence[TaskId],
    *,
    channels: int = 200,
    age: timedelta = timedelta(0),
    first: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Migrate, and watch ``ids`` in channels; each has its card and its watch.

    Args:
        database: a new one.
        ids: the tasks.
        channels: over how many channels they are spread.
        age: how old the tasks are.
        first: the first look is between so many and so many seconds from now.
    """
    await migrate(database)
    now = datetime.now(UTC)
    dice = random.Random(7)
    made = now - age
    task_rows, card_rows, watch_rows = [], [], []
    for number, task_id in enumerate(ids, 1):
        task = Task(
            task_id,
            Status("RUNNING"),
            created_at=made,
            started_at=made,
            updated_at=made,
            container_id="taskqueue-a1b2c3d4-5678",
            function="app.py:squared",
            kind=FunctionKind.TASK_QUEUE,
            stub_name="taskqueue/deployment/app.py:squared",
            cpu_millicores=1000,
            memory_mib=8192,
            gpu="A10G",
            timeout_seconds=3600,
        )
        where = {"team_id": TEAM, "account": DEFAULT_ACCOUNT}
        channel = {"channel_id": f"C{number % channels}"}
        owner = {"owner_id": "U1", "level": "all", "created_at": now}
        task_rows.append(
            where
            | {
                "task_id": task_id,
                "status": "RUNNING",
                "payload": task_to_json(task),
                "known_at": now - timedelta(seconds=60),
                "seq": 0,
                "next_check_at": now + timedelta(seconds=dice.uniform(*first)),
            }
        )
        card_rows.append(
            where
            | channel
            | owner
            | {"id": number, "kind": "task", "ts": f"1700000000.{number:06d}", "shown": 1}
        )
        watch_rows.append(where | channel | owner | {"task_id": task_id, "card_id": number})

    def work(tx: Connection) -> None:
        for table, rows in ((tasks, task_rows), (cards, card_rows), (watches, watch_rows)):
            tx.execute(insert(table), rows)

    await database.write(work)


async def make_due(database: Database, count: int | None = None) -> None:
    """Make tasks due now: all, or about ``count`` of them."""
    now = datetime.now(UTC)
    due = update(tasks).values(next_check_at=now)
    if count is not None:
        few = tasks.select().with_only_columns(tasks.c.task_id).limit(count)
        due = due.where(tasks.c.task_id.in_(few))
    await database.write(lambda tx: tx.execute(due))
