"""Watched tasks: which are due, what a look found, and the messages that a change owes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from bot.tasks import TaskId, Transition
from bot.tasks.follow import Followed, Look, Tracked
from bot.tasks.preferences import Preferences
from bot.tasks.records import Card, CardKind, KnownTask, Trouble, Watch
from bot.tasks.usual import Usual
from storage.batches import (
    Account,
    Allowed,
    Claimed,
    Horizon,
    Key,
    claim,
    load,
    values_of,
    write_changes,
)
from storage.cancel_reasons import cancel_reasons
from storage.codec import News
from storage.database import Database, upsert
from storage.history import milliseconds, note_run, usual_of
from storage.nudges import amend_nudges, plan_nudges
from storage.owed import owe_news, touch_cards
from storage.preferences import expect_summary, silence_of
from storage.retold import told_before
from storage.rows import to_card, to_watch
from storage.tables import cards, tasks, transitions, watches


@dataclass(frozen=True, slots=True)
class Told:
    """A watch that may have to be told of something, with its card and the card's members."""

    watch: Watch
    card: Card
    members: tuple[KnownTask, ...]
    others_active: int
    """How many of the card's other tasks are still watched."""
    preferences: Preferences = field(default_factory=Preferences)
    """What the channel wants to hear."""
    silent: bool = False
    """Whether the channel wants to hear nothing now."""
    retries: int = 0
    """How many retries its card's thread was told of since the task was last over."""
    untold: tuple[Transition, ...] = ()
    """Earlier changes, oldest first, since the last one that was told."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that a change owes to a watch."""

    dedupe: str
    """What makes it unique among those of its card."""
    news: News
    held: bool = False
    """Whether it is kept back until the channel's silence is over."""


Follower = Callable[[Tracked, Look], Followed | None]
Teller = Callable[[Told, Followed], Sequence[Owed]]
"""Which messages a change owes to a watch."""

Silences = dict[tuple[str, str], tuple[Preferences, datetime | None]]
"""What channels want, and until when they want to hear nothing; read once a batch."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A look at a task, to be written down."""

    team_id: str
    account: str
    task_id: TaskId
    look: Look
    attempt: int | None = None
    """The claim that this look belongs to; ``None`` for a look that somebody asked for."""
    claimed: Tracked | None = None
    """What was claimed, so that it need not be read again if nothing happened meanwhile."""


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
        allowed: Allowed | None = None,
        crowded: Sequence[Account] = (),
    ) -> Claimed:
        """Take up to ``limit`` tasks whose look is due, the most overdue first.

        A claimed task is not due again before ``lease`` is over, so that another copy takes it
        only if this one died. Of no account more is taken than is allowed, and what is due of
        others is found behind it.

        Args:
            now: the current time.
            limit: how many at most.
            lease: how long this copy has to write the result down.
            horizon: looks that are planned further ahead were planned before the clock was set
                back, and are due.
            closed: workspaces whose tasks are left alone.
            allowed: how many may be taken of an account; if not given, all.
            crowded: accounts that the claim before found crowded, those first that had to wait
                longest: what is theirs is asked for by itself, and others' without it.
        """

        def work(tx: Connection) -> Claimed:
            return claim(
                tx,
                now,
                limit=limit,
                lease=lease,
                horizon=horizon,
                closed=closed,
                allowed=allowed or (lambda *_: limit),
                crowded=crowded,
            )

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
            at_hand: dict[Key, Tracked | None] = {
                (one.team_id, one.account, one.task_id): one.claimed for one in seen
            }
            stored = load(tx, at_hand, at_hand, lock=True)
            # What is not written yet, as it was before.
            unwritten: dict[Key, Tracked] = {}
            changed: list[Transition] = []
            moved: dict[Key, Tracked] = {}
            silences: Silences = {}
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
                unwritten.setdefault(key, before)
                if followed.card_changed or followed.transition or followed.gone:
                    # What is told is read from the rows.
                    write_changes(tx, unwritten, stored)
                    unwritten.clear()
                    _tell_watches(tx, followed, now, tell, silences)
                if followed.transition:
                    write_transition(tx, one.team_id, one.account, followed.transition)
                    note_run(tx, one.team_id, one.account, after.task, now)
                    changed.append(followed.transition)
                    moved[key] = after
                    amend_nudges(tx, after, now)
            write_changes(tx, unwritten, stored)
            plan_nudges(tx, moved.values(), now)
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

    async def hurry(self, team_id: str, account: str, trouble: Trouble, now: datetime) -> None:
        """Make all tasks of an account due that wait because of ``trouble``."""
        waiting = (
            update(tasks)
            .where(
                tasks.c.team_id == team_id,
                tasks.c.account == account,
                tasks.c.trouble == trouble.value,
                tasks.c.next_check_at > now,
            )
            .values(next_check_at=now)
        )
        await self._database.write(lambda tx: tx.execute(waiting))

    async def get(self, team_id: str, account: str, ids: Sequence[TaskId]) -> dict[TaskId, Tracked]:
        """Return what is stored of these tasks."""

        def work(tx: Connection) -> dict[TaskId, Tracked]:
            return {one.task.id: one for one in load_tasks(tx, team_id, account, set(ids)).values()}

        return await self._database.read(work)

    async def usual(
        self, team_id: str, account: str, found: Sequence[KnownTask]
    ) -> dict[str, Usual]:
        """Return what is usual of the functions of those of these tasks that are in flight."""
        flying = (known.task for known in found if known.task.status.in_flight)
        names = {name for task in flying if (name := task.function or task.stub_name)}
        if not names:
            return {}
        return await self._database.read(lambda tx: usual_of(tx, team_id, account, names))

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
    values = {name.removeprefix("b_"): value for name, value in values_of(tracked).items()}
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
    found = load(tx, {(team_id, account, task_id) for task_id in ids}, lock=lock)
    reasons = cancel_reasons(tx, team_id, account, found.values())
    return {
        one.task.id: replace(one, cancel_reason=reasons.get(one.task.id)) if reasons else one
        for one in found.values()
    }


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


def _tell_watches(
    tx: Connection, followed: Followed, now: datetime, tell: Teller, silences: Silences
) -> None:
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
        place = (card.team_id, card.channel_id)
        if place not in silences:
            silences[place] = silence_of(tx, *place, now)
        known, silent_until = silences[place]
        retries, untold = told_before(tx, card, followed.transition)
        told = Told(
            to_watch(row), card, members, active, known, silent_until is not None, retries, untold
        )
        for owed in tell(told, followed):
            owe_news(tx, card, owed.news, owed.dedupe, now, held=owed.held)
            if owed.held and silent_until is not None:
                expect_summary(tx, *place, silent_until, now)


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
