"""A channel that takes no messages any more: what its people lose, and are told directly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from bot.tasks import TaskId
from bot.tasks.records import ClosedNews, GoneNews, GroupNews, TransitionNews, Watch
from storage.codec import news_from_json
from storage.owed import owe_post
from storage.rows import to_watch
from storage.tables import cards, deliveries, watches
from storage.tasks import load_tasks
from storage.watches import end_watches

FRESH = timedelta(minutes=1)
"""How long who asked for a card is waiting for the answer."""

Losses = dict[tuple[str, str], list[TaskId]]
"""By owner and Beam account: the tasks of which the channel will not be told."""


def losses(tx: Connection, team_id: str, channel_id: str, now: datetime) -> Losses:
    """Return whose news of which tasks a channel does not get if it is closed now.

    These are the tasks still watched, and those that ended with news that is owed. A card that
    was never seen in the channel is left out: who asked for it is answered at once.
    """
    here = and_(watches.c.team_id == team_id, watches.c.channel_id == channel_id)
    seen = or_(cards.c.ts.is_not(None), cards.c.created_at < now - FRESH)
    untold = tx.execute(
        select(deliveries.c.card_id, deliveries.c.kind, deliveries.c.data)
        .where(_owed(team_id, channel_id), deliveries.c.kind.in_(("transition", "gone", "group")))
        .order_by(deliveries.c.id)
    ).all()
    of_cards: dict[int, set[str]] = {}
    for row in untold:
        of_cards.setdefault(row.card_id, set()).update(_told(row.kind, row.data))
    rows = tx.execute(
        select(watches)
        .join(cards, cards.c.id == watches.c.card_id)
        .where(here, seen, or_(watches.c.ended_at.is_(None), watches.c.card_id.in_(of_cards)))
        .order_by(watches.c.id)
    ).all()
    found: Losses = {}
    for row in rows:
        if row.ended_at is None or row.task_id in of_cards[row.card_id]:
            tasks = found.setdefault((row.owner_id, row.account), [])
            if row.task_id not in tasks:
                tasks.append(TaskId(row.task_id))
    return found


def close(
    tx: Connection,
    team_id: str,
    channel_id: str,
    error: str,
    now: datetime,
    *,
    direct: Mapping[str, str],
    key: str,
) -> list[Watch]:
    """End all watches of a channel, and what it was owed; owe its people a direct message.

    Args:
        tx: the transaction.
        team_id: the workspace.
        channel_id: the channel.
        error: Slack's name for the reason.
        now: the current time.
        direct: where direct messages to each owner go.
        key: of this closing, so that each owner is told once.

    Returns:
        The watches that were ended.
    """
    for (owner, account), ids in losses(tx, team_id, channel_id, now).items():
        if owner not in direct:
            continue
        known = load_tasks(tx, team_id, account, set(ids))
        tasks = tuple(known[task_id].task for task_id in ids if task_id in known)
        news = ClosedNews(channel_id, error[:64], tasks)
        dedupe = f"closed:{key}:{account}:{owner}"
        owe_post(tx, team_id, account, direct[owner], news, dedupe, now)
    here = and_(watches.c.team_id == team_id, watches.c.channel_id == channel_id)
    active = select(watches).where(here, watches.c.ended_at.is_(None)).order_by(watches.c.id)
    rows = tx.execute(active.with_for_update())
    ended = [to_watch(row) for row in rows.all()]
    end_watches(tx, ended, "channel", now)
    tx.execute(
        update(deliveries).where(_owed(team_id, channel_id)).values(state="dead", error=error[:64])
    )
    tx.execute(
        update(cards)
        .where(
            cards.c.team_id == team_id,
            cards.c.channel_id == channel_id,
            or_(cards.c.ts.is_(None), cards.c.wanted > cards.c.shown),
        )
        .values(refused=error[:64], shown=cards.c.wanted)
    )
    return ended


def _told(kind: str, data: str) -> set[str]:
    """Return the tasks that news is about."""
    news = news_from_json(kind, data)
    match news:
        case TransitionNews(task=task) | GoneNews(task=task):
            return {task.id}
        case GroupNews(failed=failed, members=members):
            return {failed.id} if failed else {known.task.id for known in members}
    return set()


def _owed(team_id: str, channel_id: str) -> ColumnElement[bool]:
    return and_(
        deliveries.c.team_id == team_id,
        deliveries.c.channel_id == channel_id,
        deliveries.c.state.in_(("owed", "sending")),
    )
