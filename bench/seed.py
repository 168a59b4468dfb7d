"""A database with as many watched tasks as a bench asks for."""

from __future__ import annotations

import random
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, update

from bench.stage import Stage
from bot.beam.models import parse_task
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
    like: Task | None = None,
    first: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Migrate, and watch ``ids`` in channels; each has its card and its watch.

    Args:
        database: a new one.
        ids: the tasks.
        channels: over how many channels they are spread.
        like: what is known of each; something plausible if not given.
        first: the first look is between so many and so many seconds from now.
    """
    await migrate(database)
    now = datetime.now(UTC)
    dice = random.Random(7)
    like = like or _plausible(now)
    task_rows, card_rows, watch_rows = [], [], []
    for number, task_id in enumerate(ids, 1):
        where = {"team_id": TEAM, "account": DEFAULT_ACCOUNT}
        channel = {"channel_id": f"C{number % channels}"}
        owner = {"owner_id": "U1", "level": "all", "created_at": now}
        task_rows.append(
            where
            | {
                "task_id": task_id,
                "status": str(like.status),
                "payload": task_to_json(replace(like, id=task_id)),
                "known_at": now - timedelta(seconds=3),
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


def sample(stage: Stage) -> Task:
    """Return a task as the simulated Beam shows it, so that a look at it finds nothing new."""
    task_id = new_ids(1)[0]
    with urllib.request.urlopen(f"{stage.beam}/v2/task/{task_id}/", timeout=20) as answer:
        return parse_task(answer.read(), expected=task_id)


def _plausible(made: datetime) -> Task:
    return Task(
        new_ids(1)[0],
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


async def make_due(database: Database, count: int | None = None) -> None:
    """Make tasks due now: all, or about ``count`` of them."""
    now = datetime.now(UTC)
    due = update(tasks).values(next_check_at=now)
    if count is not None:
        few = tasks.select().with_only_columns(tasks.c.task_id).limit(count)
        due = due.where(tasks.c.task_id.in_(few))
    await database.write(lambda tx: tx.execute(due))
