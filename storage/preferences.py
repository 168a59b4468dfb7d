"""What channels want to hear, and what was kept back while they wanted to hear nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal, or_, select, update

from bot.tasks import Level
from bot.tasks.preferences import Manner, Mention, Preferences, QuietHours, Whom
from bot.tasks.records import Place
from bot.tasks.report import Digest
from storage.audit import note
from storage.database import Database, upsert
from storage.owed import make_due, owe_post, touch_cards
from storage.rounds import Rounds
from storage.summaries import tell_what_was_held
from storage.tables import deliveries, preferences, watches

DEFAULTS = Preferences()


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A channel whose weekly digest is due."""

    team_id: str
    channel_id: str
    due_at: datetime
    preferences: Preferences


class PreferenceStore:
    """Queries over ``preferences``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._silences = Rounds(preferences.c.summary_due_at)
        self._digests = Rounds(preferences.c.digest_due_at)

    async def of(self, team_id: str, channel_id: str) -> Preferences:
        """Return what a channel wants."""
        return await self._database.read(lambda tx: preferences_of(tx, team_id, channel_id))

    async def change(
        self, place: Place, change: Callable[[Preferences], Preferences], now: datetime
    ) -> Preferences:
        """Write down what somebody wants for a channel; return it.

        What was kept back is told at once if it may be told now. Cards that are watched show
        whether the channel is muted.

        Args:
            place: the channel, and who changes it.
            change: returns what is wanted instead of what is stored.
            now: the current time.
        """

        def work(tx: Connection) -> Preferences:
            row = _row(tx, place.team_id, place.channel_id, lock=True)
            since = row.changed_at if row else now
            old = to_preferences(row).without_expired_mute(now) if row else DEFAULTS
            new = change(old)
            due = new.silent_until(now)
            values = _values(new) | {
                # Looked at once the silence is over, and at once if that is now.
                "summary_due_at": due or now,
                "digest_due_at": new.next_digest(now),
                "changed_by": place.user_id,
                "changed_at": now,
            }
            statement = upsert(tx, preferences).values(
                team_id=place.team_id, channel_id=place.channel_id, **values
            )
            tx.execute(
                statement.on_conflict_do_update(
                    index_elements=["team_id", "channel_id"], set_=values
                )
            )
            if old.muted_until != new.muted_until:
                _show_mute(tx, place.team_id, place.channel_id, since, now)
            if due is None:
                _tell(tx, place.team_id, place.channel_id, now)
            note(
                tx,
                place.team_id,
                place.user_id,
                "settings",
                {"channel": place.channel_id, **_described(new)},
                now,
            )
            return new

        return await self._database.write(work)

    async def end_silences(self, now: datetime, *, limit: int = 100) -> int:
        """Tell, of channels whose silence is over, what was kept back; return how many channels.

        All of it is one transaction a call: it is told once, whoever dies. Workspaces take turns:
        quiet hours of a thousand channels may end at once.
        """

        def work(tx: Connection) -> int:
            rows = self._silences.take(tx, now, limit)
            for row in rows:
                known = to_preferences(row)
                later = known.silent_until(now)
                if later is not None:
                    # It was made longer since, or the clock was set back.
                    _set(tx, row.team_id, row.channel_id, summary_due_at=later)
                    continue
                if known.muted_until is not None:
                    _set(tx, row.team_id, row.channel_id, muted_until=None)
                    _show_mute(tx, row.team_id, row.channel_id, row.changed_at, now)
                _tell(tx, row.team_id, row.channel_id, now)
            return len(rows)

        return await self._database.write(work)

    async def due_digests(self, now: datetime, *, limit: int = 20) -> list[DueDigest]:
        """Return channels whose weekly digest is due, in rounds over the workspaces."""

        def work(tx: Connection) -> list[DueDigest]:
            rows = self._digests.take(tx, now, limit)
            return [
                DueDigest(row.team_id, row.channel_id, row.digest_due_at, to_preferences(row))
                for row in rows
            ]

        return await self._database.read(work)

    async def tell_digest(
        self, due: DueDigest, digest: Digest | None, account: str, now: datetime
    ) -> bool:
        """Owe a channel its digest and plan the next, unless another copy has; tell whether.

        Args:
            due: the channel, as it was found.
            digest: what to tell; ``None`` for nothing.
            account: the channel's Beam account.
            now: the current time. While the channel wants to hear nothing, the digest waits.
        """

        def work(tx: Connection) -> bool:
            row = _row(tx, due.team_id, due.channel_id, lock=True)
            if row is None or row.digest_due_at != due.due_at:
                return False
            known = to_preferences(row)
            later, silent = known.next_digest(now), known.silent_until(now)
            if silent is not None:
                waits = min(silent, later) if later else None
                _set(tx, due.team_id, due.channel_id, digest_due_at=waits)
                return False
            _set(tx, due.team_id, due.channel_id, digest_due_at=later)
            if digest is None:
                return False
            key = f"digest:{due.team_id}:{due.channel_id}:{int(due.due_at.timestamp())}"
            owe_post(tx, due.team_id, account, due.channel_id, digest, key, now)
            return True

        return await self._database.write(work)


def preferences_of(tx: Connection, team_id: str, channel_id: str) -> Preferences:
    """Return what a channel wants."""
    row = _row(tx, team_id, channel_id)
    return to_preferences(row) if row else DEFAULTS


def silence_of(
    tx: Connection, team_id: str, channel_id: str, now: datetime
) -> tuple[Preferences, datetime | None]:
    """Return what a channel wants, and until when it wants to hear nothing.

    Where there is silence the row is locked until the transaction ends: who ends the silence
    meanwhile waits, and then finds what was kept back.
    """
    known = preferences_of(tx, team_id, channel_id)
    if known.silent_until(now) is None:
        return known, None
    row = _row(tx, team_id, channel_id, lock=True)
    known = to_preferences(row) if row else DEFAULTS
    return known, known.silent_until(now)


def expect_summary(
    tx: Connection, team_id: str, channel_id: str, until: datetime, now: datetime
) -> None:
    """Note that something was kept back, which is told once the silence is over."""
    here = preferences.c.summary_since
    since = func.coalesce(here, literal(now, here.type))
    _set(tx, team_id, channel_id, summary_since=since, summary_due_at=until)


def to_preferences(row: Row[Any]) -> Preferences:
    """Read a row of ``preferences``."""
    said = json.loads(row.mention) if row.mention else {}
    quiet = None
    if row.quiet_from is not None and row.quiet_to is not None:
        quiet = QuietHours(row.quiet_from, row.quiet_to)
    return Preferences(
        level=Level(row.level),
        manner=Manner(threads=row.threads, broadcast=row.broadcast),
        mention=Mention(Whom(said.get("whom", Whom.ASKER)), tuple(said.get("ids", ()))),
        muted_until=row.muted_until,
        quiet=quiet,
        time_zone=row.time_zone,
        digest=row.digest,
    )


def _values(wanted: Preferences) -> dict[str, Any]:
    mention = {"whom": wanted.mention.whom.value, "ids": list(wanted.mention.ids)}
    return {
        "level": wanted.level.value,
        "threads": wanted.manner.threads,
        "broadcast": wanted.manner.broadcast,
        "mention": None if wanted.mention == Mention() else json.dumps(mention),
        "muted_until": wanted.muted_until,
        "quiet_from": wanted.quiet.start if wanted.quiet else None,
        "quiet_to": wanted.quiet.end if wanted.quiet else None,
        "time_zone": wanted.time_zone,
        "digest": wanted.digest,
    }


def _described(wanted: Preferences) -> dict[str, Any]:
    said = _values(wanted)
    until = wanted.muted_until
    return said | {"muted_until": until.isoformat() if until else None}


def _tell(tx: Connection, team_id: str, channel_id: str, now: datetime) -> None:
    row = _row(tx, team_id, channel_id)
    since = row.summary_since if row and row.summary_since else now
    tell_what_was_held(tx, team_id, channel_id, since, now)
    _set(tx, team_id, channel_id, summary_since=None, summary_due_at=None)


def _show_mute(
    tx: Connection, team_id: str, channel_id: str, since: datetime, now: datetime
) -> None:
    """Have all cards edited that may say that the channel is muted, or do not say it yet."""
    watched = select(watches.c.card_id).where(
        watches.c.team_id == team_id,
        watches.c.channel_id == channel_id,
        # What ended while it was muted says so too.
        or_(watches.c.ended_at.is_(None), watches.c.ended_at >= since),
    )
    held = select(deliveries.c.card_id).where(
        deliveries.c.team_id == team_id,
        deliveries.c.channel_id == channel_id,
        deliveries.c.state == "held",
    )
    touch_cards(tx, {*tx.execute(watched).scalars(), *tx.execute(held).scalars()} - {None}, now)
    make_due(tx, team_id, channel_id, now)


def _row(tx: Connection, team_id: str, channel_id: str, *, lock: bool = False) -> Row[Any] | None:
    wanted = select(preferences).where(_here(team_id, channel_id))
    return tx.execute(wanted.with_for_update() if lock else wanted).first()


def _set(tx: Connection, team_id: str, channel_id: str, **values: Any) -> None:
    tx.execute(update(preferences).where(_here(team_id, channel_id)).values(**values))


def _here(team_id: str, channel_id: str) -> ColumnElement[bool]:
    return and_(preferences.c.team_id == team_id, preferences.c.channel_id == channel_id)
