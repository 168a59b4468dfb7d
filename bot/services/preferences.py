"""What channels want to hear: change it, and tell what was kept back once they want to hear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from bot.services.deliver import Deliverer
from bot.services.policy import Policy
from bot.services.ports import Accounts, Clock, Person
from bot.services.report import Reports
from bot.tasks.preferences import Mute, Preferences
from bot.tasks.records import Place
from storage.preferences import PreferenceStore

Change = Callable[[Preferences], Preferences]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants for a channel."""

    wanted: Preferences
    """All but the mute."""
    mute: Mute = Mute.KEEP


class ChannelPreferences:
    """Reads and changes what channels want.

    Args:
        store: stored preferences.
        policy: who may change them.
        deliverer: shows on cards that a channel is muted, and tells what was kept back.
        accounts: which Beam account is meant where.
        reports: reads what digests tell.
        clock: the current time.
    """

    def __init__(
        self,
        store: PreferenceStore,
        policy: Policy,
        deliverer: Deliverer,
        accounts: Accounts,
        reports: Reports,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._reports = reports
        self._store = store
        self._policy = policy
        self._deliverer = deliverer
        self._clock = clock

    async def open(self, place: Place) -> tuple[Preferences, Person]:
        """Return what a channel wants, to somebody who may change it.

        Raises:
            NotAllowed: this person may not.
            SlackUnavailable: Slack does not say who asks.
        """
        person = await self._require(place)
        known = await self._store.of(place.team_id, place.channel_id)
        return known.without_expired_mute(self._clock()), person

    async def change(self, place: Place, asked: Asked) -> Preferences:
        """Have a channel want something else; return what it wants now.

        Raises:
            NotAllowed: this person may not.
            SlackUnavailable: Slack does not say who asks.
        """
        person, now = await self._require(place), self._clock()

        def change(old: Preferences) -> Preferences:
            until = asked.mute.until(now, person.time_zone, old.muted_until)
            return replace(asked.wanted, muted_until=until)

        return await self._change(place, change)

    async def unmute(self, place: Place) -> Preferences:
        """End a channel's mute; what ended meanwhile is told.

        Raises:
            NotAllowed: this person may not.
            SlackUnavailable: Slack does not say who asks.
        """
        await self._require(place)
        return await self._change(place, lambda old: replace(old, muted_until=None))

    async def tick(self) -> None:
        """Tell what was kept back from channels whose silence is over, and weekly digests."""
        while ended := await self._store.end_silences(self._clock()):
            _log.info("silence is over", channels=ended)
        for due in await self._store.due_digests(self._clock()):
            account = await self._accounts.of(due.team_id, due.channel_id)
            place = Place(due.team_id, due.channel_id, "", account=account)
            week = due.preferences.digest_week(due.due_at)
            digest = await self._reports.digest(place, *week)
            # A week in which nothing ended is no news.
            news = digest if digest.stats.total else None
            if await self._store.tell_digest(due, news, account, self._clock()):
                _log.info("weekly digest", team=due.team_id, channel=due.channel_id)

    async def _change(self, place: Place, change: Change) -> Preferences:
        changed = await self._store.change(place, change, self._clock())
        await self._deliverer.deliver_now(place.team_id, place.channel_id)
        return changed

    async def _require(self, place: Place) -> Person:
        return await self._policy.require_member(place, "change what Beambot tells")
