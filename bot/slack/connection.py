"""Getting connected to Slack, however long it takes, and staying so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import ClientError
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.calls import error_code
from bot.slack.workspace import Workspaces

RETRY_FIRST, RETRY_LIMIT = 1.0, 30.0
"""Seconds between attempts: doubled each time up to the limit."""

# Slack has said for good that a token is no use; waiting does not help.
_REJECTED = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
    "missing_scope",
}

_log = structlog.get_logger(__name__)


class Rejected(Exception):
    """Slack rejects a token.

    Args:
        line: the variable, what Slack says, and what to do.
    """


class Connection:
    """The way to Slack: the Web API, and Socket Mode if that is used.

    Args:
        workspaces: learn who the bot is.
        socket: the Socket Mode handler; ``None`` over HTTP.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        socket: AsyncSocketModeHandler | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._workspaces = workspaces
        self._socket = socket
        self._sleep = sleep

    async def start(self) -> None:
        """Connect, and try again until Slack answers.

        Raises:
            Rejected: Slack rejects a token.
        """
        await self._until_done("SLACK_BOT_TOKEN", self._learn)
        if self._socket is not None:
            # The SDK would try a rejected token again for ever, so the first address is ours.
            await self._until_done("SLACK_APP_TOKEN", self._ask_address)
            # From here on the SDK reconnects by itself.
            await self._socket.connect_async()  # type: ignore[no-untyped-call]

    async def down(self) -> str | None:
        """Return why Slack cannot reach the bot, ``None`` if it can."""
        if not self._workspaces.known:
            return "Slack has not said who the bot is"
        if self._socket is None or await self._socket.client.is_connected():
            return None
        return "the socket is not connected"

    async def stop(self) -> None:
        """Take nothing more from Slack."""
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call]

    async def _ask_address(self) -> None:
        if self._socket is not None:
            client = self._socket.client
            client.wss_uri = await client.issue_new_wss_url()

    async def _learn(self) -> None:
        me = await self._workspaces.learn()
        if me is None:
            _log.info("waiting for workspaces that install the bot, or have")
            return
        _log.info("connected to Slack", team=me.team, team_id=me.team_id, bot=me.bot_user_id)

    async def _until_done(self, variable: str, work: Callable[[], Awaitable[object]]) -> None:
        pause, told = RETRY_FIRST, False
        while True:
            try:
                await work()
            except SlackApiError as error:
                code = error_code(error)
                if code in _REJECTED:
                    raise Rejected(
                        f"{variable} is rejected by Slack ({code});"
                        " `python app.py check` says more."
                    ) from error
                why = code
            except (ClientError, SlackClientError, OSError, TimeoutError) as error:
                why = type(error).__name__
            else:
                return
            if not told:
                # Once: what matters is that it began, and that it ended.
                _log.warning("Slack is not reachable, trying again", reason=why)
                told = True
            await self._sleep(pause)
            pause = min(2 * pause, RETRY_LIMIT)
