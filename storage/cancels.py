"""Who asked to cancel what, from where, and what really happened."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from bot.tasks import TaskId
from bot.tasks.records import Cancelled, CancelOutcome, CancelReport, Place
from storage.cancel_reasons import explain
from storage.database import Database, upsert
from storage.history import milliseconds
from storage.owed import owe_post
from storage.tables import cancel_questions, cancels, deliveries, requests_seen, tasks

UNDERWAY = timedelta(minutes=1)
"""How long a cancel without a result keeps others from sending one too: the copy that was at it
may have died, and who wants to stop a costly task must not wait for that to be found out."""

RESUMED_MOST = 200
"""Cancels of one workspace that are taken up at once after a crash."""

QUESTION_LASTS = timedelta(hours=1)
"""How long a question whether to cancel may be answered: the list on it grows old."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A cancel that was asked for and never came to a result."""

    place: Place
    asked_at: datetime
    card_id: int | None
    rows: dict[TaskId, int]
    """The ids of the rows, by task."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Which of the tasks that somebody wants to cancel are theirs to cancel."""

    rows: dict[TaskId, int]
    """The ids of the rows of those that are, by task."""
    underway: dict[TaskId, str]
    """Who has just sent a cancel for each of the others."""


class CancelStore:
    """Queries over ``cancels`` and ``cancel_questions``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def asked(
        self,
        place: Place,
        befores: Sequence[Cancelled],
        via: str,
        now: datetime,
        *,
        card_id: int | None,
        reason: str | None = None,
    ) -> Taken:
        """Note cancels that are about to be sent, but for those that somebody has just sent.

        Args:
            place: where it was asked for, and by whom.
            befores: the tasks as they were found.
            via: how it was asked for.
            now: when it was asked for, before the tasks were looked up.
            card_id: the card that it was asked for at.
            reason: why, in the person's own words.
        """

        def work(tx: Connection) -> Taken:
            theirs = _underway(tx, place, [one.task_id for one in befores], now)
            ids: dict[TaskId, int] = {}
            for one in befores:
                if one.task_id in theirs:
                    continue
                result = tx.execute(
                    insert(cancels).values(
                        team_id=place.team_id,
                        account=place.account,
                        task_id=one.task_id,
                        actor_id=place.user_id,
                        channel_id=place.channel_id,
                        via=via,
                        asked_at=now,
                        before=str(one.before.status) if one.before else None,
                        card_id=card_id,
                        reason=reason,
                    )
                )
                ids[one.task_id] = int((result.inserted_primary_key or (0,))[0])
                tx.execute(
                    update(tasks)
                    .where(
                        tasks.c.team_id == place.team_id,
                        tasks.c.account == place.account,
                        tasks.c.task_id == one.task_id,
                    )
                    .values(cancelled_by=place.user_id)
                )
            return Taken(ids, theirs)

        return await self._database.write(work)

    async def unsettled(self, now: datetime, patience: timedelta) -> list[Abandoned]:
        """Return cancels that were asked for ``patience`` ago and never came to a result."""
        old = or_(
            cancels.c.asked_at < now - patience,
            # Asked for in the future: before the clock was set back.
            cancels.c.asked_at > now + patience,
        )
        left = select(
            cancels,
            func.row_number()
            .over(partition_by=cancels.c.team_id, order_by=cancels.c.id)
            .label("place"),
        ).where(cancels.c.outcome.is_(None), old)
        some = left.subquery()
        whose = select(some).where(some.c.place <= RESUMED_MOST).order_by(some.c.id)

        def work(tx: Connection) -> list[Abandoned]:
            found: dict[tuple[object, ...], Abandoned] = {}
            for row in tx.execute(whose).all():
                key = (row.team_id, row.account, row.channel_id, row.actor_id, row.asked_at)
                place = Place(row.team_id, row.channel_id, row.actor_id, account=row.account)
                one = found.setdefault(
                    key, Abandoned(place, row.asked_at, row.card_id, {}, row.reason)
                )
                one.rows[TaskId(row.task_id)] = row.id
            return list(found.values())

        return await self._database.read(work)

    async def settled(
        self,
        place: Place,
        rows: dict[int, Cancelled],
        report: CancelReport,
        now: datetime,
        *,
        card_id: int | None,
    ) -> None:
        """Note what became of cancels, and owe the channel the report, in one transaction.

        The report is owed under its key.
        """

        def work(tx: Connection) -> None:
            for row, one in rows.items():
                tx.execute(
                    update(cancels)
                    .where(cancels.c.id == row)
                    .values(
                        after=str(one.after.status) if one.after else None,
                        outcome=one.outcome.value,
                        settled_at=now,
                        ran_ms=_ran(one, now),
                    )
                )
            owe_post(
                tx,
                place.team_id,
                place.account,
                place.channel_id,
                report,
                report.key,
                now,
                card_id=card_id,
            )

        await self._database.write(work)

    async def explain(
        self, place: Place, keys: Collection[str], reason: str, now: datetime
    ) -> bool:
        """Write down why somebody cancelled; tell whether they did."""
        said = (place.team_id, keys, place.user_id, reason, now)
        return await self._database.write(lambda tx: explain(tx, *said))

    async def own(self, place: Place, keys: Collection[str]) -> bool:
        """Tell whether one of these reports tells of this person's cancels."""
        numbers = [int(key.removeprefix("cancel:")) for key in keys]
        theirs = select(cancels.c.id).where(
            cancels.c.team_id == place.team_id,
            cancels.c.id.in_(numbers),
            cancels.c.actor_id == place.user_id,
        )
        return await self._database.read(lambda tx: tx.execute(theirs).first() is not None)

    async def fate(self, key: str) -> str | None:
        """Return what became of the report owed under ``key``: its delivery's state."""
        state = select(deliveries.c.state).where(deliveries.c.dedupe == key)
        return await self._database.read(lambda tx: tx.execute(state).scalar_one_or_none())

    async def cancelled_by(self, place: Place, ids: Sequence[TaskId]) -> dict[TaskId, str]:
        """Return who cancelled these tasks through the bot, as far as somebody did."""

        def work(tx: Connection) -> dict[TaskId, str]:
            rows = tx.execute(
                select(cancels.c.task_id, cancels.c.actor_id)
                .where(
                    _of(place, ids),
                    cancels.c.outcome.in_(
                        (CancelOutcome.CANCELLED.value, CancelOutcome.STILL_STOPPING.value)
                    ),
                )
                .order_by(cancels.c.id)
            )
            return {TaskId(row.task_id): row.actor_id for row in rows}

        return await self._database.read(work)

    async def ask(
        self, place: Place, ids: Sequence[TaskId], now: datetime, reason: str | None = None
    ) -> str:
        """Keep a question whether to cancel several tasks; return its id."""
        question = str(uuid.uuid4())

        def work(tx: Connection) -> None:
            tx.execute(
                delete(cancel_questions).where(cancel_questions.c.asked_at < now - QUESTION_LASTS)
            )
            tx.execute(
                insert(cancel_questions).values(
                    id=question,
                    team_id=place.team_id,
                    account=place.account,
                    channel_id=place.channel_id,
                    actor_id=place.user_id,
                    task_ids=json.dumps(list(ids)),
                    reason=reason,
                    asked_at=now,
                    answered=False,
                )
            )

        await self._database.write(work)
        return question

    async def answer(
        self, question: str, team_id: str, user_id: str, now: datetime
    ) -> tuple[list[TaskId], str | None] | None:
        """Take a question's answer, once and only from who asked it.

        Returns:
            Its tasks, and why they are to be cancelled.
        """

        def work(tx: Connection) -> tuple[list[TaskId], str | None] | None:
            which = (
                cancel_questions.c.id == question,
                cancel_questions.c.team_id == team_id,
                cancel_questions.c.actor_id == user_id,
                cancel_questions.c.answered.is_(False),
                cancel_questions.c.asked_at >= now - QUESTION_LASTS,
            )
            row = tx.execute(select(cancel_questions).where(*which).with_for_update()).first()
            if row is None:
                return None
            tx.execute(update(cancel_questions).where(*which).values(answered=True))
            return [TaskId(task_id) for task_id in json.loads(row.task_ids)], row.reason

        return await self._database.write(work)


def _of(place: Place, ids: Sequence[TaskId]) -> ColumnElement[bool]:
    return and_(
        cancels.c.team_id == place.team_id,
        cancels.c.account == place.account,
        cancels.c.task_id.in_(ids),
    )


def _underway(
    tx: Connection, place: Place, ids: Sequence[TaskId], asked_at: datetime
) -> dict[TaskId, str]:
    """Return who has just sent a cancel for these tasks, and keep others from it for now."""
    for task_id in sorted(ids):
        # Two transactions that want the same task take turns at this row.
        values = {"seen_at": asked_at}
        turn = upsert(tx, requests_seen).values(
            team_id=place.team_id, key=f"cancel:{place.account}:{task_id}"[:128], **values
        )
        tx.execute(turn.on_conflict_do_update(index_elements=["team_id", "key"], set_=values))
    # One that was settled after this one was asked for was not seen by its look beforehand.
    fresh = and_(cancels.c.outcome.is_(None), cancels.c.asked_at > asked_at - UNDERWAY)
    rows = tx.execute(
        select(cancels.c.task_id, cancels.c.actor_id)
        .where(_of(place, ids), or_(fresh, cancels.c.settled_at > asked_at))
        .order_by(cancels.c.id.desc())
    )
    return {TaskId(row.task_id): row.actor_id for row in rows}


def _ran(one: Cancelled, now: datetime) -> int | None:
    task = one.after or one.before
    return milliseconds(task.ran(now)) if task else None
