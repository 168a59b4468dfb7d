"""How tasks ended: what is usual of a function is learned from its latest runs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from bot.tasks import Task
from bot.tasks.usual import RUNS_KEPT, Usual
from storage.database import Database, upsert
from storage.tables import runs


class HistoryStore:
    """Queries over ``runs``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usual(
        self, team_id: str, account: str, functions: Collection[str]
    ) -> dict[str, Usual]:
        """Return what is usual of these functions, as far as any run of them is known."""
        return await self._database.read(lambda tx: usual_of(tx, team_id, account, functions))


def usual_of(
    tx: Connection, team_id: str, account: str, functions: Collection[str]
) -> dict[str, Usual]:
    """Return what is usual of these functions, from the latest ``RUNS_KEPT`` runs of each."""
    latest = (
        select(
            runs.c.function,
            runs.c.ran_ms,
            runs.c.waited_ms,
            func.row_number()
            .over(partition_by=runs.c.function, order_by=runs.c.ended_at.desc())
            .label("place"),
        )
        .where(
            runs.c.team_id == team_id,
            runs.c.account == account,
            runs.c.function.in_(functions),
            # How long a failure took says nothing of a run that does its work.
            runs.c.status == "COMPLETE",
        )
        .subquery()
    )
    ran: dict[str, list[float]] = {}
    waited: dict[str, list[float]] = {}
    for row in tx.execute(select(latest).where(latest.c.place <= RUNS_KEPT)):
        for known, value in ((ran, row.ran_ms), (waited, row.waited_ms)):
            if value is not None:
                known.setdefault(row.function, []).append(value / 1000)
    return {
        name: Usual(tuple(sorted(ran.get(name, ()))), tuple(sorted(waited.get(name, ()))))
        for name in ran.keys() | waited.keys()
    }


def note_run(tx: Connection, team_id: str, account: str, task: Task, now: datetime) -> None:
    """Write down how a task ended; a correction of its end replaces what was written."""
    function = task.function or task.stub_name
    if function is None or not task.status.final:
        return
    values = {
        "function": function,
        "status": str(task.status),
        "waited_ms": milliseconds(task.waited(now)),
        "ran_ms": milliseconds(task.ran(now)),
        "ended_at": task.ended_at or now,
    }
    row = upsert(tx, runs).values(team_id=team_id, account=account, task_id=task.id, **values)
    tx.execute(
        row.on_conflict_do_update(index_elements=["team_id", "account", "task_id"], set_=values)
    )


def milliseconds(span: timedelta | None) -> int | None:
    """Return a span in whole milliseconds."""
    return None if span is None else span // timedelta(milliseconds=1)


def span(milliseconds: int | None) -> timedelta | None:
    """Return a span that is stored in whole milliseconds."""
    return None if milliseconds is None else timedelta(milliseconds=milliseconds)
