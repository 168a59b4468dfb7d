"""Forgetting a workspace that does not want the bot any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete

from storage.audit import note
from storage.database import Database
from storage.tables import audit, metadata

SYSTEM = "-"
"""Who does what nobody asked for."""


async def forget_team(database: Database, team_id: str, why: str, now: datetime) -> None:
    """Delete everything of a workspace but the trail of who did what.

    Args:
        database: where it is.
        team_id: the workspace.
        why: for the trail.
        now: the current time.
    """

    def work(tx: Connection) -> None:
        # What refers to others goes before them.
        for table in reversed(metadata.sorted_tables):
            if "team_id" in table.c and table is not audit:
                tx.execute(delete(table).where(table.c.team_id == team_id))
        note(tx, team_id, SYSTEM, "workspace.forget", {"why": why}, now)

    await database.write(work)
