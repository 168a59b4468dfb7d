"""Watched tasks, read and written many at a time: what a check costs is decided here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    not_,
    or_,
    select,
    update,
)

from bot.tasks.follow import Tracked
from bot.tasks.status import FINAL_STATUSES
from storage.codec import task_to_json
from storage.rows import to_tracked
from storage.tables import tasks

CLOCK_SLACK = timedelta(seconds=2)
"""How far ahead of the clock a written time may lie before it means that the clock was set back."""

Key = tuple[str, str, str]
"""Workspace, account and id of a task."""

Account = tuple[str, str]
"""A workspace, and the name of one of its Beam accounts."""

Allowed = Callable[[Account, int], int]
"""How many tasks of an account may be taken, where there is room for so many in all."""

ROUNDS = 4
"""How often one claim looks past accounts of which it has enough; the next claim does the rest."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead a look is ever planned."""

    usual: timedelta
    """Of a task that is in flight and that Beam answers for."""
    longest: timedelta
    """Of any: after a pause that Beam asked for, or to see whether an end stays."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Tasks that were taken."""

    tasks: list[Tracked]
    crowded: tuple[Account, ...]
    """Accounts of which more is due than was allowed."""


def claim(
    tx: Connection,
    now: datetime,
    *,
    limit: int,
    lease: timedelta,
    horizon: Horizon,
    closed: Collection[str],
    allowed: Allowed,
    crowded: Sequence[Account],
) -> Claimed:
    """Take tasks whose look is due; see ``TaskStore.claim_due``."""
    taking = _Taking(limit, allowed)
    for one in crowded:
        # Each by a query of its own: none of them waits behind the backlog of another.
        most = min(taking.left(one), taking.room)
        if one[0] in closed:
            continue
        if most <= 0:
            taking.crowded[one] = None
            continue
        due = select(tasks).where(_of(one), tasks.c.next_check_at <= now)
        taking.take(tx.execute(_claimable(_soonest(due), most + 1)).all())
    passed = list(crowded)
    for _ in range(ROUNDS):
        if taking.room <= 0:
            break
        over = taking.take(tx.execute(_claimable(_overdue(now, closed, passed), taking.room)).all())
        if not over:
            break
        passed += over
    if taking.room > 0:
        ahead = _claimable(_too_far_ahead(now, horizon, closed), taking.room)
        taking.take(tx.execute(ahead).all(), overdue=False)
    claimed = [to_tracked(row) for row in taking.rows]
    keys = [(one.team_id, one.account, one.task.id) for one in claimed]
    for (team_id, account), ids in _by_account(keys).items():
        tx.execute(
            update(tasks)
            .where(_these(team_id, account, ids))
            .values(next_check_at=now + lease, attempt=tasks.c.attempt + 1)
        )
    raised = [replace(one, attempt=one.attempt + 1) for one in claimed]
    return Claimed(raised, tuple(taking.crowded))


@dataclass(slots=True)
class _Taking:
    """Rows that are taken, no more of an account than is allowed."""

    limit: int
    allowed: Allowed
    rows: list[Row[Any]] = field(default_factory=list)
    crowded: dict[Account, None] = field(default_factory=dict)
    _left: dict[Account, int] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """How many more may be taken in all."""
        return self.limit - len(self.rows)

    def left(self, account: Account) -> int:
        """Return how many more of an account may be taken."""
        if account not in self._left:
            self._left[account] = self.allowed(account, self.room)
        return self._left[account]

    def take(self, rows: Sequence[Row[Any]], *, overdue: bool = True) -> list[Account]:
        """Take what may be taken; return the accounts of which there is more than that."""
        over: dict[Account, None] = {}
        for row in rows:
            account = (row.team_id, row.account)
            if self.left(account) > 0 and self.room > 0:
                self._left[account] -= 1
                self.rows.append(row)
            elif overdue:
                over[account] = None
        self.crowded |= over
        return list(over)


def _claimable(due: Select[Any], limit: int) -> Select[Any]:
    return due.limit(limit).with_for_update(skip_locked=True)


def load(
    tx: Connection,
    keys: Collection[Key],
    at_hand: Mapping[Key, Tracked | None] | None = None,
    *,
    lock: bool = False,
) -> dict[Key, Tracked]:
    """Read tasks.

    Args:
        tx: the transaction.
        keys: the tasks.
        at_hand: what was read of them before: a payload that has not changed is not read again.
        lock: nobody else may write them until the transaction ends.
    """
    found: dict[Key, Tracked] = {}
    if at_hand:
        held = [key for key in keys if at_hand.get(key) is not None]
        for row in _rows(tx, held, _WITHOUT_PAYLOAD, lock=lock):
            key = (row.team_id, row.account, row.task_id)
            old = at_hand[key]
            if old is not None and _same_payload(old, row):
                found[key] = to_tracked(row, old.task)
    for row in _rows(tx, [key for key in keys if key not in found], tasks.c, lock=lock):
        found[(row.team_id, row.account, row.task_id)] = to_tracked(row)
    return found


def _rows(
    tx: Connection, keys: Collection[Key], columns: Iterable[Column[Any]], *, lock: bool
) -> Iterator[Row[Any]]:
    for (team_id, account), ids in sorted(_by_account(keys).items()):
        wanted = select(*columns).where(_these(team_id, account, ids))
        # Always in the same order, or two copies would wait for each other.
        ordered = wanted.order_by(tasks.c.task_id)
        yield from tx.execute(ordered.with_for_update() if lock else wanted)


_WITHOUT_PAYLOAD = [column for column in tasks.c if column.name != "payload"]


def _same_payload(old: Tracked, row: Row[Any]) -> bool:
    # A payload is never written without these.
    return (old.known_at, old.seq, str(old.task.status)) == (row.known_at, row.seq, row.status)


def _by_account(keys: Collection[Key]) -> dict[tuple[str, str], list[str]]:
    accounts: dict[tuple[str, str], list[str]] = {}
    for team_id, account, task_id in keys:
        accounts.setdefault((team_id, account), []).append(task_id)
    return accounts


def _these(team_id: str, account: str, ids: Sequence[str]) -> ColumnElement[bool]:
    return and_(tasks.c.team_id == team_id, tasks.c.account == account, tasks.c.task_id.in_(ids))


def _of(account: Account) -> ColumnElement[bool]:
    return and_(tasks.c.team_id == account[0], tasks.c.account == account[1])


def _soonest(due: Select[Any]) -> Select[Any]:
    # By the index over time: through the one over accounts SQLite would read and sort all that is
    # due of an account before it takes the first few.
    by_time = due.with_hint(tasks, "INDEXED BY ix_tasks_due", "sqlite")
    return by_time.order_by(tasks.c.next_check_at)


def _overdue(now: datetime, closed: Collection[str], passed: Collection[Account]) -> Select[Any]:
    # A query of its own: together with the other conditions SQLite would read and sort all that
    # is due before it takes the first few.
    due = select(tasks).where(
        tasks.c.next_check_at <= now, *(not_(_of(account)) for account in passed)
    )
    return _soonest(due.where(tasks.c.team_id.not_in(closed)) if closed else due)


def _too_far_ahead(now: datetime, horizon: Horizon, closed: Collection[str]) -> Select[Any]:
    flying = and_(tasks.c.trouble.is_(None), tasks.c.status.not_in(sorted(FINAL_STATUSES)))
    ahead = select(tasks).where(
        tasks.c.next_check_at > now + horizon.usual,
        or_(
            flying,
            # Known, or failing, since a time that is still to come: the clock was set back.
            and_(tasks.c.trouble.is_(None), tasks.c.known_at > now + CLOCK_SLACK),
            tasks.c.failing_since > now + CLOCK_SLACK,
            tasks.c.next_check_at > now + horizon.longest,
        ),
    )
    return ahead.where(tasks.c.team_id.not_in(closed)) if closed else ahead


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


def values_of(tracked: Tracked) -> dict[str, object]:
    """Return a row of ``tasks``; the names of its key are those of :func:`write_changes`."""
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


def write_changes(tx: Connection, old: dict[Key, Tracked], new: dict[Key, Tracked]) -> None:
    """Write what differs from ``old``, and no more: most looks only move two times."""
    moved: list[dict[str, object]] = []
    rest: list[dict[str, object]] = []
    for key, before in old.items():
        after = new[key]
        times = {"known_at": after.known_at, "next_check_at": after.next_check_at}
        if after == replace(before, known_at=after.known_at, next_check_at=after.next_check_at):
            moved.append(_key(after) | times)
        else:
            rest.append(values_of(after))
    for rows in (moved, rest):
        if rows:
            tx.execute(update(tasks).where(*_same_task()), rows)
