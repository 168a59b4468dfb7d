"""What was kept back while a channel wanted to hear nothing, told in one message.

News that a silence keeps back is stored like what is owed, but held. So it is known exactly what
was kept back, and one transaction turns all of it into a summary: once, whoever dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from bot.tasks.records import (
    DEFAULT_ACCOUNT,
    GoneNews,
    GroupNews,
    SummaryLine,
    SummaryNews,
    TransitionNews,
)
from storage.codec import news_from_json
from storage.owed import owe_post
from storage.tables import cards, deliveries

LINES_MOST = 40
"""Lines that a summary keeps; the rest is counted. Those that ended badly are kept first."""


def tell_what_was_held(
    tx: Connection, team_id: str, channel_id: str, since: datetime, now: datetime
) -> None:
    """Owe a channel a summary of what was held, if anything was.

    Args:
        tx: the transaction.
        team_id: the workspace.
        channel_id: the channel.
        since: when the first was held.
        now: the current time.
    """
    here = and_(
        deliveries.c.team_id == team_id,
        deliveries.c.channel_id == channel_id,
        deliveries.c.state == "held",
    )
    rows = tx.execute(
        select(deliveries, cards.c.ts.label("card_ts"), cards.c.thread_ts)
        .join(cards, cards.c.id == deliveries.c.card_id)
        .where(here)
        .order_by(deliveries.c.id)
    ).all()
    if not rows:
        return
    tx.execute(update(deliveries).where(here).values(state="folded"))
    ordered = sorted(_lines(rows), key=lambda line: not line.bad)
    if not ordered:
        return
    news = SummaryNews(
        since, tuple(ordered[:LINES_MOST]), tuple(line.status for line in ordered if line.task_id)
    )
    account = rows[0].account or DEFAULT_ACCOUNT
    owe_post(tx, team_id, account, channel_id, news, f"summary:{rows[-1].id}", now)


def _lines(rows: Sequence[Row[Any]]) -> list[SummaryLine]:
    lines: dict[tuple[int, str | None], SummaryLine] = {}
    for row in rows:
        line = _line(row)
        if line is not None:
            # A task that ended twice is told as it is now.
            lines.pop((row.card_id, line.task_id), None)
            lines[row.card_id, line.task_id] = line
    # What became of a group says what became of its members.
    return [
        line
        for (card_id, task_id), line in lines.items()
        if task_id is None or (card_id, None) not in lines
    ]


def _line(row: Row[Any]) -> SummaryLine | None:
    news = news_from_json(row.kind, row.data)
    ts, thread_ts = row.card_ts, row.thread_ts
    match news:
        case TransitionNews():
            task, call = news.task, _mentioned(news)
            return SummaryLine(task.status, task.label, task.id, ts, thread_ts, call=call)
        case GoneNews():
            task, call = news.task, _mentioned(news)
            return SummaryLine(task.status, task.label, task.id, ts, thread_ts, call, gone=True)
        case GroupNews(failed=failed) if failed is not None:
            return SummaryLine(failed.status, failed.label, failed.id, ts, thread_ts)
        case GroupNews():
            statuses = tuple(known.task.status for known in news.members)
            status = next((status for status in statuses if status.bad), statuses[0])
            call = _mentioned(news)
            return SummaryLine(status, "", None, ts, thread_ts, call, members=statuses)
    return None


def _mentioned(news: TransitionNews | GoneNews | GroupNews) -> tuple[str, ...]:
    return ((news.mention,) if news.mention else ()) + news.call
