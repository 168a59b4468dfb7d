"""Going round over workspaces: whose turn it is, without reading all that the largest has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, func, literal, select


def next_workspaces(
    tx: Connection,
    due: Column[Any],
    ready: ColumnElement[bool],
    *,
    after: str,
    limit: int,
    without: Collection[str] = (),
) -> list[str]:
    """Return workspaces that have a row which is due, from one on in the order of their ids.

    From each workspace to the next is one search in an index over ``team_id`` and ``due``: it
    costs the same however many rows of a workspace wait
    (https://wiki.postgresql.org/wiki/Loose_indexscan).

    Args:
        tx: the transaction.
        due: when a row is due, null for never; the table has a ``team_id`` too.
        ready: which rows are due now.
        after: begin behind this workspace; those up to it come last.
        limit: how many workspaces at most.
        without: workspaces that are left out.
    """
    found = _walk(tx, due, ready, after, limit, without)
    if after and len(found) < limit:
        others = _walk(tx, due, ready, "", limit - len(found), without)
        found += [team_id for team_id in others if team_id <= after]
    return found


class Rounds:
    """Takes rows that are due in rounds: so many of each workspace that all have some.

    Args:
        due: when a row is due, null for never; the table has a ``team_id`` too.
    """

    def __init__(self, due: Column[Any]) -> None:
        self._due = due
        self._last = ""

    def take(self, tx: Connection, now: datetime, limit: int) -> list[Row[Any]]:
        """Return due rows, locked, the longest due of each workspace first.

        Args:
            tx: the transaction.
            now: the current time.
            limit: how many at most. Fewer may be returned though more are due.
        """
        ready = self._due <= now
        turns = next_workspaces(tx, self._due, ready, after=self._last, limit=limit)
        rows: list[Row[Any]] = []
        for team_id in turns:
            some = select(self._due.table).where(self._due.table.c.team_id == team_id, ready)
            some = some.order_by(self._due).limit(max(1, limit // len(turns)))
            rows += tx.execute(some.with_for_update(skip_locked=True)).all()
            self._last = team_id
        return rows


def _walk(
    tx: Connection,
    due: Column[Any],
    ready: ColumnElement[bool],
    after: str,
    limit: int,
    without: Collection[str],
) -> list[str]:
    rows = due.table
    ahead = rows.alias()
    first = select(func.min(ahead.c.team_id)).where(
        ahead.c[due.name].is_not(None), ahead.c.team_id > after
    )
    walk = select(first.scalar_subquery().label("team_id")).cte("walk", recursive=True)
    behind = select(func.min(ahead.c.team_id)).where(
        ahead.c[due.name].is_not(None), ahead.c.team_id > walk.c.team_id
    )
    walk = walk.union_all(select(behind.scalar_subquery()).where(walk.c.team_id.is_not(None)))
    # A workspace is looked into when the walk comes to it, and the walk ends with the last one
    # wanted. (Of an EXISTS PostgreSQL would make a join, which reads everything.)
    one = select(literal(1)).where(rows.c.team_id == walk.c.team_id, ready).limit(1)
    found = select(walk.c.team_id).where(
        walk.c.team_id.is_not(None), one.correlate(walk).scalar_subquery().is_not(None)
    )
    if without:
        found = found.where(walk.c.team_id.not_in(without))
    return list(tx.execute(found.limit(limit)).scalars())
