"""Which channels are open to whom (users.conversations), remembered for a few minutes."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError

from bot.errors import SlackUnavailable
from bot.services.ports import Clock, Person
from bot.slack.calls import error_code
from bot.slack.workspace import Workspace

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
        workspace: the workspace.
        clock: the current time.
    """

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
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
        found = await self._ask(whose)
        self._known[key] = (now, found)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    async def _ask(self, user_id: str) -> frozenset[str]:
        asked: dict[str, Any] = {"types": "public_channel", "limit": _PAGE}
        if user_id:
            asked["user"] = user_id
        found: set[str] = set()
        try:
            for _ in range(_PAGES):
                answer = await self._workspace.client.users_conversations(**asked)
                listed = answer.get("channels") or []
                found |= {str(one["id"]) for one in listed if not one.get("is_private")}
                cursor = (answer.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    break
                asked["cursor"] = cursor
        except SlackApiError as error:
            _log.warning("Slack does not list channels", reason=error_code(error))
            raise SlackUnavailable(
                f"Slack did not say which channels are public ({error_code(error)})."
            ) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise SlackUnavailable("Slack did not say which channels are public.") from error
        return frozenset(found)
