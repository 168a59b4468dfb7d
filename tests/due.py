"""Rows of tasks whose look is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import insert

from bot.tasks import Status, Task, TaskId
from storage.batches import Account
from storage.codec import task_to_json
from storage.database import Database
from storage.tables import tasks


async def owe_looks(database: Database, due: Iterable[tuple[Account, TaskId, datetime]]) -> None:
    """Have tasks polled, each of an account and due at a time; they are known to run."""
    rows = [
        {
            "team_id": account[0],
            "account": account[1],
            "task_id": task_id,
            "status": "RUNNING",
            "payload": task_to_json(Task(task_id, Status("RUNNING"))),
            "known_at": at - timedelta(seconds=3),
            "seq": 0,
            "next_check_at": at,
        }
        for account, task_id, at in due
    ]
    await database.write(lambda tx: tx.execute(insert(tasks), rows))
