"""Links to tasks of Beam's dashboard: a card under the message (chat.unfurl)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SlackUnavailable
from bot.services import Services
from bot.slack.answer import PostAnswer, error_code
from bot.slack.blocks.message import JSON, Message
from bot.slack.blocks.task_card import CardButtons, task_card
from bot.slack.guard import Turn
from bot.slack.parts import text
from bot.slack.workspace import Workspace
from bot.tasks import TaskId
from bot.tasks.links import task_in_link


class Links:
    """Shows what people link to.

    Args:
        services: the use cases.
        workspace: shows the cards.
    """

    def __init__(self, services: Services, workspace: Workspace) -> None:
        self._services = services
        self._workspace = workspace

    async def show(self, turn: Turn) -> None:
        """Show the tasks that a message links to, under it."""
        links = linked_tasks(turn.body)
        picked = await self._services.previews.pick(turn.place, list(links))
        now = self._services.clock()
        unfurls = {}
        for known in picked.found:
            buttons = CardButtons.in_channel(watching=known.task.id in picked.watched)
            card = task_card(known, now=now, buttons=buttons)
            unfurls[links[known.task.id]] = unfurl(card)
        if not unfurls:
            return
        ts = str(turn.body["message_ts"])
        try:
            await show(self._workspace.client, turn.place.channel_id, ts, unfurls)
        except SlackUnavailable:
            shown = [known.task.id for known in picked.found]
            await self._services.previews.undo(turn.place, shown)
            raise


class UnfurlAnswer(PostAnswer):
    """Answers a click on a card under somebody's message.

    Args:
        client: the workspace's client.
        channel_id: the channel.
        user_id: who clicked.
        thread_ts: the thread of the message, if it is in one.
        message_ts: the message with the link.
        url: the link.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        channel_id: str,
        user_id: str,
        thread_ts: str | None,
        message_ts: str,
        url: str,
    ) -> None:
        super().__init__(client, channel_id, thread_ts)
        self._user_id = user_id
        self._message_ts = message_ts
        self._url = url

    async def private(self, message: Message) -> None:
        """Tell who clicked; directly where the bot may not write, for links unfurl anywhere."""
        try:
            await self._client.chat_postEphemeral(
                channel=self._channel_id,
                user=self._user_id,
                text=message.text,
                blocks=message.blocks,
                thread_ts=self._thread_ts,
            )
        except (SlackApiError, ClientError, OSError, TimeoutError):
            await PostAnswer(self._client, self._user_id, None).private(message)

    async def public(self, message: Message) -> None:
        """Tell the channel; where the bot may not write, whoever clicked."""
        try:
            await super().public(message)
        except SlackUnavailable:
            await self.private(message)

    async def replace(self, message: Message) -> None:
        """Show the card anew: a second chat.unfurl of a message changes the first."""
        await show(self._client, self._channel_id, self._message_ts, {self._url: unfurl(message)})


class NoAnswer:
    """Tells nobody anything: nobody asked."""

    async def private(self, message: Message) -> None:
        """Say nothing."""

    async def public(self, message: Message) -> None:
        """Say nothing."""

    async def replace(self, message: Message) -> None:
        """Say nothing."""

    async def remove(self) -> None:
        """Take nothing away."""


def linked_tasks(event: Mapping[str, Any]) -> dict[TaskId, str]:
    """Return the tasks that a message links to, each with its first link, in their order."""
    found: dict[TaskId, str] = {}
    links = event.get("links")
    for link in links if isinstance(links, list) else []:
        url = text(link, "url") if isinstance(link, Mapping) else ""
        task_id = task_in_link(url)
        if task_id is not None:
            found.setdefault(task_id, url)
    return found


def unfurl(card: Message) -> JSON:
    """Return a card as what is shown of a link."""
    return {"blocks": card.blocks}


async def show(client: AsyncWebClient, channel: str, ts: str, unfurls: dict[str, JSON]) -> None:
    """Show cards under a message.

    Raises:
        SlackUnavailable: Slack did not take them.
    """
    try:
        await client.chat_unfurl(channel=channel, ts=ts, unfurls=unfurls)
    except SlackApiError as error:
        raise SlackUnavailable(f"Slack did not take the card ({error_code(error)}).") from error
    except (ClientError, OSError, TimeoutError) as error:
        raise SlackUnavailable("Slack did not take the card.") from error
