"""What is forgotten, and when: no table grows for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
)

from storage.cancels import QUESTION_LASTS
from storage.database import Database
from storage.tables import (
    audit,
    cancel_questions,
    cancels,
    cards,
    channels,
    deliveries,
    oauth_states,
    runs,
    tasks,
    transitions,
    watches,
)

HISTORY_KEPT = timedelta(days=180)
"""How long it is known what became of a task, who watched it and who cancelled it."""

TRAIL_KEPT = timedelta(days=730)
"""How long it is known who installed, removed and connected what: few rows, asked for late."""

CHANNEL_KEPT = timedelta(days=30)
"""How long the pace of a channel that is owed nothing is kept; seconds would do."""

BATCH = 500
"""Rows of a table that are forgotten in one transaction at most: others write in between."""


class Retention:
    """Forgets what is over and old.

    Old rows are found in a transaction that only reads; each is looked at again in the one that
    forgets it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def purge(self, now: datetime) -> int:
        """Forget what is not needed any more; return how many rows."""
        old = now - HISTORY_KEPT
        done = 0
        # Watches before their tasks and cards: what is still referred to stays.
        for table, over in (
            (watches, _over_watches(old)),
            (cards, _unused_cards(old)),
            (tasks, _unwatched_tasks(old)),
            (transitions, transitions.c.seen_at < old),
            (runs, runs.c.ended_at < old),
            (cancels, and_(cancels.c.asked_at < old, cancels.c.outcome.is_not(None))),
            (cancel_questions, cancel_questions.c.asked_at < now - QUESTION_LASTS),
            (audit, audit.c.at < now - TRAIL_KEPT),
            (oauth_states, oauth_states.c.expires_at < now),
            (channels, _idle_channels(now)),
        ):
            done += await self._forget(table, over)
        return done

    async def _forget(self, table: Table, over: ColumnElement[bool]) -> int:
        keys = list(table.primary_key.columns)
        batch = select(*keys).where(over).limit(BATCH)
        same = [key == bindparam(f"b_{key.name}") for key in keys]
        forget = delete(table).where(*same, over)

        def find(tx: Connection) -> list[dict[str, Any]]:
            return [
                {f"b_{name}": value for name, value in row._mapping.items()}
                for row in tx.execute(batch)
            ]

        done = 0
        while rows := await self._database.read(find):
            done += await self._database.write(partial(_forget_rows, forget, rows))
            if len(rows) < BATCH:
                break
        return done


def _forget_rows(forget: Delete, rows: list[dict[str, Any]], tx: Connection) -> int:
    return tx.execute(forget, rows).rowcount


def _over_watches(old: datetime) -> ColumnElement[bool]:
    # All watches of a card go together: it shows them all as long as it is there.
    other = watches.alias()
    needed = or_(other.c.ended_at.is_(None), other.c.ended_at >= old)
    return and_(
        watches.c.ended_at < old,
        ~exists().where(other.c.card_id == watches.c.card_id, needed),
        ~exists().where(deliveries.c.card_id == watches.c.card_id),
    )


def _unused_cards(old: datetime) -> ColumnElement[bool]:
    return and_(
        cards.c.created_at < old,
        ~exists().where(watches.c.card_id == cards.c.id),
        ~exists().where(deliveries.c.card_id == cards.c.id),
    )


def _unwatched_tasks(old: datetime) -> ColumnElement[bool]:
    return and_(
        tasks.c.known_at < old,
        tasks.c.next_check_at.is_(None),
        ~exists().where(
            watches.c.team_id == tasks.c.team_id,
            watches.c.account == tasks.c.account,
            watches.c.task_id == tasks.c.task_id,
        ),
    )


def _idle_channels(now: datetime) -> ColumnElement[bool]:
    return and_(
        channels.c.due_at.is_(None),
        channels.c.lease_until.is_(None),
        channels.c.touched_at < now - CHANNEL_KEPT,
    )
