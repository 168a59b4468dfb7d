"""Which channels are due and whose turn it is: claims, in rounds over the workspaces."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from storage.batches import CLOCK_SLACK
from storage.rounds import next_workspaces
from storage.tables import channels

MENDED_AT_ONCE = 1_000
"""Channels whose times are put right in one transaction, after the clock was set back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A channel that this copy looks after until its lease is over."""

    team_id: str
    channel_id: str
    attempt: int
    lease_until: datetime
    next_post_at: datetime | None
    """When the channel may be posted to again: Slack's pace, or the pause that it asked for."""
    next_edit_at: datetime | None
    """The same for edits, which Slack counts apart."""


def waiting(
    tx: Connection, now: datetime, *, after: str, limit: int, without: Collection[str]
) -> list[str]:
    """Return workspaces with a channel that is due and that no copy looks after.

    Args:
        tx: the transaction.
        now: the current time.
        after: whose turn was last; the one behind it comes first.
        limit: how many workspaces at most.
        without: those that are not asked about.
    """
    if tx.execute(_ANY_DUE, {"now": now}).first() is None:
        return []
    ready = and_(channels.c.due_at <= now, _free(now))
    return next_workspaces(tx, channels.c.due_at, ready, after=after, limit=limit, without=without)


def claim_due(
    tx: Connection,
    now: datetime,
    wanted: Mapping[str, int],
    *,
    lease: timedelta,
    busy: Collection[tuple[str, str]],
) -> list[Claim]:
    """Take, of each workspace, so many of the channels that are due, the longest due first.

    Args:
        tx: the transaction.
        now: the current time.
        wanted: how many of which workspace.
        lease: how long the channels are ours.
        busy: channels that this copy serves already, though their lease may be over: a machine
            that slept has not finished what it began.
    """
    found: list[Row[Any]] = []
    for team_id, most in wanted.items():
        ours = {channel for team, channel in busy if team == team_id}
        due = (
            select(channels)
            .where(channels.c.team_id == team_id, channels.c.due_at <= now, _free(now))
            .order_by(channels.c.due_at)
        )
        rows = [row for row in _locked(tx, due, most + len(ours)) if row.channel_id not in ours]
        found += rows[:most]
    return _take(tx, found, now, lease)


def claim_channel(
    tx: Connection, now: datetime, team_id: str, channel_id: str, *, lease: timedelta
) -> list[Claim]:
    """Take one channel that is owed something, due or not, if no copy looks after it."""
    owed = select(channels).where(
        channels.c.team_id == team_id,
        channels.c.channel_id == channel_id,
        channels.c.due_at.is_not(None),
        or_(_free(now), channels.c.touched_at > now + CLOCK_SLACK),
    )
    return _take(tx, _locked(tx, owed, 1), now, lease)


def is_ahead(tx: Connection, now: datetime) -> bool:
    """Tell whether the times of a channel that is owed something were written in the future."""
    return tx.execute(_ANY_AHEAD, {"now": now + CLOCK_SLACK}).first() is not None


# Asked four times a second, mostly for nothing: to put a statement together takes longer than to
# run it.
_ANY_DUE = select(literal(1)).where(channels.c.due_at <= bindparam("now")).limit(1)
_ANY_AHEAD = (
    select(literal(1))
    .where(channels.c.due_at.is_not(None), channels.c.touched_at > bindparam("now"))
    .limit(1)
)


def mend(tx: Connection, now: datetime) -> None:
    """Take what was written in the future for due now: the clock was set back since."""
    rows = _locked(tx, _ahead(now), MENDED_AT_ONCE)
    if rows:
        these = [(row.team_id, row.channel_id) for row in rows]
        tx.execute(
            update(channels)
            .where(tuple_(channels.c.team_id, channels.c.channel_id).in_(these))
            .values(
                due_at=now, lease_until=None, next_post_at=None, next_edit_at=None, touched_at=now
            )
        )


def _ahead(now: datetime) -> Select[Any]:
    return select(channels.c.team_id, channels.c.channel_id).where(
        channels.c.due_at.is_not(None), channels.c.touched_at > now + CLOCK_SLACK
    )


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(channels.c.lease_until.is_(None), channels.c.lease_until <= now)


def _locked(tx: Connection, wanted: Select[Any], limit: int) -> list[Row[Any]]:
    return list(tx.execute(wanted.limit(limit).with_for_update(skip_locked=True)).all())


def _take(tx: Connection, rows: Sequence[Row[Any]], now: datetime, lease: timedelta) -> list[Claim]:
    if not rows:
        return []
    claims = [_claim(row, now, lease) for row in rows]
    tx.execute(
        update(channels)
        .where(
            channels.c.team_id == bindparam("b_team_id"),
            channels.c.channel_id == bindparam("b_channel_id"),
        )
        .values(lease_until=now + lease, attempt=bindparam("b_attempt"), touched_at=now),
        [
            {"b_team_id": one.team_id, "b_channel_id": one.channel_id, "b_attempt": one.attempt}
            for one in claims
        ],
    )
    return claims


def _claim(row: Row[Any], now: datetime, lease: timedelta) -> Claim:
    # Times that were written in the future mean nothing: the clock was set back.
    set_back = row.touched_at is not None and row.touched_at > now + CLOCK_SLACK
    return Claim(
        row.team_id,
        row.channel_id,
        row.attempt + 1,
        now + lease,
        None if set_back else row.next_post_at,
        None if set_back else row.next_edit_at,
    )
