"""Who did what: cancels, accounts, installations, settings; read by ``app.py audit``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from storage.database import Database
from storage.tables import audit, cancels, watches


def note(
    tx: Connection,
    team_id: str,
    actor_id: str,
    action: str,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write down what somebody did, in the transaction that does it. No secret goes in here."""
    tx.execute(
        insert(audit).values(
            team_id=team_id, actor_id=actor_id, action=action, details=json.dumps(details), at=now
        )
    )


class AuditStore:
    """Reads what people did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, since: datetime) -> list[dict[str, Any]]:
        """Return everything since a time, oldest first, as plain objects ready for JSON."""

        def work(tx: Connection) -> list[dict[str, Any]]:
            noted = tx.execute(select(audit).where(audit.c.at >= since))
            asked = tx.execute(select(cancels).where(cancels.c.asked_at >= since))
            begun = tx.execute(select(watches).where(watches.c.created_at >= since))
            ended = tx.execute(select(watches).where(watches.c.ended_at >= since))
            events: list[tuple[datetime, dict[str, Any]]] = [
                *((row.at, _noted(row._mapping)) for row in noted),
                *((row.asked_at, _cancel(row._mapping)) for row in asked),
                *((row.created_at, _watch(row._mapping, "watch")) for row in begun),
                *((row.ended_at, _watch(row._mapping, "watch.end")) for row in ended),
            ]
            events.sort(key=lambda event: event[0])
            return [{"at": at.isoformat(), **event} for at, event in events]

        return await self._database.read(work)


def _noted(row: Mapping[Any, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "team": row["team_id"],
        "actor": row["actor_id"],
        "action": row["action"],
    }
    about |= json.loads(row["details"])
    return about


def _cancel(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "team": row["team_id"],
        "actor": row["actor_id"],
        "action": "cancel",
        "account": row["account"],
        "channel": row["channel_id"],
        "task": row["task_id"],
        "via": row["via"],
        "before": row["before"],
        "after": row["after"],
        "outcome": row["outcome"],
        "reason": row["reason"],
    }


def _watch(row: Mapping[Any, Any], action: str) -> dict[str, Any]:
    said = {
        "team": row["team_id"],
        "actor": row["owner_id"],
        "action": action,
        "account": row["account"],
        "channel": row["channel_id"],
        "task": row["task_id"],
    }
    return said if action == "watch" else said | {"why": row["end_reason"]}
