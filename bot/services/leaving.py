"""What happens when a workspace removes the bot, or takes its token back."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.services.ports import Clock
from storage.database import Database
from storage.forget import forget_team
from storage.installations import InstallationStore

_log = structlog.get_logger(__name__)


class Leaving:
    """Forgets workspaces.

    Args:
        database: where all that is theirs is kept.
        installations: where the bot is installed.
        clock: the current time.
        changed: is told the owner of an installation that is gone.
    """

    def __init__(
        self,
        database: Database,
        installations: InstallationStore,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        self._database = database
        self._installations = installations
        self._clock = clock
        self._changed = changed

    async def uninstalled(self, owner_id: str) -> None:
        """Forget all that is kept of a workspace, or of all workspaces of an organisation."""
        for team_id in await self._installations.teams_of(owner_id):
            await forget_team(self._database, team_id, "app_uninstalled", self._clock())
        await self.revoked(owner_id)

    async def revoked(self, owner_id: str) -> None:
        """Forget a token that Slack has taken back; what is watched waits for a new one."""
        await self._installations.remove(owner_id)
        self._changed(owner_id)
        _log.info("the bot was removed, or its token revoked", owner=owner_id)
