"""When a task may next be worth a word (``tasks.nudge_at``), and the nudges that are then owed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from bot.tasks import Task
from bot.tasks.follow import Tracked
from bot.tasks.nudge import Nudge, next_nudge, nudges, wants
from bot.tasks.records import Amended, CardKind, NudgeNews
from bot.tasks.usual import Usual
from storage.codec import news_from_json
from storage.database import Database
from storage.history import usual_of
from storage.owed import owe_news, owe_post, touch_cards
from storage.preferences import silence_of
from storage.rows import to_card, to_tracked, to_watch
from storage.tables import cards, deliveries, tasks, watches

AGAIN = timedelta(minutes=1)
"""When a task that Beam does not answer for is considered again: it may be over by now."""


@dataclass(frozen=True, slots=True)
class ToldNudge:
    """A nudge that was told, and whose thread it is in."""

    account: str
    card_id: int
    news: NudgeNews


class NudgeStore:
    """Queries over ``tasks.nudge_at``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owe(self, now: datetime, *, limit: int) -> int:
        """Owe the nudges that are due, and plan the next ones; return how many tasks were due.

        Nothing is asked of anybody meanwhile, so it is one transaction, without a lease: of
        several copies each takes other tasks, and of one that dies nothing is left half done.
        """

        def work(tx: Connection) -> int:
            rows = tx.execute(
                select(tasks)
                .where(tasks.c.nudge_at <= now)
                .order_by(tasks.c.nudge_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            found = [to_tracked(row) for row in rows]
            usual = _usual(tx, found)
            told: set[int] = set()
            planned: list[tuple[Tracked, datetime | None]] = []
            for one in found:
                if one.trouble is not None and one.next_check_at is not None:
                    planned.append((one, now + AGAIN))
                    continue
                known = usual.get(_key(one))
                if one.trouble is None:
                    due = [nudge for nudge in nudges(one.task, known) if nudge.at <= now]
                    told |= _owe(tx, one, due, known, now)
                planned.append((one, next_nudge(one.task, known, now)))
            touch_cards(tx, told, now)
            _write(tx, planned)
            return len(rows)

        return await self._database.write(work)

    async def told(self, team_id: str, channel_id: str, task: str, ts: str) -> ToldNudge | None:
        """Return the nudge about a task that message ``ts`` of a channel tells."""
        about = select(watches.c.card_id).where(
            watches.c.team_id == team_id,
            watches.c.channel_id == channel_id,
            watches.c.task_id == task,
        )
        wanted = select(deliveries).where(
            deliveries.c.card_id.in_(about), deliveries.c.kind == "nudge", deliveries.c.ts == ts
        )

        def work(tx: Connection) -> ToldNudge | None:
            row = tx.execute(wanted).first()
            news = news_from_json(row.kind, row.data) if row else None
            if row is None or not isinstance(news, NudgeNews):
                return None
            return ToldNudge(row.account, row.card_id, news)

        return await self._database.read(work)


def plan_nudges(tx: Connection, changed: Iterable[Tracked], now: datetime) -> None:
    """Set when tasks whose status has changed are next worth a word."""
    found = list(changed)
    if not found:
        return
    usual = _usual(tx, [one for one in found if one.task.status.in_flight])
    _write(tx, [(one, next_nudge(one.task, usual.get(_key(one)), now)) for one in found])


def amend_nudges(tx: Connection, moved: Tracked, now: datetime) -> None:
    """Have nudges edited that were told of a task which is over now: nothing is left to cancel."""
    if not moved.task.status.final:
        return
    told = tx.execute(
        select(deliveries.c.dedupe, deliveries.c.channel_id, deliveries.c.card_id).where(
            deliveries.c.kind == "nudge",
            deliveries.c.state == "sent",
            deliveries.c.card_id.in_(
                select(watches.c.card_id).where(
                    watches.c.team_id == moved.team_id,
                    watches.c.account == moved.account,
                    watches.c.task_id == moved.task.id,
                )
            ),
        )
    )
    for row in told.all():
        owe_post(
            tx,
            moved.team_id,
            moved.account,
            row.channel_id,
            Amended(row.dedupe),
            f"amended:{row.dedupe}:{moved.seq}",
            now,
            card_id=row.card_id,
        )


def told_nudge(tx: Connection, key: str) -> tuple[str, NudgeNews] | None:
    """Return the message (its ``ts``) that tells the nudge owed under ``key``, if it was sent."""
    row = tx.execute(
        select(deliveries.c.kind, deliveries.c.data, deliveries.c.ts).where(
            deliveries.c.dedupe == key, deliveries.c.state == "sent", deliveries.c.ts.is_not(None)
        )
    ).first()
    news = news_from_json(row.kind, row.data) if row else None
    return (row.ts, news) if row and isinstance(news, NudgeNews) else None


def _owe(
    tx: Connection, one: Tracked, due: list[Nudge], usual: Usual | None, now: datetime
) -> set[int]:
    """Owe nudges to the watches that were there when they became true; return their cards.

    Who watched it later has read on the card how long it had taken by then. A group is told
    nothing: its card says it in the rows, and the estimate of its end moves; fifty members that
    take long would be fifty replies.
    """
    if not due:
        return set()
    rows = tx.execute(
        select(watches)
        .where(
            watches.c.team_id == one.team_id,
            watches.c.account == one.account,
            watches.c.task_id == one.task.id,
            watches.c.ended_at.is_(None),
        )
        .order_by(watches.c.id)
    )
    told: set[int] = set()
    for watch in map(to_watch, rows.all()):
        if silence_of(tx, watch.team_id, watch.channel_id, now)[1] is not None:
            # What takes long now may be over by the end of the silence; the card says it.
            told.add(watch.card_id)
            continue
        row = tx.execute(
            select(cards).where(cards.c.id == watch.card_id, cards.c.refused.is_(None))
        ).first()
        if row is None or row.kind != CardKind.TASK.value:
            continue
        card = to_card(row)
        for nudge in due:
            if nudge.at < watch.created_at or not wants(watch.level, nudge.kind):
                continue
            news = NudgeNews(one.task, nudge.kind, usual or Usual(), now, watch.owner_id)
            owe_news(tx, card, news, f"nudge:{nudge.kind}:{one.task.id}", now)
            told.add(card.id)
    return told


def _usual(tx: Connection, found: Iterable[Tracked]) -> dict[tuple[str, str, str], Usual]:
    names: dict[tuple[str, str], set[str]] = {}
    for one in found:
        names.setdefault((one.team_id, one.account), set()).add(_name(one.task))
    return {
        (team_id, account, name): usual
        for (team_id, account), wanted in names.items()
        for name, usual in usual_of(tx, team_id, account, wanted).items()
    }


def _key(one: Tracked) -> tuple[str, str, str]:
    return one.team_id, one.account, _name(one.task)


def _name(task: Task) -> str:
    return task.function or task.stub_name or ""


def _write(tx: Connection, planned: list[tuple[Tracked, datetime | None]]) -> None:
    if not planned:
        return
    tx.execute(
        update(tasks)
        .where(
            tasks.c.team_id == bindparam("b_team_id"),
            tasks.c.account == bindparam("b_account"),
            tasks.c.task_id == bindparam("b_task_id"),
        )
        .values(nudge_at=bindparam("b_nudge_at")),
        [
            {
                "b_team_id": one.team_id,
                "b_account": one.account,
                "b_task_id": one.task.id,
                "b_nudge_at": at,
            }
            for one, at in planned
        ],
    )
