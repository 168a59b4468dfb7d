"""The outbox: which channels are owed something, what, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from bot.tasks.records import CancelReport, Card, NudgeNews, Watch
from storage.claims import Claim, claim_channel, claim_due, is_ahead, mend, waiting
from storage.closed import close, losses
from storage.codec import News, news_from_json
from storage.database import Database
from storage.groups import touch_told
from storage.nudges import told_nudge
from storage.owed import make_due, owe_card
from storage.reports import ToldReports, last_report, report_of
from storage.rows import to_card, to_watch
from storage.tables import cards, channels, deliveries, watches
from storage.watches import end_watches

KEPT = timedelta(days=30)
"""How long messages that were sent are kept; their keys make sure that none is sent twice."""

FORGOTTEN_AT_ONCE = 1_000
"""Messages that are forgotten in one transaction."""


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
    trace: str | None = None
    """The id of what caused it, as in the log."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a claimed channel is owed now, in order."""

    deliveries: tuple[Delivery, ...]
    stale_cards: tuple[Card, ...]
    """Those whose message lags behind; what they show is read when one's turn has come."""


class Outbox:
    """Queries over ``channels`` and ``deliveries``."""

    BATCH = 40

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(
        self, now: datetime, *, after: str, limit: int, without: Collection[str]
    ) -> list[str]:
        """Return workspaces with a channel that is due, in the order of their turns.

        Args:
            now: the current time.
            after: the workspace whose turn was last.
            limit: how many at most.
            without: workspaces that take nothing now, or enough.
        """

        def look(tx: Connection) -> tuple[bool, list[str]]:
            return is_ahead(tx, now), waiting(tx, now, after=after, limit=limit, without=without)

        ahead, found = await self._database.read(look)
        if ahead:
            await self._database.write(lambda tx: mend(tx, now))
            _, found = await self._database.read(look)
        return found

    async def claim(
        self,
        now: datetime,
        wanted: Mapping[str, int],
        *,
        lease: timedelta,
        busy: Collection[tuple[str, str]] = (),
    ) -> list[Claim]:
        """Take channels that are due and that no other copy looks after.

        Args:
            now: the current time.
            wanted: how many of which workspace at most.
            lease: how long the channels are ours.
            busy: channels that this copy serves already, though their lease may be over: a
                machine that slept has not finished what it began.
        """
        return await self._database.write(
            lambda tx: claim_due(tx, now, wanted, lease=lease, busy=busy)
        )

    async def claim_channel(
        self, now: datetime, team_id: str, channel_id: str, *, lease: timedelta
    ) -> list[Claim]:
        """Take one channel that is owed something, due or not, if no other copy has it."""
        return await self._database.write(
            lambda tx: claim_channel(tx, now, team_id, channel_id, lease=lease)
        )

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
                    row.trace,
                )
                for row in rows
            )
            stale = tx.execute(
                select(cards).where(_stale(claim)).order_by(cards.c.id).limit(self.BATCH)
            ).all()
            return Work(owed, tuple(to_card(row) for row in stale))

        return await self._database.read(read)

    async def begin(self, claim: Claim, ids: list[int], now: datetime) -> bool:
        """Note that deliveries are about to be sent; ``False`` if the channel is ours no more."""

        def work(tx: Connection) -> bool:
            if not _lock(tx, claim) or now >= claim.lease_until:
                return False
            tx.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(ids))
                .values(state="sending", attempts=deliveries.c.attempts + 1)
            )
            return True

        return await self._database.write(work)

    async def sent(self, ids: list[int], ts: str, now: datetime, *, card: Card | None) -> None:
        """Note that Slack accepted deliveries as message ``ts``; ``card`` if it is a card's.

        Not if that was noted before: who notes it late, after a copy that took the channel over,
        must not lead what follows to another message than that copy did.
        """

        def work(tx: Connection) -> None:
            noted = tx.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(ids), deliveries.c.state.in_(("owed", "sending")))
                .values(state="sent", ts=ts, sent_at=now, error=None)
            )
            if not noted.rowcount:
                return
            if card is not None:
                tx.execute(
                    update(cards).where(cards.c.id == card.id).values(ts=ts, shown=card.wanted)
                )
            touch_told(tx, ids, now)

        await self._database.write(work)

    async def last_report(
        self, claim: Claim, card_id: int | None, report: CancelReport, since: datetime
    ) -> ToldReports | None:
        """Return the same person's report before, if it is our latest message in its place."""
        place = (claim.team_id, claim.channel_id, card_id, report, since)
        return await self._database.read(lambda tx: last_report(tx, *place))

    async def report(self, key: str) -> ToldReports | None:
        """Return the message that tells the report owed under ``key``, if it was sent."""
        return await self._database.read(lambda tx: report_of(tx, key))

    async def nudge(self, key: str) -> tuple[str, NudgeNews] | None:
        """Return the message (its ``ts``) and the nudge owed under ``key``, if it was sent."""
        return await self._database.read(lambda tx: told_nudge(tx, key))

    async def unsent(self, claim: Claim, ids: list[int], error: str) -> None:
        """Note that Slack certainly did not take deliveries, which are owed again.

        Not if another copy has taken the channel meanwhile: it may have sent them.
        """
        again = (
            update(deliveries)
            .where(deliveries.c.id.in_(ids))
            .values(state="owed", error=error[:64])
        )
        await self._database.write(lambda tx: tx.execute(again) if _lock(tx, claim) else None)

    async def set_aside(
        self, claim: Claim, ids: list[int], error: str, now: datetime
    ) -> list[Watch]:
        """Give up deliveries that no repetition can cure.

        Without its first post a card has no thread, so nothing can follow it: its watches end.
        Nothing happens if another copy has taken the channel meanwhile.

        Returns:
            The watches that were ended.
        """

        def work(tx: Connection) -> list[Watch]:
            if not _lock(tx, claim):
                return []
            never = {"state": "dead", "error": error[:64]}
            tx.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(never))
            first_posts = set(
                tx.execute(
                    select(deliveries.c.card_id).where(
                        deliveries.c.id.in_(ids), deliveries.c.kind == "card"
                    )
                ).scalars()
            )
            if not first_posts:
                return []
            rows = tx.execute(
                select(watches).where(
                    watches.c.card_id.in_(first_posts), watches.c.ended_at.is_(None)
                )
            )
            ended = [to_watch(row) for row in rows.all()]
            end_watches(tx, ended, "refused", now)
            tx.execute(
                update(deliveries)
                .where(
                    deliveries.c.card_id.in_(first_posts),
                    deliveries.c.state.in_(("owed", "sending")),
                )
                .values(never)
            )
            tx.execute(update(cards).where(cards.c.id.in_(first_posts)).values(refused=error[:64]))
            return ended

        return await self._database.write(work)

    async def edited(self, card: Card, now: datetime) -> None:
        """Note that the channel shows ``card`` as of its ``wanted`` version."""
        this = cards.c.id == card.id

        def work(tx: Connection) -> None:
            before = tx.execute(select(cards.c.shown).where(this).with_for_update()).scalar()
            tx.execute(update(cards).where(this).values(shown=card.wanted))
            if before is not None and before > card.wanted:
                # Another copy has shown a newer version meanwhile; who knows which came last.
                make_due(tx, card.team_id, card.channel_id, now)

        await self._database.write(work)

    async def replace_card(self, card: Card, error: str, now: datetime) -> bool:
        """Owe a channel a new post of a card whose message is gone, if it is still needed.

        Returns:
            Whether it is: somebody still watches what it shows, and no other copy has seen to it.
        """

        def work(tx: Connection) -> bool:
            now_at = select(cards.c.ts).where(cards.c.id == card.id).with_for_update()
            if tx.execute(now_at).scalar() != card.ts:
                return False
            active = select(watches.c.id).where(
                watches.c.card_id == card.id, watches.c.ended_at.is_(None)
            )
            if tx.execute(active.limit(1)).first() is None:
                tx.execute(
                    update(cards)
                    .where(cards.c.id == card.id)
                    .values(refused=error[:64], shown=cards.c.wanted)
                )
                return False
            tx.execute(update(cards).where(cards.c.id == card.id).values(ts=None))
            owe_card(
                tx,
                card.id,
                card.team_id,
                card.account,
                card.channel_id,
                now,
                version=card.wanted,
            )
            return True

        return await self._database.write(work)

    async def owes(self, team_id: str) -> bool:
        """Tell whether any channel of a workspace is owed something."""
        one = select(channels.c.channel_id).where(
            channels.c.team_id == team_id, channels.c.due_at.is_not(None)
        )
        return await self._database.read(lambda tx: tx.execute(one.limit(1)).first() is not None)

    async def owners_in(self, claim: Claim, now: datetime) -> list[str]:
        """Return who would have to be told if a claimed channel is closed."""
        found = await self._database.read(
            lambda tx: losses(tx, claim.team_id, claim.channel_id, now)
        )
        return list(dict.fromkeys(owner for owner, _ in found))

    async def close_channel(
        self, claim: Claim, error: str, now: datetime, *, direct: Mapping[str, str]
    ) -> list[Watch]:
        """End all watches of a channel that takes no messages, and what it was owed.

        In the same transaction their owners are owed a direct message. Nothing happens if another
        copy has taken the channel meanwhile: it may have found it open again.

        Args:
            claim: the channel.
            error: Slack's name for the reason.
            now: the current time.
            direct: where direct messages to each owner go.

        Returns:
            The watches that were ended.
        """
        team_id, channel_id = claim.team_id, claim.channel_id
        key = f"{team_id}:{channel_id}:{claim.attempt}"

        def work(tx: Connection) -> list[Watch]:
            if not _lock(tx, claim):
                return []
            return close(tx, team_id, channel_id, error, now, direct=direct, key=key)

        return await self._database.write(work)

    async def release(
        self,
        claim: Claim,
        *,
        next_post_at: datetime | None,
        next_edit_at: datetime | None,
        not_before: datetime | None = None,
        now: datetime,
    ) -> datetime | None:
        """Give a channel back; return when it is due again, ``None`` if nothing is owed.

        Args:
            claim: the channel.
            next_post_at: when it may be posted to again.
            next_edit_at: when a card in it may be edited again.
            not_before: when anything may be sent to it again, after something failed.
            now: the current time.
        """

        def work(tx: Connection) -> datetime | None:
            # Whoever owes something from now on waits, and then finds that nothing is due.
            _lock(tx, claim)
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
                    touched_at=now,
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

    async def purge(self, now: datetime) -> None:
        """Forget messages that were sent, or given up, long ago; what they told is in history.

        Many are forgotten a few at a time, as others write in between.
        """
        old = (
            select(deliveries.c.id)
            .where(
                deliveries.c.state.in_(("sent", "dead", "folded")),
                deliveries.c.created_at < now - KEPT,
            )
            .order_by(deliveries.c.id)
            .limit(FORGOTTEN_AT_ONCE)
        )
        while ids := await self._database.read(lambda tx: list(tx.scalars(old))):
            forget = delete(deliveries).where(deliveries.c.id.in_(ids))
            await self._database.write(lambda tx, forget=forget: tx.execute(forget))  # type: ignore[misc]
            if len(ids) < FORGOTTEN_AT_ONCE:
                break


def _channel(claim: Claim) -> ColumnElement[bool]:
    return and_(channels.c.team_id == claim.team_id, channels.c.channel_id == claim.channel_id)


def _lock(tx: Connection, claim: Claim) -> bool:
    """Hold a channel's row to the end of the transaction; tell whether the claim still holds."""
    row = select(channels.c.attempt).where(_channel(claim)).with_for_update()
    return tx.execute(row).scalar_one_or_none() == claim.attempt


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
