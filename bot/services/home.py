"""A person's Home: what they watch, what the workspace watches, what needs attention first."""

from __future__ import annotations

from bot.errors import SlackUnavailable
from bot.services.look_up import LookUp
from bot.services.ports import Channels, Clock, People
from bot.tasks.home import HomePage
from bot.tasks.records import Place, Trouble, WatchRow
from storage.home import HomeStore, Viewer

LOOKED_AT = 20
"""Tasks that **Refresh** asks Beam about; the others are polled anyway."""


class HomePages:
    """Reads Homes, each for the eyes of one person.

    Args:
        store: stored watches.
        people: who is who.
        channels: which channels are open to whom.
        look_up: looks tasks up.
        clock: the current time.
    """

    def __init__(
        self,
        store: HomeStore,
        people: People,
        channels: Channels,
        look_up: LookUp,
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._channels = channels
        self._look_up = look_up
        self._clock = clock

    async def page(self, place: Place, mine: int = 1, others: int = 1) -> HomePage:
        """Return what a person's Home shows now, from what is stored: Beam is not asked.

        Args:
            place: the person.
            mine: which page of their own watches, from 1.
            others: which page of the workspace's.

        Raises:
            SlackUnavailable: Slack does not say who it is.
        """
        viewer = await self._viewer(place)
        return await self._store.page(viewer, mine, others, self._clock())

    async def row(self, place: Place, card_id: int) -> WatchRow | None:
        """Return what a row of Home stood for, ``None`` if this person may not see it."""
        return await self._store.row(await self._viewer(place), card_id)

    async def refresh(self, place: Place, page: HomePage) -> Trouble | None:
        """Ask Beam about the tasks of a page; return why they are not all known, if so."""
        flying = [
            known.task.id
            for row in (*page.mine.rows, *page.others.rows)
            for known in row.members
            if not known.task.status.final
        ]
        lookup = await self._look_up.look(place, list(dict.fromkeys(flying))[:LOOKED_AT])
        return next((known.trouble for known in lookup.found if known.trouble), None)

    async def _viewer(self, place: Place) -> Viewer:
        person = await self._people.person(place.team_id, place.user_id)
        try:
            channels = await self._channels.open_to(place.team_id, person)
        except SlackUnavailable:
            # Which channels are private must not be guessed.
            channels = None
        return Viewer(place.team_id, place.account, place.user_id, channels)
