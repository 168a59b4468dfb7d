"""What one person may see of all watches: their own, and those of channels open to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from bot.tasks import TaskId
from bot.tasks.follow import SHOWN_AFTER
from bot.tasks.home import FAILED_WITHIN, LONG_WAIT, Attention, Concern, Counts, HomePage
from bot.tasks.records import KnownTask, WatchPage, WatchRow
from bot.tasks.status import FINAL_STATUSES
from storage.database import Database
from storage.rows import to_card
from storage.tables import cards, channels, runs, tasks, watches
from storage.tasks import card_members, load_tasks

ROWS = 12
"""Watches on a page: two such lists and what needs attention must fit into 100 blocks."""

MOST_CONCERNS = 6
"""Tasks of each concern."""

_LOOKED_THROUGH = 200
"""Waiting tasks that are looked through for those that waited long."""

_BAD = sorted(FINAL_STATUSES - {"COMPLETE", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and which channels are open to them; ``None`` if Slack does not say."""

    team_id: str
    account: str
    user_id: str
    channels: Collection[str] | None


class HomeStore:
    """Queries over ``watches``, ``tasks`` and ``runs`` for one person's eyes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, viewer: Viewer, mine: int, others: int, now: datetime) -> HomePage:
        """Return what a person's Home shows, with these pages of the two lists (from 1)."""

        def work(tx: Connection) -> HomePage:
            seen = _Seen(tx, viewer)
            return HomePage(
                viewer.user_id,
                now,
                seen.counts(now),
                tuple(seen.attention(now)),
                seen.list(seen.own, mine),
                seen.list(and_(seen.open, ~seen.own), others),
                viewer.channels is not None,
            )

        return await self._database.read(work)

    async def row(self, viewer: Viewer, card_id: int) -> WatchRow | None:
        """Return a card and what is watched on it, if this person may see it."""

        def work(tx: Connection) -> WatchRow | None:
            seen = _Seen(tx, viewer)
            which = select(watches.c.card_id).where(
                watches.c.card_id == card_id, seen.here, seen.visible
            )
            row = tx.execute(select(cards).where(cards.c.id.in_(which))).first()
            return _row(tx, row) if row else None

        return await self._database.read(work)


class _Seen:
    """The conditions that keep one person's eyes to what they may see."""

    def __init__(self, tx: Connection, viewer: Viewer) -> None:
        self._tx = tx
        self._viewer = viewer
        self.here = and_(watches.c.team_id == viewer.team_id, watches.c.account == viewer.account)
        self.own = watches.c.owner_id == viewer.user_id
        # Of all channels of a workspace few were ever told anything.
        told = select(channels.c.channel_id).where(channels.c.team_id == viewer.team_id)
        known = {row.channel_id for row in tx.execute(told)} & set(viewer.channels or ())
        self.open: ColumnElement[bool] = watches.c.channel_id.in_(sorted(known))
        self.visible = or_(self.own, self.open)
        self._active = and_(self.here, watches.c.ended_at.is_(None))
        self._task = and_(
            tasks.c.team_id == watches.c.team_id,
            tasks.c.account == watches.c.account,
            tasks.c.task_id == watches.c.task_id,
        )

    def counts(self, now: datetime) -> Counts:
        """Return how many tasks are in which state."""
        joined = watches.join(tasks, self._task)
        many = func.count(tasks.c.task_id.distinct())
        active = select(tasks.c.status, many.label("many")).select_from(joined)
        by_status = {
            row.status: row.many
            for row in self._tx.execute(
                active.where(self._active, self.visible).group_by(tasks.c.status)
            )
        }
        stale = select(many).select_from(joined).where(self._active, self.visible, _stale())
        failed = self._failed(now).with_only_columns(func.count(runs.c.task_id.distinct()))
        waiting = by_status.pop("PENDING", 0) + by_status.pop("RETRY", 0)
        running = by_status.pop("RUNNING", 0)
        return Counts(
            waiting,
            running,
            sum(many for status, many in by_status.items() if status not in FINAL_STATUSES),
            self._tx.execute(failed).scalar_one(),
            self._tx.execute(stale).scalar_one(),
        )

    def attention(self, now: datetime) -> Iterable[Attention]:
        """Yield tasks that need attention, each once."""
        told: set[TaskId] = set()
        failed = self._failed(now).with_only_columns(watches.c.task_id, watches.c.card_id)
        yield from self._concerned(
            Concern.FAILED, failed.order_by(self._mine_first(), runs.c.ended_at.desc()), told
        )
        active = (
            select(watches.c.task_id, watches.c.card_id)
            .select_from(watches.join(tasks, self._task))
            .where(self._active, self.visible)
        )
        stale = active.where(_stale()).order_by(self._mine_first(), tasks.c.known_at)
        yield from self._concerned(Concern.STALE, stale, told)
        waiting = active.where(tasks.c.status == "PENDING")
        waiting = waiting.order_by(self._mine_first(), watches.c.created_at, watches.c.id)
        yield from self._concerned(Concern.WAITING, waiting, told, _LOOKED_THROUGH, now)

    def list(self, which: ColumnElement[bool], page: int) -> WatchPage:
        """Return a page of active watches, newest first; a group is one row."""
        grouped = select(watches.c.card_id).where(self._active, which).group_by(watches.c.card_id)
        total = self._tx.execute(select(func.count()).select_from(grouped.subquery())).scalar_one()
        pages = max(1, -(-total // ROWS))
        number = min(max(1, page), pages)
        rows = self._tx.execute(
            select(cards)
            .where(cards.c.id.in_(grouped))
            .order_by(cards.c.id.desc())
            .limit(ROWS)
            .offset((number - 1) * ROWS)
        ).all()
        return WatchPage(tuple(_row(self._tx, row) for row in rows), number, pages, total)

    def _failed(self, now: datetime) -> Select[Any]:
        return (
            select(runs)
            .select_from(
                runs.join(
                    watches,
                    and_(
                        runs.c.team_id == watches.c.team_id,
                        runs.c.account == watches.c.account,
                        runs.c.task_id == watches.c.task_id,
                    ),
                )
            )
            .where(
                runs.c.team_id == self._viewer.team_id,
                runs.c.account == self._viewer.account,
                runs.c.ended_at >= now - FAILED_WITHIN,
                runs.c.status.in_(_BAD),
                self.visible,
            )
        )

    def _mine_first(self) -> ColumnElement[int]:
        return case((self.own, 0), else_=1)

    def _concerned(
        self,
        concern: Concern,
        which: Select[Any],
        told: set[TaskId],
        limit: int = 4 * MOST_CONCERNS,
        long_at: datetime | None = None,
    ) -> Iterable[Attention]:
        viewer, shown = self._viewer, 0
        rows = self._tx.execute(which.limit(limit)).all()
        ids = {TaskId(row.task_id) for row in rows}
        found = load_tasks(self._tx, viewer.team_id, viewer.account, ids)
        places = {row.card_id for row in rows}
        by_id = {
            row.id: to_card(row)
            for row in self._tx.execute(select(cards).where(cards.c.id.in_(places)))
        }
        for row in rows:
            tracked = found.get(row.task_id)
            if tracked is None or row.task_id in told or shown == MOST_CONCERNS:
                continue
            if long_at is not None and not _waits_long(tracked.known, long_at):
                continue
            told.add(tracked.task.id)
            shown += 1
            yield Attention(concern, tracked.known, by_id[row.card_id])


def _stale() -> ColumnElement[bool]:
    return and_(tasks.c.trouble.is_not(None), tasks.c.failures >= SHOWN_AFTER)


def _waits_long(known: KnownTask, now: datetime) -> bool:
    waited = known.task.waited(now)
    return known.trouble is None and waited is not None and waited >= LONG_WAIT


def _row(tx: Connection, row: Row[Any]) -> WatchRow:
    card = to_card(row)
    members, _ = card_members(tx, card)
    return WatchRow(card, members, card.owner_id, card.level, card.created_at)
