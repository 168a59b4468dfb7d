"""Reports of cancels that were told: which message says them, and what else it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from bot.tasks.records import CancelReport
from storage.codec import news_from_json
from storage.tables import cancels, deliveries

_SETTLING = timedelta(minutes=10)
"""How long before its report a cancel was asked for at most."""


@dataclass(frozen=True, slots=True)
class ToldReports:
    """A message that was sent, and the reports that it holds, oldest first."""

    ts: str
    reports: tuple[CancelReport, ...]


def report_of(tx: Connection, key: str) -> ToldReports | None:
    """Return the message that tells the report owed under ``key``, if it was sent."""
    row = tx.execute(
        select(deliveries.c.team_id, deliveries.c.channel_id, deliveries.c.ts).where(
            deliveries.c.dedupe == key, deliveries.c.state == "sent", deliveries.c.ts.is_not(None)
        )
    ).first()
    return _told(tx, row.team_id, row.channel_id, row.ts) if row else None


def last_report(
    tx: Connection,
    team_id: str,
    channel_id: str,
    card_id: int | None,
    report: CancelReport,
    since: datetime,
) -> ToldReports | None:
    """Return the same person's report before, if it is our latest message in its place.

    Args:
        tx: the transaction.
        team_id: the workspace.
        channel_id: the channel.
        card_id: the card in whose thread it is told; ``None`` for the channel or another thread.
        report: what is to be told.
        since: when the one before must have been sent first, at the earliest.
    """
    # Found by the cancels that they tell: those of a channel have an index.
    lately = tx.execute(
        select(cancels.c.id).where(
            cancels.c.team_id == team_id,
            cancels.c.channel_id == channel_id,
            cancels.c.actor_id == report.actor_id,
            cancels.c.asked_at >= since - _SETTLING,
        )
    ).scalars()
    here = _here(team_id, channel_id, card_id)
    before = tx.execute(
        select(deliveries)
        .where(here, deliveries.c.dedupe.in_([f"cancel:{number}" for number in lately]))
        .order_by(deliveries.c.id.desc())
    ).all()
    # A card's reports are all in its thread, wherever it was clicked on.
    wanted = None if card_id else report.thread_ts
    last = next((row for row in before if card_id or _thread(row) == wanted), None)
    if last is None:
        return None
    later = tx.execute(
        select(deliveries).where(here, deliveries.c.id > last.id, deliveries.c.ts != last.ts)
    )
    if any(row.kind != "amended" and (card_id or _thread(row) == wanted) for row in later):
        return None
    first = select(deliveries.c.sent_at).where(here, deliveries.c.ts == last.ts)
    oldest = tx.execute(first.order_by(deliveries.c.id).limit(1)).scalar_one()
    return _told(tx, team_id, channel_id, last.ts) if oldest >= since else None


def _thread(row: Row[Any]) -> str | None:
    """Return the thread that a message without a card of its own was told in."""
    news = news_from_json(row.kind, row.data) if row.kind == "cancel" else None
    return news.thread_ts if isinstance(news, CancelReport) else None


def _here(team_id: str, channel_id: str, card_id: int | None) -> ColumnElement[bool]:
    return and_(
        deliveries.c.team_id == team_id,
        deliveries.c.channel_id == channel_id,
        deliveries.c.card_id == card_id if card_id else deliveries.c.card_id.is_(None),
        deliveries.c.state == "sent",
        deliveries.c.ts.is_not(None),
    )


def _told(tx: Connection, team_id: str, channel_id: str, ts: str) -> ToldReports:
    rows = tx.execute(
        select(deliveries.c.kind, deliveries.c.data)
        .where(
            deliveries.c.team_id == team_id,
            deliveries.c.channel_id == channel_id,
            deliveries.c.ts == ts,
            deliveries.c.kind == "cancel",
        )
        .order_by(deliveries.c.id)
    )
    news = (news_from_json(row.kind, row.data) for row in rows)
    return ToldReports(ts, tuple(one for one in news if isinstance(one, CancelReport)))
