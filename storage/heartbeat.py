"""A row that is written again and again: only a write shows that one can be made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from storage.database import Database, upsert
from storage.tables import heartbeats


async def beat(database: Database, name: str, now: datetime) -> None:
    """Write the row ``name``.

    Raises:
        StorageUnavailable: the database cannot be written.
    """

    def work(tx: Connection) -> None:
        row = upsert(tx, heartbeats).values(name=name, beat_at=now)
        tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"beat_at": now}))

    await database.write(work)
