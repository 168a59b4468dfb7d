"""Installation by OAuth: Bolt's flow over our own stores, and renewal of tokens that expire."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError
from slack_bolt.adapter.starlette.async_handler import (
    to_async_bolt_request,
    to_starlette_response,
)
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.services.ports import Clock
from bot.slack.calls import error_code
from bot.slack.manifest import SCOPES
from bot.slack.oauth_stores import STATE_LASTS, SavingStore, StateStore
from storage.database import StorageUnavailable
from storage.installations import Installation, InstallationStore
from storage.vault import Sealed

INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
RENEW_BEFORE = timedelta(hours=2)
"""How long before its end a token is renewed; Slack's last twelve hours."""

BEGUN_WITHIN, BEGUN_MOST = timedelta(minutes=1), 300
"""Installations that one copy lets begin: each is a row for ten minutes, and anybody may ask."""

_log = structlog.get_logger(__name__)


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
        self._begun: deque[datetime] = deque()
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
            Route(INSTALL_PATH, self._page(self._begin), methods=["GET"]),
            Route(REDIRECT_PATH, self._page(self._flow.handle_callback), methods=["GET"]),
        ]

    async def _begin(self, request: AsyncBoltRequest) -> BoltResponse:
        """Show the page that begins an installation, unless too many began just now."""
        now = self._clock()
        while self._begun and not timedelta(0) <= now - self._begun[0] < BEGUN_WITHIN:
            self._begun.popleft()
        if len(self._begun) >= BEGUN_MOST:
            _log.warning("installations refused", begun=len(self._begun))
            return BoltResponse(
                status=429,
                body="Too many installations begin just now. Try again in a minute.",
                headers={"retry-after": "60"},
            )
        self._begun.append(now)
        return await self._flow.handle_installation(request)

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
        for owner_id in await self._store.expiring(now + RENEW_BEFORE):
            # A refresh token is good once: only one copy may use it.
            if await self._store.claim_renewal(owner_id, now):
                done += await self._renew(owner_id)
        return done

    async def _renew(self, owner_id: str) -> bool:
        try:
            one = await self._store.find(owner_id)
        except Sealed as error:
            _log.error("a token was not renewed", owner=owner_id, reason=str(error))
            return False
        if one is None:
            return False
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
        except (
            ClientError,
            SlackClientError,
            OSError,
            TimeoutError,
            KeyError,
            TypeError,
            ValueError,
            OverflowError,
        ) as error:
            _log.error("a token was not renewed", owner=one.owner_id, reason=type(error).__name__)
            return False
        now = self._clock()
        renewed = replace(one, token=token, refresh_token=refresh, expires_at=now + lasts)
        # Slack has forgotten the old one: what is not kept now is lost with this process.
        kept = await self._keep(renewed, now)
        self._changed(one.owner_id)
        _log.info("token renewed" if kept else "not installed any more", owner=one.owner_id)
        return kept

    async def _keep(self, renewed: Installation, now: datetime) -> bool:
        for pause in (0.5, 1.0, 2.0, 4.0, 8.0):
            try:
                return await self._store.renewed(renewed, now)
            except StorageUnavailable as error:
                _log.warning("renewed token not kept yet", reason=error.reason)
                await asyncio.sleep(pause)
        return await self._store.renewed(renewed, now)
