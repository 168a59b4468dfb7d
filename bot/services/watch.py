"""Watch tasks, stop watching them, and list what is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.errors import BadRequest, SlackRefused, SlackUnavailable
from bot.services.deliver import Deliverer
from bot.services.look_up import LookUp
from bot.services.ports import Clock, Courier, DeliveryError
from bot.tasks import Level, TaskId
from bot.tasks.records import Card, CardView, Failure, KnownTask, Place, Watch, Watched, WatchPage
from storage.limits import TooMany
from storage.watches import Added, WatchStore

_PATIENCE = 20
"""How often a card that could not be posted at once is looked for …"""

_PAUSE = 0.1
"""… and the seconds between."""


class Watching:
    """Subscriptions of channels to tasks.

    Args:
        look_up: looks tasks up.
        watches: stored watches.
        deliverer: posts the cards.
        courier: Slack, for links and direct messages.
        clock: the current time.
        sleep: waits between looks whether a card is posted.
    """

    def __init__(
        self,
        look_up: LookUp,
        watches: WatchStore,
        deliverer: Deliverer,
        courier: Courier,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._look_up = look_up
        self._watches = watches
        self._deliverer = deliverer
        self._courier = courier
        self._clock = clock
        self._sleep = sleep

    async def watch(
        self,
        place: Place,
        ids: Sequence[TaskId],
        level: Level | None = None,
        *,
        direct: bool = False,
    ) -> Watched:
        """Watch tasks where they were asked for, or in a direct message.

        Args:
            place: the channel, and who asks.
            ids: the tasks.
            level: what to tell; ``None`` for every change, or as it is if watched already.
            direct: tell the caller alone, in a direct message.

        Raises:
            SlackRefused: the channel cannot be posted to; nothing is watched.
            SlackUnavailable: a direct message could not be opened; nothing is watched.
            BadRequest: the workspace or the channel has no room for all; nothing is watched.
        """
        if direct:
            try:
                channel = await self._courier.open_dm(place.team_id, place.user_id)
            except DeliveryError as error:
                raise SlackUnavailable(
                    "Slack would not open a direct message just now. Try again in a minute."
                ) from error
            place = replace(place, channel_id=channel, thread_ts=None)
        lookup = await self._look_up.look(place, ids)
        # What Beam did not answer for is not watched on a guess.
        found = [known for known in lookup.found if known.trouble is None]
        old = [known for known in lookup.found if known.trouble is not None]
        failed = lookup.failed + tuple(
            Failure(
                known.task.id,
                f"Beam did not answer for `{known.task.id[:8]}` just now, so it is not watched."
                " Try again in a minute.",
            )
            for known in old
        )
        added = await self._add(place, found, level)
        view, posted = None, True
        if added.card_id is not None:
            view, posted = await self._show(place, added.card_id)
        return Watched(view, added.already, added.already_cards, added.finished, failed, posted)

    async def _add(self, place: Place, found: Sequence[KnownTask], level: Level | None) -> Added:
        try:
            return await self._watches.add(
                place,
                found,
                level,
                now=self._clock(),
                start=lambda known, before: self._look_up.start(place, known, before),
            )
        except TooMany as error:
            # All or nothing: the card of a part would count as if it were the whole.
            room = f"{error.room:,}" if error.room else "no"
            if error.in_channel:
                raise BadRequest(
                    f"One channel may watch {error.most:,} tasks. This one has room for {room}"
                    " more, so nothing new is watched. Name fewer, watch in another channel, or"
                    " end what needs no watching: `/beam list` shows it, `/beam unwatch all` ends"
                    " all of it."
                ) from error
            raise BadRequest(
                f"One workspace may watch {error.most:,} tasks. Yours has room for {room} more, so"
                " nothing new is watched. Name fewer, or end what needs no watching: type"
                " `/beam unwatch all` in channels that need none, or `/beam list` to choose."
            ) from error

    async def _show(self, place: Place, card_id: int) -> tuple[CardView, bool]:
        for _ in range(_PATIENCE):
            await self._deliverer.deliver_now(place.team_id, place.channel_id)
            found = await self._watches.card(card_id)
            if found is None:
                raise LookupError(f"card {card_id} was not stored")
            view, refused = found
            if refused:
                raise SlackRefused(
                    "I cannot post in this channel, so nothing is watched. Type"
                    " `/invite @Beambot` and try again, or add `me` to be told in a direct"
                    " message."
                )
            if view.card.ts is not None:
                return view, True
            # Another copy may be at it, or the channel had a message less than a second ago.
            await self._sleep(_PAUSE)
        return view, False

    async def unwatch(
        self, place: Place, ids: Sequence[TaskId] | None, *, card_id: int | None = None
    ) -> list[Watch]:
        """End watches of this channel: of some tasks, of one card, or all."""
        ended = await self._watches.end(place, now=self._clock(), ids=ids, card_id=card_id)
        await self._deliverer.deliver_now(place.team_id, place.channel_id)
        return ended

    async def page(self, place: Place, number: int) -> WatchPage:
        """Return a page of this channel's watches, with links to their cards."""
        page = await self._watches.page(place, number)
        links = await asyncio.gather(*(self._courier.permalink(row.card) for row in page.rows))
        rows = tuple(
            replace(row, permalink=link) for row, link in zip(page.rows, links, strict=True)
        )
        return replace(page, rows=rows)

    async def card_at(self, place: Place, ts: str) -> CardView | None:
        """Return the card whose message was clicked on."""
        return await self._watches.card_at(place, ts)

    async def refresh(self, place: Place, view: CardView) -> CardView:
        """Look up all that a card shows, and show it anew in its channel."""
        flying = [known.task.id for known in view.members if not known.task.status.final]
        ids = flying or [known.task.id for known in view.members]
        await self._look_up.look(replace(place, account=view.card.account), ids)
        await self._watches.touch({view.card.id}, self._clock())
        await self._deliverer.deliver_now(place.team_id, place.channel_id)
        found = await self._watches.card(view.card.id)
        return found[0] if found else view

    async def find(self, place: Place, prefix: str) -> list[TaskId]:
        """Return the tasks of this channel's watches whose id starts with ``prefix``."""
        return await self._watches.by_prefix(place, prefix.lower())

    async def names(self, place: Place, ids: Sequence[TaskId]) -> list[str]:
        """Return what tasks are called."""
        return await self._look_up.names(place, ids)

    async def link(self, card: Card) -> str | None:
        """Return a link to a card, ``None`` if Slack gives none."""
        return await self._courier.permalink(card)
