"""What happens when a workspace removes the bot, or takes its token back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

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
        changed: is told the owner of an installation that is gone, and who is forgotten.
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

    async def uninstalled(self, owner_id: str, at: datetime | None = None) -> None:
        """Forget all that is kept of a workspace, or of all workspaces of an organisation.

        Args:
            owner_id: the workspace or the organisation.
            at: when it removed the bot. What it has installed since stays, and so does the rest:
                Slack may say it late, and more than once.
        """
        if await self._installations.installed_since(owner_id, at):
            _log.info("the bot was removed before it was installed anew", owner=owner_id)
            return
        # First of all nobody is served any more, so that nothing new is kept meanwhile.
        await self.revoked(owner_id, at)
        await self._forget(await self._installations.teams_of(owner_id), "app_uninstalled")

    async def revoked(self, owner_id: str, at: datetime | None = None) -> None:
        """Forget a token that Slack has taken back; what is watched waits for a new one.

        Args:
            owner_id: the workspace or the organisation.
            at: when that was; a token that came since stays.
        """
        await self._installations.remove(owner_id, at)
        self._changed(owner_id)
        _log.info("the bot was removed, or its token revoked", owner=owner_id)

    async def shut_out(self, org_id: str, team_ids: Sequence[str]) -> None:
        """Forget workspaces in which an organisation does not want its installation any more.

        Args:
            org_id: the organisation.
            team_ids: the workspaces; one that has installed the bot by itself keeps it.
        """
        served = await self._installations.teams_of(org_id)
        await self._forget([one for one in served if one in team_ids], "team_access_revoked")

    async def _forget(self, team_ids: Sequence[str], why: str) -> None:
        for team_id in team_ids:
            await forget_team(self._database, team_id, why, self._clock())
            self._changed(team_id)
