"""Watched tasks: which are due, what a look found, and the messages that a change owes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from bot.tasks import TaskId, Transition
from bot.tasks.follow import Followed, Look, Tracked
from bot.tasks.records import Card, CardKind, KnownTask, Watch
from bot.tasks.status import FINAL_STATUSES
from storage.codec import News, task_to_json
from storage.database import Database, upsert
from storage.history import milliseconds, note_run
from storage.owed import owe_news, touch_cards
from storage.rows import to_card, to_tracked, to_watch
from storage.tables import cards, tasks, transitions, watches


@dataclass(frozen=True, slots=True)
class Told:
    """A watch that may have to be told of something, with its card and the card's members."""

    watch: Watch
    card: Card
    members: tuple[KnownTask, ...]
    others_active: int
    """How many of the card's other tasks are still watched."""


Follower = Callable[[Tracked, Look], Followed | None]
Teller = Callable[[Told, Followed], Sequence[tuple[str, News]]]
"""Which messages a change owes to a watch: (what makes it unique, what to tell)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A look at a task, to be written down."""

    team_id: str
    account: str
    task_id: TaskId
    look: Look
    attempt: int | None = None
    """The claim that this look belongs to; ``None`` for a look that somebody asked for."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead a look is ever planned."""

    usual: timedelta
    """Of a task that is in flight and that Beam answers for."""
    longest: timedelta
    """Of any: after a pause that Beam asked for, or to see whether an end stays."""


class TaskStore:
    """Queries over ``tasks`` and ``transitions``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim_due(
        self,
        now: datetime,
        *,
        limit: int,
        lease: timedelta,
        horizon: Horizon,
        closed: Collection[str] = (),
    ) -> list[Tracked]:
        """Take up to ``limit`` tasks whose look is due, the most overdue first.

        A claimed task is not due again before ``lease`` is over, so that another copy takes it
        only if this one died.

        Args:
            now: the current time.
            limit: how many at most.
            lease: how long this copy has to write the result down.
            horizon: looks that are planned further ahead were planned before the clock was set
                back, and are due.
            closed: workspaces whose tasks are left alone.
        """

        def work(tx: Connection) -> list[Tracked]:
            due = select(tasks).where(
                or_(
                    tasks.c.next_check_at <= now,
                    and_(
                        tasks.c.next_check_at > now + horizon.usual,
                        tasks.c.trouble.is_(None),
                        tasks.c.status.not_in(sorted(FINAL_STATUSES)),
                    ),
                    tasks.c.next_check_at > now + horizon.longest,
                )
            )
            if closed:
                due = due.where(tasks.c.team_id.not_in(closed))
            due = due.order_by(tasks.c.next_check_at).limit(limit)
            rows = tx.execute(due.with_for_update(skip_locked=True)).all()
            claimed = [to_tracked(row) for row in rows]
            if claimed:
                tx.execute(
                    update(tasks)
                    .where(*_same_task())
                    .values(next_check_at=now + lease, attempt=bindparam("b_attempt")),
                    [_key(one) | {"b_attempt": one.attempt + 1} for one in claimed],
                )
            return [replace(one, attempt=one.attempt + 1) for one in claimed]

        if limit <= 0:
            return []
        return await self._database.write(work)

    async def record(
        self, seen: Sequence[Observation], *, now: datetime, follow: Follower, tell: Teller
    ) -> list[Transition]:
        """Write down what looks found, and in the same transaction what that owes to whom.

        Args:
            seen: the looks. Those of tasks that are not stored change nothing.
            now: the current time.
            follow: what a look changes.
            tell: what a change owes to one watch.

        Returns:
            The transitions that were recorded.
        """

        def work(tx: Connection) -> list[Transition]:
            keys = {(one.team_id, one.account, one.task_id) for one in seen}
            stored = _load(tx, keys, lock=True)
            changed: list[Transition] = []
            quiet: list[dict[str, object]] = []
            for one in seen:
                key = (one.team_id, one.account, one.task_id)
                before = stored.get(key)
                if before is None or (one.attempt is not None and one.attempt != before.attempt):
                    continue
                followed = follow(before, one.look)
                if followed is None:
                    continue
                after = followed.tracked
                if before.next_check_at is None and one.attempt is None:
                    # Nobody watches it: a look that somebody asked for does not start polling.
                    after = replace(after, next_check_at=None)
                    followed = replace(followed, tracked=after)
                stored[key] = after
                quiet.append(_values(after))
                if followed.card_changed or followed.transition or followed.gone:
                    _write_rows(tx, quiet)
                    quiet.clear()
                    _tell_watches(tx, followed, now, tell)
                if followed.transition:
                    write_transition(tx, one.team_id, one.account, followed.transition)
                    note_run(tx, one.team_id, one.account, after.task, now)
                    changed.append(followed.transition)
            _write_rows(tx, quiet)
            return changed

        if not seen:
            return []
        return await self._database.write(work)

    async def bring_forward(
        self, team_id: str, account: str, task_id: TaskId, now: datetime
    ) -> bool:
        """Have a task that is polled looked at now; tell whether it is polled and was not due."""
        sooner = (
            update(tasks)
            .where(
                tasks.c.team_id == team_id,
                tasks.c.account == account,
                tasks.c.task_id == task_id,
                tasks.c.next_check_at > now,
            )
            .values(next_check_at=now)
        )
        return await self._database.write(lambda tx: tx.execute(sooner).rowcount == 1)

    async def get(self, team_id: str, account: str, ids: Sequence[TaskId]) -> dict[TaskId, Tracked]:
        """Return what is stored of these tasks."""

        def work(tx: Connection) -> dict[TaskId, Tracked]:
            found = _load(tx, {(team_id, account, task_id) for task_id in ids})
            return {tracked.task.id: tracked for tracked in found.values()}

        return await self._database.read(work)

    async def counts(self, now: datetime) -> tuple[int, datetime | None]:
        """Return how many tasks are polled, and when the most overdue look was due."""

        def work(tx: Connection) -> tuple[int, datetime | None]:
            polled = tasks.c.next_check_at.is_not(None)
            row = tx.execute(
                select(func.count(), func.min(tasks.c.next_check_at)).where(polled)
            ).one()
            return row[0], row[1]

        return await self._database.read(work)


def store_task(tx: Connection, tracked: Tracked) -> None:
    """Start to follow a task, or take it up again."""
    values = {name.removeprefix("b_"): value for name, value in _values(tracked).items()}
    statement = upsert(tx, tasks).values(**values)
    update_only = {
        name: statement.excluded[name]
        for name in values
        if name not in ("team_id", "account", "task_id")
    }
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["team_id", "account", "task_id"], set_=update_only
        )
    )


def load_tasks(
    tx: Connection, team_id: str, account: str, ids: set[TaskId], *, lock: bool = False
) -> dict[str, Tracked]:
    """Return what is stored of these tasks, by id; ``lock`` if it decides what is written."""
    found = _load(tx, {(team_id, account, task_id) for task_id in ids}, lock=lock)
    return {tracked.task.id: tracked for tracked in found.values()}


def card_members(tx: Connection, card: Card) -> tuple[tuple[KnownTask, ...], int]:
    """Return what a card shows, in the order asked for, and how many of it are watched."""
    rows = tx.execute(
        select(watches.c.task_id, watches.c.ended_at)
        .where(watches.c.card_id == card.id)
        .order_by(watches.c.id)
    ).all()
    found = load_tasks(tx, card.team_id, card.account, {TaskId(row.task_id) for row in rows})
    members = tuple(found[row.task_id].known for row in rows if row.task_id in found)
    return members, sum(row.ended_at is None for row in rows)


def _tell_watches(tx: Connection, followed: Followed, now: datetime, tell: Teller) -> None:
    tracked = followed.tracked
    status = tracked.task.status
    here = and_(
        watches.c.team_id == tracked.team_id,
        watches.c.account == tracked.account,
        watches.c.task_id == tracked.task.id,
    )
    # A correction of an end is told where that end was told.
    concerned = or_(watches.c.ended_at.is_(None), watches.c.end_reason == "final")
    rows = tx.execute(select(watches).where(here, concerned).order_by(watches.c.id)).all()
    card_ids = {row.card_id for row in rows}
    if not card_ids:
        return
    found = tx.execute(select(cards).where(cards.c.id.in_(card_ids), cards.c.refused.is_(None)))
    by_id = {row.id: to_card(row) for row in found.all()}
    if (followed.transition and status.final) or followed.gone:
        reason = "gone" if followed.gone else "final"
        tx.execute(
            update(watches)
            .where(here, watches.c.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason)
        )
    elif followed.transition and followed.transition.old.final:
        _reopen(tx, [row for row in rows if row.ended_at is not None])
    touch_cards(tx, card_ids, now)
    for row in rows:
        if row.card_id not in by_id:
            continue
        card = by_id[row.card_id]
        members, active = card_members(tx, card) if card.kind is CardKind.GROUP else ((), 0)
        told = Told(to_watch(row), card, members, active)
        for dedupe, news in tell(told, followed):
            owe_news(tx, card, news, dedupe, now)


def _reopen(tx: Connection, ended: Sequence[Row[Any]]) -> None:
    # The task goes on after all, and so do its watches, unless the channel has a newer one.
    newest = {row.channel_id: row for row in ended}
    for row in newest.values():
        taken = select(watches.c.id).where(
            watches.c.team_id == row.team_id,
            watches.c.account == row.account,
            watches.c.channel_id == row.channel_id,
            watches.c.task_id == row.task_id,
            watches.c.ended_at.is_(None),
        )
        if tx.execute(taken).first() is None:
            tx.execute(
                update(watches).where(watches.c.id == row.id).values(ended_at=None, end_reason=None)
            )


def _load(
    tx: Connection, keys: set[tuple[str, str, TaskId]], *, lock: bool = False
) -> dict[tuple[str, str, str], Tracked]:
    accounts: dict[tuple[str, str], list[str]] = {}
    for team_id, account, task_id in keys:
        accounts.setdefault((team_id, account), []).append(task_id)
    found: dict[tuple[str, str, str], Tracked] = {}
    for (team_id, account), ids in sorted(accounts.items()):
        wanted = select(tasks).where(
            tasks.c.team_id == team_id, tasks.c.account == account, tasks.c.task_id.in_(ids)
        )
        # Always in the same order, or two copies would wait for each other.
        ordered = wanted.order_by(tasks.c.task_id)
        rows = tx.execute(ordered.with_for_update() if lock else wanted)
        found |= {(team_id, account, row.task_id): to_tracked(row) for row in rows}
    return found


def _same_task() -> tuple[ColumnElement[bool], ...]:
    return (
        tasks.c.team_id == bindparam("b_team_id"),
        tasks.c.account == bindparam("b_account"),
        tasks.c.task_id == bindparam("b_task_id"),
    )


def _key(tracked: Tracked) -> dict[str, object]:
    return {
        "b_team_id": tracked.team_id,
        "b_account": tracked.account,
        "b_task_id": tracked.task.id,
    }


def _values(tracked: Tracked) -> dict[str, object]:
    return _key(tracked) | {
        "status": str(tracked.task.status),
        "payload": task_to_json(tracked.task),
        "known_at": tracked.known_at,
        "seq": tracked.seq,
        "next_check_at": tracked.next_check_at,
        "attempt": tracked.attempt,
        "failures": tracked.failures,
        "failing_since": tracked.failing_since,
        "trouble": tracked.trouble.value if tracked.trouble else None,
        "rechecks": tracked.rechecks,
        "cancelled_by": tracked.cancelled_by,
    }


def _write_rows(tx: Connection, rows: list[dict[str, object]]) -> None:
    if rows:
        tx.execute(update(tasks).where(*_same_task()), list(rows))


def write_transition(tx: Connection, team_id: str, account: str, change: Transition) -> None:
    """Add a transition to a task's history."""
    tx.execute(
        insert(transitions).values(
            team_id=team_id,
            account=account,
            task_id=change.task_id,
            seq=change.seq,
            old=str(change.old),
            new=str(change.new),
            seen_at=change.seen_at,
            waited_ms=milliseconds(change.waited),
            ran_ms=milliseconds(change.ran),
        )
    )
