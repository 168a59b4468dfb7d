"""Watches and their cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, insert, select, update

from bot.tasks import Level, TaskId
from bot.tasks.follow import Tracked
from bot.tasks.records import (
    Card,
    CardKind,
    CardView,
    KnownTask,
    Place,
    Watch,
    WatchPage,
    WatchRow,
)
from storage.database import Database
from storage.groups import with_group
from storage.history import note_run
from storage.limits import WatchLimits
from storage.nudges import plan_nudges
from storage.owed import owe_card, stop_polling_unwatched, touch_cards
from storage.preferences import preferences_of
from storage.rows import to_card, to_watch
from storage.tables import cards, watches
from storage.tasks import card_members, load_tasks, store_task

PAGE_ROWS = 10

ENDED_AT_ONCE = 5_000
"""Watches that one statement ends: SQLite takes 32,766 values, PostgreSQL 65,535."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a request to watch wrote."""

    card_id: int | None
    already: tuple[Watch, ...]
    already_cards: tuple[Card, ...]
    finished: tuple[KnownTask, ...]


class WatchStore:
    """Queries over ``watches`` and ``cards``.

    Args:
        database: where they are.
        limits: how many a workspace and a channel may watch.
    """

    def __init__(self, database: Database, limits: WatchLimits | None = None) -> None:
        self._database = database
        self._limits = limits or WatchLimits()

    async def add(
        self,
        place: Place,
        found: Sequence[KnownTask],
        level: Level | None,
        *,
        now: datetime,
        start: Callable[[KnownTask, Tracked | None], Tracked],
    ) -> Added:
        """Watch tasks in a channel with one card, which is owed to the channel from now on.

        Tasks that the channel watches already are left as they are, but for the level if one is
        named. Finished tasks are on the card without being watched.

        Args:
            place: the channel (and thread) that is to be told, and who asks.
            found: the tasks as they were just found.
            level: what to tell; ``None`` for what the channel wants.
            now: the current time.
            start: how a task is tracked from now on, given what was stored of it.

        Raises:
            TooMany: there is no room for all of them; nothing was written.
        """

        def work(tx: Connection) -> Added:
            ids = {known.task.id for known in found}
            active = {
                row.task_id: to_watch(row)
                for row in tx.execute(
                    _active(place).where(
                        watches.c.account == place.account, watches.c.task_id.in_(ids)
                    )
                )
            }
            already = tuple(active[known.task.id] for known in found if known.task.id in active)
            new = [known for known in found if known.task.id not in active]
            more = sum(not known.task.status.final for known in new)
            self._limits.require(tx, place, more, now)
            if level and already:
                _change_level(tx, already, level, now)
            default = preferences_of(tx, place.team_id, place.channel_id).level
            card_id, finished = _new_card(tx, place, new, level or default, now, start)
            shown = {watch.card_id for watch in already}
            old_cards = tx.execute(select(cards).where(cards.c.id.in_(shown)).order_by(cards.c.id))
            return Added(
                card_id,
                already,
                tuple(to_card(row) for row in old_cards),
                finished,
            )

        return await self._database.write(work)

    async def end(
        self,
        place: Place,
        *,
        now: datetime,
        ids: Sequence[TaskId] | None = None,
        card_id: int | None = None,
        reason: str = "unwatched",
    ) -> list[Watch]:
        """End watches of a channel: those of ``ids``, of one card, or all; return them."""

        def work(tx: Connection) -> list[Watch]:
            wanted = _active(place)
            if ids is not None:
                wanted = wanted.where(watches.c.task_id.in_(ids))
            if card_id is not None:
                wanted = wanted.where(watches.c.card_id == card_id)
            rows = tx.execute(wanted.order_by(watches.c.id).with_for_update())
            ended = [to_watch(row) for row in rows]
            end_watches(tx, ended, reason, now)
            return ended

        return await self._database.write(work)

    async def active(self, place: Place, ids: Sequence[TaskId]) -> dict[TaskId, Watch]:
        """Return which of these tasks a channel watches."""

        def work(tx: Connection) -> dict[TaskId, Watch]:
            rows = tx.execute(
                _active(place).where(watches.c.account == place.account, watches.c.task_id.in_(ids))
            )
            return {TaskId(row.task_id): to_watch(row) for row in rows}

        return await self._database.read(work)

    async def watches_of(
        self, team_id: str, account: str, ids: Sequence[TaskId], user_id: str
    ) -> set[TaskId]:
        """Return which of these tasks a person watches, in any channel."""

        def work(tx: Connection) -> set[TaskId]:
            rows = tx.execute(
                select(watches.c.task_id).where(
                    watches.c.team_id == team_id,
                    watches.c.account == account,
                    watches.c.task_id.in_(ids),
                    watches.c.owner_id == user_id,
                    watches.c.ended_at.is_(None),
                )
            )
            return {TaskId(row.task_id) for row in rows}

        return await self._database.read(work)

    async def by_prefix(self, place: Place, prefix: str) -> list[TaskId]:
        """Return the tasks of this channel whose id starts so: those watched, else once watched."""

        def work(tx: Connection) -> list[TaskId]:
            ever = (
                select(
                    watches.c.task_id, func.max(case((watches.c.ended_at.is_(None), 1), else_=0))
                )
                .where(
                    _here(place),
                    watches.c.task_id.startswith(prefix, autoescape=True),
                )
                .group_by(watches.c.task_id)
                .limit(20)
            )
            rows = tx.execute(ever).all()
            now_watched = [row[0] for row in rows if row[1]]
            return [TaskId(task_id) for task_id in now_watched or [row[0] for row in rows]]

        return await self._database.read(work)

    async def page(self, place: Place, page: int) -> WatchPage:
        """Return one page of a channel's watches, newest first; pages count from 1."""

        def work(tx: Connection) -> WatchPage:
            grouped = (
                select(watches.c.card_id)
                .where(_here(place), watches.c.ended_at.is_(None))
                .group_by(watches.c.card_id)
            )
            total = tx.execute(select(func.count()).select_from(grouped.subquery())).scalar_one()
            pages = max(1, -(-total // PAGE_ROWS))
            number = min(max(1, page), pages)
            rows = tx.execute(
                select(cards)
                .where(cards.c.id.in_(grouped))
                .order_by(cards.c.id.desc())
                .limit(PAGE_ROWS)
                .offset((number - 1) * PAGE_ROWS)
            ).all()
            listed = []
            for row in rows:
                card = to_card(row)
                members, _ = card_members(tx, card)
                listed.append(WatchRow(card, members, card.owner_id, card.level, card.created_at))
            return WatchPage(tuple(listed), number, pages, total)

        return await self._database.read(work)

    async def card(self, card_id: int) -> tuple[CardView, str | None] | None:
        """Return a card with all that it shows, and why Slack refused it, if it did."""
        return await self._database.read(lambda tx: _view_of(tx, cards.c.id == card_id))

    async def card_at(self, place: Place, ts: str) -> CardView | None:
        """Return the card whose message is ``ts`` in a channel."""
        here = and_(
            cards.c.team_id == place.team_id,
            cards.c.channel_id == place.channel_id,
            cards.c.ts == ts,
        )
        found = await self._database.read(lambda tx: _view_of(tx, here))
        return found[0] if found else None

    async def touch(self, card_ids: set[int], now: datetime) -> None:
        """Have cards shown anew."""
        await self._database.write(lambda tx: touch_cards(tx, card_ids, now))

    async def count(self) -> int:
        """Return how many watches are active."""
        active = select(func.count()).where(watches.c.ended_at.is_(None))
        return await self._database.read(lambda tx: int(tx.execute(active).scalar_one()))


def end_watches(tx: Connection, ended: Sequence[Watch], reason: str, now: datetime) -> None:
    """End watches; their cards say so, and what nobody watches is asked about no more."""
    for begin in range(0, len(ended), ENDED_AT_ONCE):
        some = ended[begin : begin + ENDED_AT_ONCE]
        tx.execute(
            update(watches)
            .where(watches.c.id.in_([watch.id for watch in some]))
            .values(ended_at=now, end_reason=reason)
        )
        touch_cards(tx, {watch.card_id for watch in some}, now)
        for team_id, account in {(watch.team_id, watch.account) for watch in some}:
            ids = {str(w.task_id) for w in some if (w.team_id, w.account) == (team_id, account)}
            stop_polling_unwatched(tx, team_id, account, ids)


def view_card(tx: Connection, card: Card) -> CardView:
    """Return a card with all that it shows."""
    members, active = card_members(tx, card)
    muted = preferences_of(tx, card.team_id, card.channel_id).muted_until
    return with_group(tx, CardView(card, members, active > 0, muted_until=muted))


def _view_of(tx: Connection, which: ColumnElement[bool]) -> tuple[CardView, str | None] | None:
    row = tx.execute(select(cards).where(which)).first()
    return (view_card(tx, to_card(row)), row.refused) if row else None


def _here(place: Place) -> ColumnElement[bool]:
    return and_(
        watches.c.team_id == place.team_id,
        watches.c.channel_id == place.channel_id,
    )


def _active(place: Place) -> Select[Any]:
    return select(watches).where(
        _here(place),
        watches.c.ended_at.is_(None),
    )


def _change_level(tx: Connection, which: Sequence[Watch], level: Level, now: datetime) -> None:
    moved = [watch for watch in which if watch.level is not level]
    tx.execute(
        update(watches).where(watches.c.id.in_([w.id for w in moved])).values(level=level.value)
    )
    card_ids = {watch.card_id for watch in moved}
    tx.execute(update(cards).where(cards.c.id.in_(card_ids)).values(level=level.value))
    touch_cards(tx, card_ids, now)


def _new_card(
    tx: Connection,
    place: Place,
    new: Sequence[KnownTask],
    level: Level,
    now: datetime,
    start: Callable[[KnownTask, Tracked | None], Tracked],
) -> tuple[int | None, tuple[KnownTask, ...]]:
    if not new:
        return None, ()
    kind = CardKind.GROUP if len(new) > 1 else CardKind.TASK
    result = tx.execute(
        insert(cards).values(
            team_id=place.team_id,
            account=place.account,
            channel_id=place.channel_id,
            thread_ts=place.thread_ts,
            kind=kind.value,
            owner_id=place.user_id,
            level=level.value,
            wanted=1,
            shown=0,
            created_at=now,
        )
    )
    (card_id,) = result.inserted_primary_key or (0,)
    ids = {known.task.id for known in new}
    stored = load_tasks(tx, place.team_id, place.account, ids, lock=True)
    followed = [start(known, stored.get(known.task.id)) for known in new]
    for known, tracked in zip(new, followed, strict=True):
        # It may have ended since it was found: then nobody will ever see that end again.
        over = tracked.task.status.final
        store_task(tx, tracked)
        note_run(tx, place.team_id, place.account, known.task, now)
        tx.execute(
            insert(watches).values(
                team_id=place.team_id,
                account=place.account,
                channel_id=place.channel_id,
                task_id=known.task.id,
                card_id=card_id,
                owner_id=place.user_id,
                level=level.value,
                created_at=now,
                ended_at=now if over else None,
                end_reason="over" if over else None,
            )
        )
    plan_nudges(tx, followed, now)
    owe_card(tx, card_id, place.team_id, place.account, place.channel_id, now)
    return card_id, tuple(one.known for one in followed if one.task.status.final)
