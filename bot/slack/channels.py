"""Which channels are open to whom (users.conversations), remembered for a few minutes."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.errors import SlackUnavailable
from bot.services.ports import Clock, DeliveryError, Person
from bot.slack.calls import call
from bot.slack.workspace import Workspaces

KEPT = timedelta(minutes=5)
"""How long a channel that was made private may still pass for a public one."""

_PAGE, _PAGES = 999, 20
_MOST = 1_000
_EVERYBODY = ""

_log = structlog.get_logger(__name__)


class SlackChannels:
    """Tells public channels.

    Ids do not tell a private channel from a public one. One call lists the public channels that
    the bot is in, which are all that it can watch in, so ``channels:read`` is enough: nothing is
    asked about private channels, nor who is in them.

    Args:
        workspaces: where they are.
        clock: the current time.
    """

    def __init__(self, workspaces: Workspaces, clock: Clock) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[datetime, frozenset[str]]] = OrderedDict()

    async def open_to(self, team_id: str, person: Person) -> frozenset[str]:
        """Return the public channels that somebody may look into.

        To members all are open; to guests those that they are in.

        Raises:
            SlackUnavailable: Slack does not say; a guess could show what is private.
        """
        whose = person.id if person.guest else _EVERYBODY
        now, key = self._clock(), (team_id, whose)
        if key in self._known and abs(now - self._known[key][0]) < KEPT:
            return self._known[key][1]
        found = await self._ask(team_id, whose)
        self._known[key] = (now, found)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    async def _ask(self, team_id: str, user_id: str) -> frozenset[str]:
        workspace = await self._workspaces.get(team_id)
        if workspace is None:
            raise SlackUnavailable(
                "Slack did not say which channels are public. Try again in a minute."
            )
        # The token of an organisation does not say which of its workspaces is meant.
        asked: dict[str, Any] = {"types": "public_channel", "limit": _PAGE, "team_id": team_id}
        if user_id:
            asked["user"] = user_id
        found: set[str] = set()
        try:
            for _ in range(_PAGES):
                answer = await call(workspace.client, "users.conversations", asked, read=True)
                listed = answer.get("channels")
                for one in listed if isinstance(listed, list) else []:
                    if isinstance(one, dict) and not one.get("is_private"):
                        found.add(str(one.get("id")))
                more = answer.get("response_metadata")
                cursor = more.get("next_cursor") if isinstance(more, dict) else None
                if not cursor:
                    break
                asked["cursor"] = cursor
        except DeliveryError as error:
            _log.warning("Slack does not list channels", reason=error.code)
            raise SlackUnavailable(
                f"Slack did not say which channels are public ({error.code}). Try again in a"
                " minute."
            ) from error
        return frozenset(found)
