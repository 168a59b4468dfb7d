"""A Slack workspace that the bot is in; the only one is learned from Slack at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import ClientPayloadError
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SlackUnavailable
from bot.slack.pace import ChannelPace


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is in a workspace (auth.test)."""

    team_id: str
    team: str
    url: str
    bot_id: str
    bot_user_id: str


class Workspaces(Protocol):
    """The workspaces that the bot is in: one, or all that have installed it."""

    client: AsyncWebClient
    """For what needs no workspace."""

    unknown: str
    """What is said to a workspace that is not known."""

    @property
    def known(self) -> bool:
        """Whether requests can be taken."""

    async def learn(self) -> Identity | None:
        """Ask Slack who we are, where there is one workspace."""

    async def get(self, team_id: str, org_id: str | None = None) -> Workspace | None:
        """Return a workspace, ``None`` where the bot is not installed."""


class Workspace:
    """One workspace: its client, the pace of its channels, and who the bot is in it.

    Args:
        client: the client with the workspace's bot token.
        pace: spaces what is posted in each channel.
        identity: who the bot is, if that is known already.
    """

    unknown = "Beambot is starting. Try again in a few seconds."
    """What is said before Slack has said who we are."""

    def __init__(
        self,
        client: AsyncWebClient,
        pace: ChannelPace | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.client = client
        self.pace = pace or ChannelPace()
        self._identity = identity

    async def get(self, team_id: str, org_id: str | None = None) -> Workspace | None:
        """Return itself: where there is one workspace, everything is of it."""
        return self

    @property
    def known(self) -> bool:
        """Whether Slack has said who we are."""
        return self._identity is not None

    @property
    def identity(self) -> Identity:
        """Who the bot is.

        Raises:
            SlackUnavailable: Slack has not said yet.
        """
        if self._identity is None:
            raise SlackUnavailable("Beambot is still starting. Try again in a few seconds.")
        return self._identity

    async def learn(self) -> Identity:
        """Ask Slack who we are.

        Raises:
            slack_sdk.errors.SlackApiError: Slack refuses.
            aiohttp.ClientError: Slack was not reached.
            TimeoutError: Slack did not answer.
        """
        said = await self.client.auth_test()
        team_id, user_id = said.get("team_id"), said.get("user_id")
        if not isinstance(team_id, str) or not isinstance(user_id, str):
            raise ClientPayloadError("auth.test does not say who the bot is")
        self._identity = Identity(
            team_id=team_id,
            team=str(said.get("team") or team_id),
            url=str(said.get("url") or ""),
            bot_id=str(said.get("bot_id") or ""),
            bot_user_id=user_id,
        )
        return self._identity

    async def authorize(self) -> AuthorizeResult:
        """Tell Bolt who we are without asking Slack: it waits for this before every ack."""
        me = self.identity
        return AuthorizeResult(
            enterprise_id=None,
            team_id=me.team_id,
            bot_token=self.client.token,
            bot_id=me.bot_id,
            bot_user_id=me.bot_user_id,
        )

    def message_url(self, channel_id: str, ts: str | None, thread_ts: str | None) -> str | None:
        """Return a link to a message, as chat.getPermalink would; one call a row would be many."""
        channel = self.place_url(channel_id)
        if not channel or ts is None:
            return None
        link = f"{channel}/p{ts.replace('.', '')}"
        return link if thread_ts is None else f"{link}?thread_ts={thread_ts}&cid={channel_id}"

    def place_url(self, channel_id: str) -> str:
        """Return a link to a channel, empty if Slack gave no address."""
        url = self.identity.url
        return f"{url.rstrip('/')}/archives/{channel_id}" if urlsplit(url).scheme else ""
