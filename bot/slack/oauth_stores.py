"""What Bolt's installation by OAuth keeps, in our own stores: states and installations."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from aiohttp import ClientError
from slack_bolt.error import BoltError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.ports import Clock
from storage.database import StorageUnavailable
from storage.installations import Installation, InstallationStore

STATE_LASTS = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class StateStore(AsyncOAuthStateStore):
    """States of installations that have begun; each is good once, however many try at once.

    Args:
        store: where they are kept.
        clock: the current time.
    """

    def __init__(self, store: InstallationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        """What the SDK's interface asks for."""
        return logging.getLogger("slack_bolt")

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        """Return a new state."""
        state = secrets.token_urlsafe(32)
        await self._store.issue_state(state, self._clock(), STATE_LASTS)
        return state

    async def async_consume(self, state: str) -> bool:
        """Take a state; tell whether it was good."""
        return await self._store.consume_state(state, self._clock())


class SavingStore(AsyncInstallationStore):
    """Keeps what Bolt's flow brings.

    Args:
        store: where installations are kept.
        client: asks Slack what the workspace is called.
        clock: the current time.
        installed: is told of an installation that is kept.
    """

    def __init__(
        self,
        store: InstallationStore,
        client: AsyncWebClient,
        clock: Clock,
        installed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._installed = installed

    @property
    def logger(self) -> logging.Logger:
        """What the SDK's interface asks for."""
        return logging.getLogger("slack_bolt")

    async def async_save(self, installation: SlackInstallation) -> None:
        """Keep an installation.

        Raises:
            BoltError: it could not be kept; Bolt's flow shows that as a failure.
        """
        try:
            said = await self._client.auth_test(token=installation.bot_token)
            kept = _of_slack(installation, url=str(said.get("url") or ""))
            await self._store.save(kept, self._clock())
        except (SlackApiError, SlackClientError, ClientError, OSError, TimeoutError) as error:
            raise BoltError(f"Slack did not confirm the token ({type(error).__name__})") from error
        except (StorageUnavailable, ValueError) as error:
            _log.error("an installation could not be kept", reason=str(error))
            raise BoltError("the installation could not be kept") from error
        self._installed(kept.owner_id)
        _log.info("installed", owner=kept.owner_id, org_wide=kept.org_wide, by=kept.installed_by)


def _of_slack(one: SlackInstallation, *, url: str) -> Installation:
    org_wide = bool(one.is_enterprise_install)
    owner_id = one.enterprise_id if org_wide else one.team_id
    if not owner_id or not one.bot_token or not one.bot_user_id:
        raise ValueError("Slack's answer names no workspace or no bot")
    expires = one.bot_token_expires_at
    return Installation(
        owner_id=owner_id,
        org_wide=org_wide,
        name=(one.enterprise_name if org_wide else one.team_name) or owner_id,
        url=one.enterprise_url or url if org_wide else url,
        app_id=one.app_id,
        bot_id=one.bot_id or "",
        bot_user_id=one.bot_user_id,
        scopes=",".join(one.bot_scopes or ()),
        token=one.bot_token,
        refresh_token=one.bot_refresh_token,
        expires_at=datetime.fromtimestamp(expires, UTC) if expires else None,
        installed_by=one.user_id or "",
        installed_at=datetime.fromtimestamp(one.installed_at, UTC),
    )
