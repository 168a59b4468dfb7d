"""What a row takes on the disk, measured on rows that the product wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Table as Base
from sqlalchemy import delete, event, func, select

from bench.product import Nobody, now
from bench.seed import TEAM, new_ids
from bot.services.look_up import LookUp
from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import Look, Pace
from bot.tasks.records import KnownTask, Place
from storage import outbox, retention, seen
from storage.database import Database
from storage.migrate import migrate
from storage.outbox import Outbox
from storage.seen import SeenStore
from storage.tables import cards, deliveries, requests_seen, runs, tasks, transitions, watches
from storage.tasks import Observation, TaskStore
from storage.watches import WatchStore

GROWING = (deliveries, watches, cards, tasks, transitions, runs, requests_seen)
"""Tables that grow with what is watched, in an order in which they can be emptied."""
KEPT = {
    table.name: {"deliveries": outbox.KEPT, "requests_seen": seen.KEPT}.get(
        table.name, retention.HISTORY_KEPT
    )
    for table in GROWING
}
"""How long rows are kept; a watched task, its card and its watches live a little longer."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table."""

    rows: int
    bytes_a_row: float


async def bytes_a_row(url: str, file: Path | None, like: Task, count: int) -> dict[str, Table]:
    """Fill a database through the storage layer and measure what the rows of each table take.

    SQLite's file is packed before and after a table is emptied; PostgreSQL packs a table and says
    its size with its indexes. A table in use takes more: room that comes and goes.

    Args:
        url: an empty database.
        file: the database's file, if it is SQLite.
        like: a task as Beam answers it.
        count: how many tasks are watched to their end.
    """
    database = unsafe(url)
    try:
        await migrate(database)
        await _fill(database, like, count)
        return {table.name: await _measure(database, table, file) for table in GROWING}
    finally:
        await database.close()


def unsafe(url: str) -> Database:
    """Return a database that does not wait for the disk: how much is there is what matters."""
    database = Database(url)

    @event.listens_for(database.engine.sync_engine, "connect")
    def _hurry(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if database.is_sqlite:
            cursor.execute("PRAGMA synchronous=OFF")
        else:
            cursor.execute("SET synchronous_commit = off")
            connection.commit()
        cursor.close()

    return database


async def _measure(database: Database, table: Base, file: Path | None) -> Table:
    number = select(func.count()).select_from(table)
    rows: int = await database.read(lambda tx: tx.execute(number).scalar_one())
    if file is None:
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.exec_driver_sql(f"VACUUM FULL {table.name}")
        size = select(func.pg_total_relation_size(table.name))
        taken: int = await database.read(lambda tx: tx.execute(size).scalar_one())
        return Table(rows, taken / rows)
    before = await _packed(database, file)
    await database.write(lambda tx: tx.execute(delete(table)))
    return Table(rows, (before - await _packed(database, file)) / rows)


async def _packed(database: Database, file: Path) -> int:
    async with database.engine.connect() as connection:
        for step in ("COMMIT", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)", "BEGIN"):
            await connection.exec_driver_sql(step)
    return file.stat().st_size  # noqa: ASYNC240  # a bench has nobody to keep waiting


async def _fill(database: Database, like: Task, count: int) -> None:
    stored, watching = TaskStore(database), WatchStore(database)
    look_up = LookUp(Nobody(), stored, watching, now, Pace())
    ids, made = new_ids(count), now()
    like = replace(like, created_at=made, started_at=None, ended_at=None)
    notes = SeenStore(database)
    for number, task_id in enumerate(ids):
        place = Place(TEAM, f"C{number % 50:010d}", "U0123456789")
        known = KnownTask(replace(like, id=task_id, status=Status("PENDING")), made)
        await watching.add(place, [known], None, now=made, start=partial(look_up.start, place))
        await notes.first(TEAM, f"{number}.{task_id}", made)
    for seconds, status in ((5, "RUNNING"), (95, "COMPLETE")):
        then = made + timedelta(seconds=seconds)
        for first in range(0, count, 100):
            answers = [_ran(like, one, status, made, then) for one in ids[first : first + 100]]
            await look_up.record(
                [Observation(TEAM, "default", one.id, Look(then, one)) for one in answers]
            )
    owed = select(deliveries.c.id)
    told = await database.read(lambda tx: list(tx.execute(owed).scalars()))
    await Outbox(database).sent(told, "1700000000.000001", now(), card=None)


def _ran(like: Task, task_id: TaskId, status: str, made: datetime, then: datetime) -> Task:
    task = replace(like, id=task_id, status=Status(status), started_at=made)
    return replace(task, ended_at=then) if task.status.final else task
