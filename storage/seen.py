"""Requests that were taken already, so that a repetition does nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from storage.database import Database, upsert
from storage.tables import requests_seen

KEPT = timedelta(hours=1)
"""Longer than a signature holds (5 minutes) and than Slack repeats an event."""

KEY_MAX = 128
"""Longest key that is kept as it is, in characters; Slack's own are far shorter."""


class SeenStore:
    """Queries over ``requests_seen``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first(self, team_id: str, key: str, now: datetime) -> bool:
        """Note a request; tell whether it is the first time."""
        if len(key) > KEY_MAX:
            key = hashlib.sha256(key.encode(errors="replace")).hexdigest()

        def work(tx: Connection) -> bool:
            result = tx.execute(
                upsert(tx, requests_seen)
                .values(team_id=team_id, key=key, seen_at=now)
                .on_conflict_do_nothing()
            )
            return bool(result.rowcount)

        return await self._database.write(work)

    async def purge(self, now: datetime) -> None:
        """Forget requests that cannot come again."""
        old = delete(requests_seen).where(requests_seen.c.seen_at < now - KEPT)
        await self._database.write(lambda tx: tx.execute(old))
