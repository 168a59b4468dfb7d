"""What a card's thread was told of a task before, read from what it was owed."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from bot.tasks import Status, TaskId, Transition
from bot.tasks.records import Card, CardKind
from storage.history import span
from storage.tables import deliveries, transitions

UNTOLD_MOST = 100
"""Changes that one reply makes up for at most."""


def told_before(
    tx: Connection, card: Card, change: Transition | None
) -> tuple[int, tuple[Transition, ...]]:
    """Return how many retries were told, and what was not told since the last that was.

    Args:
        tx: the transaction.
        card: the card; what a group's thread was told says nothing of retries.
        change: the change that is to be told, not yet written.
    """
    if change is None or change.seq < 2 or card.kind is CardKind.GROUP:
        return 0, ()
    prefix = f"card:{card.id}:seq:{change.task_id}:"
    keys = tx.execute(
        select(deliveries.c.dedupe).where(
            deliveries.c.card_id == card.id, deliveries.c.dedupe.startswith(prefix, autoescape=True)
        )
    ).scalars()
    told = sorted(int(key.removeprefix(prefix)) for key in keys)
    if not told:
        return 0, ()
    here = and_(
        transitions.c.team_id == card.team_id,
        transitions.c.account == card.account,
        transitions.c.task_id == change.task_id,
    )
    news = tx.execute(
        select(transitions.c.new)
        .where(here, transitions.c.seq.in_(told))
        .order_by(transitions.c.seq)
    ).scalars()
    retries = 0
    for status in map(Status, news):
        retries = 0 if status.final else retries + (status == "RETRY")
    rows = tx.execute(
        select(transitions)
        .where(here, transitions.c.seq > told[-1], transitions.c.seq < change.seq)
        .order_by(transitions.c.seq.desc())
        .limit(UNTOLD_MOST)
    ).all()
    untold = tuple(
        Transition(
            TaskId(row.task_id),
            row.seq,
            Status(row.old),
            Status(row.new),
            row.seen_at,
            span(row.waited_ms),
            span(row.ran_ms),
        )
        for row in reversed(rows)
    )
    return retries, untold
