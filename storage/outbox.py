"""The outbox: which channels are owed something, what, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from bot.tasks.records import Card, CardView, Watch
from storage.codec import News, news_from_json
from storage.database import Database
from storage.rows import to_card, to_watch
from storage.tables import cards, channels, deliveries, watches
from storage.watches import end_watches, view_card


@dataclass(frozen=True, slots=True)
class Claim:
    """A channel that this copy looks after until its lease is over."""

    team_id: str
    channel_id: str
    attempt: int
    lease_until: datetime
    next_post_at: datetime | None
    next_edit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is owed. Without ``news`` it is the first post of its card."""

    id: int
    team_id: str
    channel_id: str
    card: Card | None
    news: News | None
    doubtful: bool
    """Whether an earlier attempt may have reached Slack."""
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """What a claimed channel is owed now, in order."""

    deliveries: tuple[Delivery, ...]
    stale_cards: tuple[CardView, ...]


class Outbox:
    """Queries over ``channels`` and ``deliveries``."""

    BATCH = 40

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, now: datetime, *, limit: int, lease: timedelta, only: tuple[str, str] | None = None
    ) -> list[Claim]:
        """Take channels that are due and that no other copy looks after.

        Args:
            now: the current time.
            limit: how many at most.
            lease: how long the channels are ours.
            only: a workspace and channel, if just that one is wanted.
        """

        def work(tx: Connection) -> list[Claim]:
            free = or_(
                channels.c.lease_until.is_(None),
                channels.c.lease_until <= now,
                # Further ahead than any lease: the clock was set back.
                channels.c.lease_until > now + 2 * lease,
            )
            wanted = select(channels).where(channels.c.due_at.is_not(None), free)
            if only:
                wanted = wanted.where(
                    channels.c.team_id == only[0], channels.c.channel_id == only[1]
                )
            else:
                wanted = wanted.where(channels.c.due_at <= now).order_by(channels.c.due_at)
            claims = []
            for row in tx.execute(wanted.limit(limit)).all():
                claim = Claim(
                    row.team_id,
                    row.channel_id,
                    row.attempt + 1,
                    now + lease,
                    row.next_post_at,
                    row.next_edit_at,
                )
                tx.execute(
                    update(channels)
                    .where(_channel(claim))
                    .values(lease_until=claim.lease_until, attempt=claim.attempt)
                )
                claims.append(claim)
            return claims

        return await self._database.write(work)

    async def work(self, claim: Claim) -> Work:
        """Return what a claimed channel is owed, oldest first."""

        def read(tx: Connection) -> Work:
            rows = tx.execute(
                select(deliveries).where(_owed(claim)).order_by(deliveries.c.id).limit(self.BATCH)
            ).all()
            ids = {row.card_id for row in rows if row.card_id is not None}
            found = tx.execute(select(cards).where(cards.c.id.in_(ids))).all()
            by_id = {row.id: to_card(row) for row in found}
            owed = tuple(
                Delivery(
                    row.id,
                    row.team_id,
                    row.channel_id,
                    by_id.get(row.card_id),
                    None if row.kind == "card" else news_from_json(row.kind, row.data),
                    row.state == "sending",
                    row.attempts,
                    row.created_at,
                )
                for row in rows
            )
            stale = tx.execute(
                select(cards).where(_stale(claim)).order_by(cards.c.id).limit(self.BATCH)
            ).all()
            return Work(owed, tuple(view_card(tx, to_card(row)) for row in stale))

        return await self._database.read(read)

    async def begin(self, claim: Claim, ids: list[int], now: datetime) -> bool:
        """Note that deliveries are about to be sent; ``False`` if the channel is ours no more."""

        def work(tx: Connection) -> bool:
            ours = tx.execute(
                select(channels.c.attempt).where(
                    _channel(claim), channels.c.attempt == claim.attempt
                )
            ).first()
            if ours is None or now >= claim.lease_until:
                return False
            tx.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(ids))
                .values(state="sending", attempts=deliveries.c.attempts + 1)
            )
            return True

        return await self._database.write(work)

    async def sent(self, ids: list[int], ts: str, now: datetime, *, card: Card | None) -> None:
        """Note that Slack accepted deliveries as message ``ts``; ``card`` if it is a card's."""

        def work(tx: Connection) -> None:
            tx.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(ids))
                .values(state="sent", ts=ts, sent_at=now, error=None)
            )
            if card is not None:
                tx.execute(
                    update(cards).where(cards.c.id == card.id).values(ts=ts, shown=card.wanted)
                )

        await self._database.write(work)

    async def unsent(self, ids: list[int], error: str) -> None:
        """Note that Slack certainly did not take deliveries, which are owed again."""
        again = (
            update(deliveries)
            .where(deliveries.c.id.in_(ids))
            .values(state="owed", error=error[:64])
        )
        await self._database.write(lambda tx: tx.execute(again))

    async def set_aside(self, ids: list[int], error: str) -> None:
        """Give up deliveries that no repetition can cure."""

        def work(tx: Connection) -> None:
            tx.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(ids))
                .values(state="dead", error=error[:64])
            )
            first_posts = select(deliveries.c.card_id).where(
                deliveries.c.id.in_(ids), deliveries.c.kind == "card"
            )
            tx.execute(update(cards).where(cards.c.id.in_(first_posts)).values(refused=error[:64]))

        await self._database.write(work)

    async def edited(self, card: Card) -> None:
        """Note that the channel shows ``card`` as of its ``wanted`` version."""
        shown = update(cards).where(cards.c.id == card.id).values(shown=card.wanted)
        await self._database.write(lambda tx: tx.execute(shown))

    async def forget_card(self, card: Card, error: str, now: datetime) -> None:
        """Stop keeping up a card that cannot be edited any more, and end its watches."""

        def work(tx: Connection) -> None:
            rows = tx.execute(
                select(watches).where(watches.c.card_id == card.id, watches.c.ended_at.is_(None))
            )
            end_watches(tx, [to_watch(row) for row in rows], "card_gone", now)
            tx.execute(
                update(cards)
                .where(cards.c.id == card.id)
                .values(refused=error[:64], shown=cards.c.wanted)
            )

        await self._database.write(work)

    async def close_channel(self, claim: Claim, error: str, now: datetime) -> list[Watch]:
        """End all watches of a channel that takes no messages, and what it was owed."""

        def work(tx: Connection) -> list[Watch]:
            here = and_(
                watches.c.team_id == claim.team_id,
                watches.c.channel_id == claim.channel_id,
                watches.c.ended_at.is_(None),
            )
            ended = [to_watch(row) for row in tx.execute(select(watches).where(here))]
            end_watches(tx, ended, "channel", now)
            tx.execute(
                update(deliveries).where(_owed(claim)).values(state="dead", error=error[:64])
            )
            tx.execute(
                update(cards)
                .where(
                    cards.c.team_id == claim.team_id,
                    cards.c.channel_id == claim.channel_id,
                    or_(cards.c.ts.is_(None), cards.c.wanted > cards.c.shown),
                )
                .values(refused=error[:64], shown=cards.c.wanted)
            )
            return ended

        return await self._database.write(work)

    async def release(
        self,
        claim: Claim,
        *,
        next_post_at: datetime | None,
        next_edit_at: datetime | None,
        not_before: datetime | None,
        now: datetime,
    ) -> datetime | None:
        """Give a channel back; return when it is due again, ``None`` if nothing is owed.

        Args:
            claim: the channel.
            next_post_at: when it may be posted to again.
            next_edit_at: when a card in it may be edited again.
            not_before: when anything may be sent to it again, after Slack asked for a pause.
            now: the current time.
        """

        def work(tx: Connection) -> datetime | None:
            posts = tx.execute(select(deliveries.c.id).where(_owed(claim)).limit(1)).first()
            edits = tx.execute(select(cards.c.id).where(_stale(claim)).limit(1)).first()
            times = ([next_post_at or now] if posts else []) + (
                [next_edit_at or now] if edits else []
            )
            due = max(min(times), not_before or now) if times else None
            tx.execute(
                update(channels)
                .where(_channel(claim), channels.c.attempt == claim.attempt)
                .values(
                    due_at=due,
                    lease_until=None,
                    next_post_at=next_post_at,
                    next_edit_at=next_edit_at,
                )
            )
            return due

        return await self._database.write(work)

    async def oldest_owed(self) -> datetime | None:
        """Return since when the oldest message is owed."""
        oldest = select(func.min(deliveries.c.created_at)).where(
            deliveries.c.state.in_(("owed", "sending"))
        )
        return await self._database.read(lambda tx: tx.execute(oldest).scalar_one())


def _channel(claim: Claim) -> ColumnElement[bool]:
    return and_(channels.c.team_id == claim.team_id, channels.c.channel_id == claim.channel_id)


def _owed(claim: Claim) -> ColumnElement[bool]:
    return and_(
        deliveries.c.team_id == claim.team_id,
        deliveries.c.channel_id == claim.channel_id,
        deliveries.c.state.in_(("owed", "sending")),
    )


def _stale(claim: Claim) -> ColumnElement[bool]:
    return and_(
        cards.c.team_id == claim.team_id,
        cards.c.channel_id == claim.channel_id,
        cards.c.wanted > cards.c.shown,
        cards.c.ts.is_not(None),
        cards.c.refused.is_(None),
    )
