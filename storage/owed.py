"""What a channel is owed: deliveries written in the transaction that caused them."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection, func, literal, select, update

from bot.tasks.records import Card
from storage.codec import News, news_kind, news_to_json
from storage.database import earlier, upsert
from storage.tables import cards, channels, deliveries, tasks, watches


def owe_card(
    tx: Connection,
    card_id: int,
    team_id: str,
    account: str,
    channel_id: str,
    now: datetime,
    *,
    version: int = 0,
) -> None:
    """Owe a channel the first post of a card, or a new one once its message is gone.

    Args:
        tx: the transaction.
        card_id: the card.
        team_id: its workspace.
        account: its Beam account.
        channel_id: where it goes.
        now: the current time.
        version: which version of the card found its message gone; 0 for the first post.
    """
    dedupe = f"card:{card_id}:v{version}" if version else f"card:{card_id}"
    _owe(tx, team_id, account, channel_id, card_id, "card", "{}", dedupe, now)


def owe_news(
    tx: Connection, card: Card, news: News, dedupe: str, now: datetime, *, held: bool = False
) -> None:
    """Owe a card's channel a reply in the card's thread; the same one only once.

    Args:
        tx: the transaction.
        card: the card.
        news: what to tell.
        dedupe: what makes it unique among the card's.
        now: the current time.
        held: keep it back for a summary instead (storage/summaries.py).
    """
    _owe(
        tx,
        card.team_id,
        card.account,
        card.channel_id,
        card.id,
        news_kind(news),
        news_to_json(news),
        f"card:{card.id}:{dedupe}",
        now,
        state="held" if held else "owed",
    )


def owe_post(
    tx: Connection,
    team_id: str,
    account: str,
    channel_id: str,
    news: News,
    dedupe: str,
    now: datetime,
    *,
    card_id: int | None = None,
) -> None:
    """Owe a channel a message of its own, or a reply to ``card_id``."""
    _owe(
        tx, team_id, account, channel_id, card_id, news_kind(news), news_to_json(news), dedupe, now
    )


def _owe(
    tx: Connection,
    team_id: str,
    account: str,
    channel_id: str,
    card_id: int | None,
    kind: str,
    data: str,
    dedupe: str,
    now: datetime,
    *,
    state: str = "owed",
) -> None:
    tx.execute(
        upsert(tx, deliveries)
        .values(
            team_id=team_id,
            account=account,
            channel_id=channel_id,
            card_id=card_id,
            kind=kind,
            data=data,
            dedupe=dedupe,
            state=state,
            attempts=0,
            created_at=now,
            trace=structlog.contextvars.get_contextvars().get("trace"),
        )
        .on_conflict_do_nothing()
    )
    if state == "owed":
        make_due(tx, team_id, channel_id, now)


def touch_cards(tx: Connection, card_ids: set[int], now: datetime) -> None:
    """Want a newer version of cards in their channels."""
    if not card_ids:
        return
    tx.execute(update(cards).where(cards.c.id.in_(card_ids)).values(wanted=cards.c.wanted + 1))
    places = tx.execute(
        select(cards.c.team_id, cards.c.channel_id).where(cards.c.id.in_(card_ids)).distinct()
    )
    for place in places.all():
        make_due(tx, place.team_id, place.channel_id, now)


def make_due(tx: Connection, team_id: str, channel_id: str, at: datetime) -> None:
    """Have a channel looked after at ``at``, or sooner if it is due sooner."""
    sooner = earlier(func.coalesce(channels.c.due_at, at), literal(at, channels.c.due_at.type))
    statement = upsert(tx, channels).values(
        team_id=team_id, channel_id=channel_id, due_at=at, attempt=0, touched_at=at
    )
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["team_id", "channel_id"], set_={"due_at": sooner}
        )
    )


def stop_polling_unwatched(tx: Connection, team_id: str, account: str, ids: set[str]) -> None:
    """Ask no more about tasks that nobody watches."""
    still = select(watches.c.task_id).where(
        watches.c.team_id == team_id,
        watches.c.account == account,
        watches.c.task_id.in_(ids),
        watches.c.ended_at.is_(None),
    )
    tx.execute(
        update(tasks)
        .where(
            tasks.c.team_id == team_id,
            tasks.c.account == account,
            tasks.c.task_id.in_(ids),
            tasks.c.task_id.not_in(still),
        )
        .values(next_check_at=None, failures=0, failing_since=None, trouble=None)
    )
