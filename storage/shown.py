"""What was shown of links lately, so that the same is not shown again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, update

from storage.database import Database, upsert
from storage.tables import requests_seen


class ShownStore:
    """Queries over ``requests_seen``, whose purge forgets what is older than an hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first(self, team_id: str, key: str, now: datetime, span: timedelta) -> bool:
        """Note that something is shown; tell whether it is the first time within ``span``."""

        def work(tx: Connection) -> bool:
            row = (requests_seen.c.team_id == team_id, requests_seen.c.key == key)
            seen_at = requests_seen.c.seen_at
            # What lies far ahead was written before the clock was set back.
            old = or_(seen_at <= now - span, seen_at > now + span)
            again = tx.execute(update(requests_seen).where(*row, old).values(seen_at=now))
            if again.rowcount:
                return True
            result = tx.execute(
                upsert(tx, requests_seen)
                .values(team_id=team_id, key=key, seen_at=now)
                .on_conflict_do_nothing()
                # PostgreSQL's driver does not count the rows of an insert.
                .returning(requests_seen.c.key)
            )
            return result.first() is not None

        return await self._database.write(work)

    async def forget(self, team_id: str, key: str) -> None:
        """Forget something that could not be shown after all."""
        gone = delete(requests_seen).where(
            requests_seen.c.team_id == team_id, requests_seen.c.key == key
        )
        await self._database.write(lambda tx: tx.execute(gone))
