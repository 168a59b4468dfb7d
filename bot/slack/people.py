"""Who is who in a workspace (users.info), remembered for a few minutes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from bot.errors import SlackUnavailable
from bot.services.ports import Clock, DeliveryError, Person
from bot.slack.calls import Sleep, call, patiently
from bot.slack.workspace import Workspaces
from bot.tasks.preferences import is_zone

KEPT = timedelta(minutes=5)
"""How long somebody who was made a guest may still pass for a member."""
_MOST = 10_000
_STRANGERS = {"user_not_found", "user_not_visible", "users_not_found"}


class SlackPeople:
    """Looks people up.

    Args:
        workspaces: where they are looked up.
        clock: the current time.
        sleep: waits between attempts.
    """

    def __init__(self, workspaces: Workspaces, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._sleep = sleep
        self._known: OrderedDict[tuple[str, str], tuple[datetime, Person]] = OrderedDict()

    async def person(self, team_id: str, user_id: str) -> Person:
        """Look a person up.

        Raises:
            SlackUnavailable: Slack does not say; who it is must not be guessed.
        """
        now, key = self._clock(), (team_id, user_id)
        if key in self._known and abs(now - self._known[key][0]) < KEPT:
            return self._known[key][1]
        person = await self._ask(team_id, user_id)
        self._known[key] = (now, person)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return person

    async def _ask(self, team_id: str, user_id: str) -> Person:
        workspace = await self._workspaces.get(team_id)
        if workspace is None:
            raise _unavailable("not installed")
        client = workspace.client
        try:
            answer = await patiently(
                lambda: call(client, "users.info", {"user": user_id}, read=True),
                repeat=True,
                sleep=self._sleep,
            )
        except DeliveryError as error:
            if error.code in _STRANGERS:
                # Somebody of another workspace in a shared channel may be hidden from us.
                return Person(user_id, admin=False, guest=False, stranger=True)
            raise _unavailable(error.code) from error
        user = answer.get("user")
        if not isinstance(user, dict):
            raise _unavailable("no user")
        return read_person(team_id, user_id, user)


def read_person(team_id: str, user_id: str, user: dict[str, Any]) -> Person:
    """Return what a user object says (https://docs.slack.dev/reference/objects/user-object)."""
    # In Enterprise Grid `team_id` is the home workspace; the others are listed.
    grid = user.get("enterprise_user")
    teams = grid.get("teams") if isinstance(grid, dict) else None
    stranger = bool(user.get("is_stranger")) or (
        user.get("team_id", team_id) != team_id
        and not (isinstance(teams, list) and team_id in teams)
    )
    guest = bool(user.get("is_restricted") or user.get("is_ultra_restricted"))
    admin = bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner"))
    zone = user.get("tz")
    return Person(
        user_id,
        admin=admin and not guest,
        guest=guest,
        stranger=stranger,
        name=_name(user),
        time_zone=zone if isinstance(zone, str) and is_zone(zone) else "UTC",
    )


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile")
    said = profile if isinstance(profile, dict) else {}
    names = (said.get("display_name"), said.get("real_name"), user.get("real_name"))
    return next((name for name in names if isinstance(name, str) and name.strip()), "")


def _unavailable(why: str) -> SlackUnavailable:
    return SlackUnavailable(
        f"Slack did not say who you are ({why}), so nothing was done. Try again in a minute."
    )
