"""Who asked to cancel what, from where, and what really happened."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from bot.tasks import TaskId
from bot.tasks.records import Cancelled, CancelReport, Place
from storage.database import Database
from storage.owed import owe_post
from storage.tables import cancel_questions, cancels, deliveries, tasks

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
    ) -> list[int]:
        """Note cancels that are about to be sent; return the ids of their rows."""

        def work(tx: Connection) -> list[int]:
            ids = []
            for one in befores:
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
                    )
                )
                ids.append(int((result.inserted_primary_key or (0,))[0]))
                tx.execute(
                    update(tasks)
                    .where(
                        tasks.c.team_id == place.team_id,
                        tasks.c.account == place.account,
                        tasks.c.task_id == one.task_id,
                    )
                    .values(cancelled_by=place.user_id)
                )
            return ids

        return await self._database.write(work)

    async def unsettled(self, before: datetime) -> list[Abandoned]:
        """Return cancels that were asked for before a time and never came to a result."""
        left = (
            select(cancels)
            .where(cancels.c.outcome.is_(None), cancels.c.asked_at < before)
            .order_by(cancels.c.id)
            .limit(200)
        )

        def work(tx: Connection) -> list[Abandoned]:
            found: dict[tuple[object, ...], Abandoned] = {}
            for row in tx.execute(left).all():
                key = (row.team_id, row.account, row.channel_id, row.actor_id, row.asked_at)
                place = Place(row.team_id, row.channel_id, row.actor_id, account=row.account)
                one = found.setdefault(key, Abandoned(place, row.asked_at, row.card_id, {}))
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

    async def fate(self, key: str) -> str | None:
        """Return what became of the report owed under ``key``: its delivery's state."""
        state = select(deliveries.c.state).where(deliveries.c.dedupe == key)
        return await self._database.read(lambda tx: tx.execute(state).scalar_one_or_none())

    async def ask(self, place: Place, ids: Sequence[TaskId], now: datetime) -> str:
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
                    asked_at=now,
                    answered=False,
                )
            )

        await self._database.write(work)
        return question

    async def answer(
        self, question: str, team_id: str, user_id: str, now: datetime
    ) -> list[TaskId] | None:
        """Take a question's answer, once and only from who asked it; return its tasks."""

        def work(tx: Connection) -> list[TaskId] | None:
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
            return [TaskId(task_id) for task_id in json.loads(row.task_ids)]

        return await self._database.write(work)
