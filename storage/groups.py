"""What a card shows beside its tasks: what is usual, and where a group's failures were told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from bot.tasks import TaskId
from bot.tasks.records import CardKind, CardView, GroupNews
from storage.codec import news_from_json
from storage.history import usual_of
from storage.owed import touch_cards
from storage.tables import deliveries

_FAILED = "card:%:failed:%"
"""The keys of replies that tell of a failure (bot/services/news.py)."""


def with_group(tx: Connection, view: CardView) -> CardView:
    """Return a card with what is usual of its functions, and a group's with links to replies."""
    flying = [known.task for known in view.members if not known.task.status.final]
    names = {name for task in flying if (name := task.function or task.stub_name)}
    card = view.card
    usual = usual_of(tx, card.team_id, card.account, names) if names else {}
    if card.kind is not CardKind.GROUP:
        return replace(view, usual=usual)
    bad = any(known.task.status.bad for known in view.members)
    replies = _replies(tx, card.id) if bad else {}
    return replace(view, usual=usual, replies=replies)


def _replies(tx: Connection, card_id: int) -> dict[TaskId, str]:
    told = tx.execute(
        select(deliveries.c.kind, deliveries.c.data, deliveries.c.ts)
        .where(
            deliveries.c.card_id == card_id,
            deliveries.c.dedupe.like(_FAILED),
            deliveries.c.ts.is_not(None),
        )
        .order_by(deliveries.c.id)
    )
    found: dict[TaskId, str] = {}
    for row in told:
        news = news_from_json(row.kind, row.data)
        if isinstance(news, GroupNews) and news.failed is not None:
            found[news.failed.id] = row.ts
    return found


def touch_told(tx: Connection, ids: Collection[int], now: datetime) -> None:
    """Have groups' cards shown anew, with links to the replies that just told of failures."""
    told = select(deliveries.c.card_id).where(
        deliveries.c.id.in_(ids),
        deliveries.c.dedupe.like(_FAILED),
    )
    touch_cards(tx, set(tx.execute(told).scalars()), now)
