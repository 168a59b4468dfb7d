"""What happened: changes of status and cancels, of one task or of a channel, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    literal,
    select,
    union_all,
)

from bot.tasks import Status, TaskId
from bot.tasks.history import CancelAsked, Change, Event, History
from bot.tasks.records import CancelOutcome, Place
from storage.database import Database
from storage.tables import cancels, transitions, watches
from storage.tasks import load_tasks

PAGE_EVENTS = 15
PAGES_MOST = 1_000
"""How far back one may turn pages; each is found by counting what is newer."""

_before = transitions.alias()


class TimelineStore:
    """Queries over ``transitions`` and ``cancels``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_task(self, place: Place, task_id: TaskId, page: int) -> History | None:
        """Return a page of a task's history, ``None`` if nothing is stored of the task."""

        def work(tx: Connection) -> History | None:
            found = load_tasks(tx, place.team_id, place.account, {task_id}).get(task_id)
            changes = and_(
                transitions.c.team_id == place.team_id,
                transitions.c.account == place.account,
                transitions.c.task_id == task_id,
            )
            asked = and_(
                cancels.c.team_id == place.team_id,
                cancels.c.account == place.account,
                cancels.c.task_id == task_id,
            )
            events, number, more = _page(tx, place, changes, asked, page)
            if found is None and not events:
                return None
            known = found.known if found else None
            return History(tuple(reversed(events)), number, more, known)

        return await self._database.read(work)

    async def of_channel(self, place: Place, page: int) -> History:
        """Return a page of what happened to the tasks that a channel watches or watched."""

        def work(tx: Connection) -> History:
            changes = and_(
                transitions.c.team_id == place.team_id,
                transitions.c.account == place.account,
                exists().where(
                    watches.c.team_id == transitions.c.team_id,
                    watches.c.account == transitions.c.account,
                    watches.c.task_id == transitions.c.task_id,
                    watches.c.channel_id == place.channel_id,
                ),
            )
            asked = and_(
                cancels.c.team_id == place.team_id,
                cancels.c.account == place.account,
                cancels.c.channel_id == place.channel_id,
            )
            return History(*_page(tx, place, changes, asked, page))

        return await self._database.read(work)


def _page(
    tx: Connection,
    place: Place,
    changes: ColumnElement[bool],
    asked: ColumnElement[bool],
    page: int,
) -> tuple[tuple[Event, ...], int, bool]:
    number = min(max(page, 1), PAGES_MOST)
    newest = number * PAGE_EVENTS + 1
    # Of each table only as many rows as could be on this page: their ids rise with time.
    both = union_all(
        _newest(
            select(_kind("change"), transitions.c.id, transitions.c.seen_at.label("at")),
            transitions.c.id,
            changes,
            newest,
        ),
        _newest(
            select(_kind("cancel"), cancels.c.id, cancels.c.asked_at.label("at")),
            cancels.c.id,
            asked,
            newest,
        ),
    ).subquery()
    rows = tx.execute(
        select(both)
        .order_by(both.c.at.desc(), both.c.kind.desc(), both.c.id.desc())
        .limit(PAGE_EVENTS + 1)
        .offset(newest - PAGE_EVENTS - 1)
    ).all()
    shown = rows[:PAGE_EVENTS]
    found = _changes(tx, [row.id for row in shown if row.kind == "change"])
    found |= _cancels(tx, [row.id for row in shown if row.kind == "cancel"])
    labels = _labels(tx, place, {event.task_id for event in found.values()})
    events = (found[(row.kind, row.id)] for row in shown)
    named = tuple(_named(event, labels) for event in events)
    return named, number, len(rows) > PAGE_EVENTS and number < PAGES_MOST


def _kind(name: str) -> ColumnElement[str]:
    return literal(name).label("kind")


def _newest(
    wanted: Select[Any], number: ColumnElement[int], which: ColumnElement[bool], limit: int
) -> Select[Any]:
    found = wanted.where(which).order_by(number.desc()).limit(limit).subquery()
    return select(found)


def _changes(tx: Connection, ids: Sequence[int]) -> dict[tuple[str, int], Event]:
    rows = tx.execute(
        select(transitions, _before.c.seen_at.label("since"))
        .select_from(
            transitions.outerjoin(
                _before,
                and_(
                    _before.c.team_id == transitions.c.team_id,
                    _before.c.account == transitions.c.account,
                    _before.c.task_id == transitions.c.task_id,
                    _before.c.seq == transitions.c.seq - 1,
                ),
            )
        )
        .where(transitions.c.id.in_(ids))
    )
    return {
        ("change", row.id): Change(
            row.seen_at, TaskId(row.task_id), "", Status(row.old), Status(row.new), _spent(row)
        )
        for row in rows
    }


def _spent(row: Row[Any]) -> timedelta | None:
    # Beam's own times are better than when a look found out, where they say this.
    told = {"RUNNING": row.ran_ms, "PENDING": row.waited_ms}.get(row.old)
    if told is not None:
        return timedelta(milliseconds=told)
    # A clock that was set back would make it negative.
    return max(row.seen_at - row.since, timedelta(0)) if row.since else None


def _cancels(tx: Connection, ids: Sequence[int]) -> dict[tuple[str, int], Event]:
    rows = tx.execute(select(cancels).where(cancels.c.id.in_(ids)))
    return {
        ("cancel", row.id): CancelAsked(
            row.asked_at,
            TaskId(row.task_id),
            "",
            row.actor_id,
            CancelOutcome(row.outcome) if row.outcome else None,
            row.reason,
            Status(row.after) if row.after else None,
            None if row.ran_ms is None else timedelta(milliseconds=row.ran_ms),
        )
        for row in rows
    }


def _labels(tx: Connection, place: Place, ids: set[TaskId]) -> dict[str, str]:
    found = load_tasks(tx, place.team_id, place.account, ids)
    return {task_id: one.task.label for task_id, one in found.items()}


def _named(event: Event, labels: dict[str, str]) -> Event:
    return replace(event, label=labels.get(event.task_id, event.task_id[:8]))
