"""Many workspaces: each is known by its installation, and forgotten when the bot is removed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.ports import Clock
from bot.slack.pace import ChannelPace
from bot.slack.workspace import Identity, Workspace
from storage.database import StorageUnavailable
from storage.installations import Installation, InstallationStore
from storage.vault import Sealed

KEPT = timedelta(seconds=60)
"""How long this copy may go on with a token that another copy renewed or forgot."""

MOST = 10_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    owner_id: str
    workspace: Workspace


class InstalledWorkspaces:
    """All workspaces in which the bot is installed.

    Args:
        store: installations.
        new_client: makes a client of a bot token; of none for what needs no workspace.
        clock: the current time.
    """

    unknown = (
        "Beambot is not installed here, or cannot look that up just now. Try again in a minute; if"
        " it stays like this, an admin of this workspace has to install it again."
    )
    """What is said where nobody has installed the bot, or its token was taken back."""

    known = True
    """Requests can be taken at once: each says which workspace it is of."""

    def __init__(
        self,
        store: InstallationStore,
        new_client: Callable[[str | None], AsyncWebClient],
        clock: Clock,
    ) -> None:
        self.client = new_client(None)
        self._store = store
        self._new_client = new_client
        self._clock = clock
        self._pace = ChannelPace()
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def learn(self) -> None:
        """There is nothing to learn before somebody installs the bot."""

    async def get(self, team_id: str, org_id: str | None = None) -> Workspace | None:
        """Return a workspace, ``None`` where the bot is not installed.

        Args:
            team_id: the workspace.
            org_id: its organisation, where the request names one.
        """
        now = self._clock()
        known = self._known.get(team_id)
        if known is not None and abs(now - known.at) < KEPT:
            self._known.move_to_end(team_id)
            return known.workspace
        try:
            installation = await self._store.find(team_id, org_id)
        except Sealed as error:
            _log.error("a stored token cannot be read", team=team_id, reason=str(error))
            return None
        except StorageUnavailable as error:
            if known is None:
                raise
            # What was known a minute ago is better than no answer at all.
            _log.warning("installation not looked up", team=team_id, reason=error.reason)
            return known.workspace
        if installation is None:
            self._known.pop(team_id, None)
            return None
        owner_id = installation.owner_id
        if installation.org_wide and org_id and team_id != owner_id and known is None:
            await self._store.note_team(team_id, owner_id, now)
        workspace = self._workspace(team_id, installation, known)
        self._known[team_id] = _Known(now, installation.owner_id, workspace)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return workspace

    def changed(self, owner_id: str) -> None:
        """Look an installation up again before it is used the next time."""
        for team_id in [team for team, one in self._known.items() if one.owner_id == owner_id]:
            del self._known[team_id]

    def _workspace(self, team_id: str, one: Installation, known: _Known | None) -> Workspace:
        if known is not None and known.workspace.client.token == one.token:
            return known.workspace
        me = Identity(
            team_id=team_id,
            team=one.name,
            url=one.url,
            bot_id=one.bot_id,
            bot_user_id=one.bot_user_id,
        )
        return Workspace(self._new_client(one.token), self._pace, me)
