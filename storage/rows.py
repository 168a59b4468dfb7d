"""Rows to frozen records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bot.tasks import Level, Task, TaskId
from bot.tasks.follow import Tracked
from bot.tasks.records import Card, CardKind, Trouble, Watch
from storage.codec import task_from_json


def to_tracked(row: Row[Any], task: Task | None = None) -> Tracked:
    """Read a row of ``tasks``.

    Args:
        row: the row; without its payload if that is known.
        task: what the payload says, if that is known.
    """
    return Tracked(
        team_id=row.team_id,
        account=row.account,
        task=task or task_from_json(row.payload),
        known_at=row.known_at,
        seq=row.seq,
        next_check_at=row.next_check_at,
        attempt=row.attempt,
        failures=row.failures,
        failing_since=row.failing_since,
        trouble=Trouble(row.trouble) if row.trouble else None,
        rechecks=row.rechecks,
        cancelled_by=row.cancelled_by,
    )


def to_card(row: Row[Any]) -> Card:
    """Read a row of ``cards``."""
    return Card(
        id=row.id,
        team_id=row.team_id,
        account=row.account,
        channel_id=row.channel_id,
        thread_ts=row.thread_ts,
        kind=CardKind(row.kind),
        owner_id=row.owner_id,
        level=Level(row.level),
        ts=row.ts,
        wanted=row.wanted,
        shown=row.shown,
        created_at=row.created_at,
    )


def to_watch(row: Row[Any]) -> Watch:
    """Read a row of ``watches``."""
    return Watch(
        id=row.id,
        team_id=row.team_id,
        account=row.account,
        channel_id=row.channel_id,
        task_id=TaskId(row.task_id),
        card_id=row.card_id,
        owner_id=row.owner_id,
        level=Level(row.level),
        created_at=row.created_at,
    )
