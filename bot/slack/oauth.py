"""Installation by OAuth: Bolt's flow over our own stores, and renewal of tokens that expire."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError
from slack_bolt.adapter.starlette.async_handler import (
    to_async_bolt_request,
    to_starlette_response,
)
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.services.ports import Clock
from bot.slack.calls import error_code
from bot.slack.manifest import SCOPES
from storage.database import StorageUnavailable
from storage.installations import Installation, InstallationStore

INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
STATE_LASTS = timedelta(minutes=10)
RENEW_BEFORE = timedelta(hours=2)
"""How long before its end a token is renewed; Slack's last twelve hours."""

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


class Installing:
    """The two pages of an installation, and the renewal of tokens.

    Args:
        client_id: the app's.
        client_secret: the app's.
        api_url: Slack's Web API; the page that asks for consent is on the same host.
        store: where installations are kept.
        client: a client without a token, which must not retry by itself.
        clock: the current time.
        changed: is told the owner of an installation that was kept or renewed.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        api_url: str,
        store: InstallationStore,
        client: AsyncWebClient,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._store = store
        self._client = client
        self._clock = clock
        self._changed = changed
        parts = urlsplit(api_url)
        # Bolt would log the code of an installation that failed.
        logger = logging.getLogger("slack_bolt")
        self._flow = AsyncOAuthFlow(
            client=client,
            logger=logger,
            settings=AsyncOAuthSettings(
                client_id=client_id,
                client_secret=client_secret,
                scopes=list(SCOPES),
                authorization_url=f"{parts.scheme}://{parts.netloc}/oauth/v2/authorize",
                install_path=INSTALL_PATH,
                redirect_uri_path=REDIRECT_PATH,
                installation_store=SavingStore(store, client, clock, changed),
                state_store=StateStore(store, clock),
                state_expiration_seconds=int(STATE_LASTS.total_seconds()),
                logger=logger,
            ),
        )

    def routes(self) -> list[BaseRoute]:
        """Return the routes of both pages."""
        return [
            Route(INSTALL_PATH, self._page(self._flow.handle_installation), methods=["GET"]),
            Route(REDIRECT_PATH, self._page(self._flow.handle_callback), methods=["GET"]),
        ]

    def _page(
        self, show: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            try:
                return to_starlette_response(await show(to_async_bolt_request(request, b"")))
            except StorageUnavailable as error:
                _log.error("the database cannot be used", reason=error.reason)
            except (ClientError, SlackClientError, OSError, TimeoutError) as error:
                _log.warning("Slack did not answer an installation", reason=type(error).__name__)
            return Response("Beambot cannot be installed just now. Try again in a minute.", 503)

        return page

    async def renew(self) -> int:
        """Renew tokens that expire soon; return how many."""
        now = self._clock()
        done = 0
        for one in await self._store.expiring(now + RENEW_BEFORE):
            # A refresh token is good once: only one copy may use it.
            if await self._store.claim_renewal(one.owner_id, now):
                done += await self._renew(one)
        return done

    async def _renew(self, one: Installation) -> bool:
        try:
            said = await self._client.oauth_v2_access(
                client_id=self._client_id,
                client_secret=self._client_secret,
                grant_type="refresh_token",
                refresh_token=one.refresh_token,
            )
            token, refresh = str(said["access_token"]), str(said["refresh_token"])
            lasts = timedelta(seconds=int(said["expires_in"]))
        except SlackApiError as error:
            _log.error("a token was not renewed", owner=one.owner_id, reason=error_code(error))
            return False
        except (ClientError, SlackClientError, OSError, TimeoutError, KeyError) as error:
            _log.error("a token was not renewed", owner=one.owner_id, reason=type(error).__name__)
            return False
        now = self._clock()
        renewed = replace(one, token=token, refresh_token=refresh, expires_at=now + lasts)
        # Slack has forgotten the old one: what is not kept now is lost with this process.
        await self._keep(renewed, now)
        self._changed(one.owner_id)
        _log.info("token renewed", owner=one.owner_id)
        return True

    async def _keep(self, renewed: Installation, now: datetime) -> None:
        for pause in (0.5, 1.0, 2.0, 4.0, 8.0):
            try:
                return await self._store.save(renewed, now)
            except StorageUnavailable as error:
                _log.warning("renewed token not kept yet", reason=error.reason)
                await asyncio.sleep(pause)
        return await self._store.save(renewed, now)
