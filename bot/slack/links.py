"""Links to tasks of Beam's dashboard: a card under the message (chat.unfurl)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import SlackUnavailable
from bot.services import Services
from bot.services.ports import DeliveryError
from bot.slack.answer import Ephemeral, PostAnswer
from bot.slack.blocks.message import JSON, Message
from bot.slack.blocks.task_card import CardButtons, task_card
from bot.slack.calls import call, patiently
from bot.slack.guard import Turn
from bot.slack.parts import text
from bot.slack.workspace import Workspace
from bot.tasks import TaskId
from bot.tasks.links import task_in_link
from bot.tasks.records import Place


class Links:
    """Shows what people link to.

    Args:
        services: the use cases.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

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
            await show(turn.workspace, turn.place.channel_id, ts, unfurls)
        except SlackUnavailable:
            shown = [known.task.id for known in picked.found]
            await self._services.previews.undo(turn.place, shown)
            raise


class UnfurlAnswer(Ephemeral):
    """Answers a click on a card under somebody's message.

    Who clicked is told directly where the bot may not write, for links unfurl anywhere.

    Args:
        workspace: the workspace.
        place: where the message is, and who clicked.
        message_ts: the message with the link.
        url: the link.
    """

    def __init__(self, workspace: Workspace, place: Place, message_ts: str, url: str) -> None:
        super().__init__(workspace, place, PostAnswer(workspace, place.user_id, None))
        self._message_ts = message_ts
        self._url = url

    async def public(self, message: Message) -> None:
        """Tell the channel; where the bot may not write, whoever clicked."""
        try:
            await super().public(message)
        except SlackUnavailable:
            await self.private(message)

    async def replace(self, message: Message) -> None:
        """Show the card anew: a second chat.unfurl of a message changes the first."""
        unfurls = {self._url: unfurl(message)}
        await show(self._workspace, self._channel_id, self._message_ts, unfurls)


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


async def show(workspace: Workspace, channel: str, ts: str, unfurls: dict[str, JSON]) -> None:
    """Show cards under a message.

    Raises:
        SlackUnavailable: Slack did not take them.
    """
    arguments = {"channel": channel, "ts": ts, "unfurls": unfurls}
    try:
        # It may happen twice: the second changes what the first shows.
        await patiently(lambda: call(workspace.client, "chat.unfurl", arguments), repeat=True)
    except DeliveryError as error:
        raise SlackUnavailable(
            f"Slack did not take the card ({error.code}). Try again in a minute."
        ) from error
