"""Why tasks were cancelled, in the words of those who did, and what changes when they say so."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.tasks.follow import Tracked
from bot.tasks.records import Amended, CancelReport
from storage.codec import news_from_json, news_to_json
from storage.owed import owe_post, touch_cards
from storage.tables import cancels, deliveries, watches


def cancel_reasons(
    tx: Connection, team_id: str, account: str, found: Iterable[Tracked]
) -> dict[str, str]:
    """Return why those of the tasks that somebody cancelled were, by task, where it was said."""
    by = {one.task.id: one.cancelled_by for one in found if one.cancelled_by}
    if not by:
        return {}
    rows = tx.execute(
        select(cancels.c.task_id, cancels.c.actor_id, cancels.c.reason)
        .where(
            cancels.c.team_id == team_id,
            cancels.c.account == account,
            cancels.c.task_id.in_(by),
            cancels.c.reason.is_not(None),
        )
        .order_by(cancels.c.id)
    )
    return {row.task_id: row.reason for row in rows if row.actor_id == by[row.task_id]}


def explain(
    tx: Connection, team_id: str, keys: Collection[str], user_id: str, reason: str, now: datetime
) -> bool:
    """Write down why somebody cancelled; reports and cards that show it are shown anew.

    Args:
        tx: the transaction.
        team_id: the workspace.
        keys: what the reports of the cancels were owed under.
        user_id: who says so; nobody speaks for somebody else.
        reason: why.
        now: the current time.

    Returns:
        Whether there were such cancels of this person.
    """
    rows = tx.execute(
        select(deliveries)
        .where(
            deliveries.c.team_id == team_id,
            deliveries.c.kind == "cancel",
            deliveries.c.dedupe.in_(keys),
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    ).all()
    told = [(row, news_from_json(row.kind, row.data)) for row in rows]
    mine = [
        (row, report)
        for row, report in told
        if isinstance(report, CancelReport) and report.actor_id == user_id
    ]
    for row, report in mine:
        data = news_to_json(replace(report, reason=reason))
        tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(data=data))
        ids = {result.task_id for result in report.results}
        tx.execute(
            update(cancels)
            .where(
                cancels.c.team_id == team_id,
                cancels.c.account == row.account,
                cancels.c.actor_id == user_id,
                cancels.c.asked_at == report.asked_at,
                cancels.c.task_id.in_(ids),
            )
            .values(reason=reason)
        )
        shown = select(watches.c.card_id).where(
            watches.c.team_id == team_id,
            watches.c.account == row.account,
            watches.c.task_id.in_(ids),
        )
        touch_cards(tx, set(tx.execute(shown).scalars()), now)
    if mine:
        row = mine[-1][0]
        # What is still owed will say it by itself; what was sent is edited.
        dedupe = f"amended:{uuid.uuid4()}"
        owe_post(tx, team_id, row.account, row.channel_id, Amended(row.dedupe), dedupe, now)
    return bool(mine)
