"""Who may do what (``CANCEL_POLICY``)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import NotAllowed
from bot.services.ports import People, Person
from bot.settings import CancelPolicy
from bot.tasks import TaskId
from bot.tasks.records import Place
from storage.watches import WatchStore


class Policy:
    """Decides; fails closed, since who cannot be looked up may be anybody.

    Args:
        people: who is who.
        watches: who watches what.
        cancel: who may cancel.
    """

    def __init__(self, people: People, watches: WatchStore, cancel: CancelPolicy) -> None:
        self._people = people
        self._watches = watches
        self._cancel = cancel

    async def require_insider(self, place: Place) -> Person:
        """Refuse people from other workspaces (Slack Connect): the tasks are not theirs to see.

        Raises:
            NotAllowed: the person is from elsewhere.
            SlackUnavailable: Slack does not say who it is.
        """
        person = await self._people.person(place.team_id, place.user_id)
        if person.stranger:
            raise NotAllowed(
                "You are here from another workspace, and Beambot answers the people of this one"
                " alone. Ask one of them."
            )
        return person

    async def require_admin(self, place: Place) -> None:
        """Refuse who is no admin of the workspace.

        Raises:
            NotAllowed: the person is none.
            SlackUnavailable: Slack does not say who it is.
        """
        if not (await self.require_insider(place)).admin:
            raise NotAllowed("Only admins of this workspace may do that. Ask one of them.")

    async def require_member(self, place: Place, what: str) -> Person:
        """Refuse guests, and people from other workspaces.

        Args:
            place: where something is to be done, and by whom.
            what: what is to be done, to go on "Guests may not …".

        Raises:
            NotAllowed: the person is a guest, or from elsewhere.
            SlackUnavailable: Slack does not say who it is.
        """
        person = await self.require_insider(place)
        if person.guest:
            raise NotAllowed(f"Guests may not {what} here. Ask a member of the workspace.")
        return person

    async def require_cancel(self, place: Place, ids: Sequence[TaskId]) -> None:
        """Refuse who may not cancel all of ``ids``.

        Raises:
            NotAllowed: with the rule that forbids it.
            SlackUnavailable: Slack does not say who it is.
        """
        person = await self.require_insider(place)
        if self._cancel is CancelPolicy.ADMINS:
            if not person.admin:
                raise NotAllowed(
                    "Only admins of this workspace may cancel tasks here. Ask one of them."
                )
            return
        if person.guest:
            raise NotAllowed("Guests may not cancel tasks here. Ask a member of the workspace.")
        if self._cancel is CancelPolicy.WATCHERS and not person.admin:
            theirs = await self._watches.watches_of(
                place.team_id, place.account, ids, place.user_id
            )
            others = [task_id for task_id in ids if task_id not in theirs]
            if others:
                which = ", ".join(f"`{task_id[:8]}`" for task_id in others[:5])
                raise NotAllowed(
                    "Only whoever watches a task, and admins, may cancel it here, and you do"
                    f" not watch {which}. Watch it first with `/beam watch`."
                )
