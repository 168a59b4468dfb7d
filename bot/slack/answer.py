"""Answering whoever asked, where they asked: by ``response_url`` or in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import SlackUnavailable
from bot.retry_after import retry_after
from bot.services.ports import DeliveryError, NeverDeliverable, OutcomeUnknown, TryLater
from bot.slack.blocks.message import Message, without_charts
from bot.slack.calls import WAIT_MOST, Sleep, call, patiently
from bot.slack.workspace import Workspace
from bot.tasks.records import Place


class Answer(Protocol):
    """A way back to whoever asked. Everything raised is a ``bot.errors.SlackUnavailable``."""

    async def private(self, message: Message) -> None:
        """Answer the caller alone where Slack allows it."""

    async def public(self, message: Message) -> None:
        """Answer so that the conversation sees it."""

    async def replace(self, message: Message) -> None:
        """Put a message in the place of the one that was clicked on, or just answer."""

    async def remove(self) -> None:
        """Take the message away that was clicked on, if there is one."""


class UrlAnswer:
    """Answers by ``response_url``: at most 5 times within 30 minutes, also where we are no member.

    Args:
        url: the ``response_url``.
        session: sends the requests.
        clicked: whether a message was clicked on, which can then be replaced.
        thread_ts: the thread that answers go to; without it they would go to the channel.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        url: str,
        session: ClientSession,
        *,
        clicked: bool,
        thread_ts: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        # Without the SDK's retries: it sends again what may have got through.
        self._webhook = AsyncWebhookClient(url, session=session, retry_handlers=[])
        self._clicked = clicked
        self._new = {} if thread_ts is None else {"thread_ts": thread_ts}
        self._sleep = sleep

    async def private(self, message: Message) -> None:
        await self._send({"response_type": "ephemeral", **self._new, **_body(message)})

    async def public(self, message: Message) -> None:
        body = {"response_type": "in_channel", **self._new, **_body(message)}
        await self._send(body, repeat=False)

    async def replace(self, message: Message) -> None:
        if not self._clicked:
            return await self.private(message)
        return await self._send({**_body(message), "replace_original": True})

    async def remove(self) -> None:
        if self._clicked:
            await self._send({"delete_original": True})

    async def _send(self, body: dict[str, Any], *, repeat: bool = True) -> None:
        """Send, and again after a failure; ``repeat`` also where it may have got through."""
        try:
            await _or_plainer(
                body,
                lambda own: patiently(lambda: self._post(own), repeat=repeat, sleep=self._sleep),
            )
        except DeliveryError as error:
            raise _not_taken(error) from error

    async def _post(self, body: dict[str, Any]) -> None:
        try:
            answer = await self._webhook.send_dict({"replace_original": False, **body})
        except ClientConnectorError as error:
            raise TryLater("not_reached") from error
        except (ClientError, OSError, TimeoutError, ValueError, LookupError) as error:
            # A body that is no text raises what the decoder raises.
            raise OutcomeUnknown(type(error).__name__) from error
        status = answer.status_code
        if status == 429:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            raise TryLater("status 429", retry_after=retry_after(headers.get("retry-after")))
        if status >= 500:
            raise OutcomeUnknown(f"status {status}")
        if status != 200:
            named = "blocks" in str(answer.body)
            raise NeverDeliverable("invalid_blocks" if named else f"status {status}")


class PostAnswer:
    """Answers with messages in a conversation that the bot is in, in the thread if in one.

    Args:
        workspace: its client, and the pace of its channels.
        channel_id: the conversation.
        thread_ts: the thread.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        workspace: Workspace,
        channel_id: str,
        thread_ts: str | None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._workspace = workspace
        self._channel_id = channel_id
        self._thread_ts = thread_ts
        self._sleep = sleep

    async def private(self, message: Message) -> None:
        await self.public(message)

    async def public(self, message: Message) -> None:
        body = {**_body(message), "unfurl_links": False, "unfurl_media": False}
        if self._thread_ts is not None:
            body["thread_ts"] = self._thread_ts
        try:
            # Others see it too: perhaps twice is worse than perhaps not at all.
            await _or_plainer(
                body,
                lambda own: patiently(lambda: self._post(own), repeat=False, sleep=self._sleep),
            )
        except DeliveryError as error:
            raise _not_taken(error) from error

    async def replace(self, message: Message) -> None:
        await self.public(message)

    async def remove(self) -> None:
        return

    async def _post(self, body: dict[str, Any]) -> None:
        pace = self._workspace.pace
        if wait := await pace.turn(self._channel_id, most=WAIT_MOST):
            raise TryLater("ratelimited", retry_after=wait)
        try:
            await call(
                self._workspace.client, "chat.postMessage", {"channel": self._channel_id, **body}
            )
        except TryLater as error:
            pace.hold(self._channel_id, error.retry_after or 0.0)
            raise


class Ephemeral(PostAnswer):
    """Answers in a channel, notices to one person alone.

    Args:
        workspace: the workspace.
        place: where, and who is told alone.
        otherwise: tells the person where the notice cannot be shown.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        workspace: Workspace,
        place: Place,
        otherwise: Answer,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(workspace, place.channel_id, place.thread_ts, sleep)
        self._user = place.user_id
        self._otherwise = otherwise

    async def private(self, message: Message) -> None:
        arguments: dict[str, Any] = {
            "channel": self._channel_id,
            "user": self._user,
            "text": message.text,
            "blocks": message.blocks,
        }
        if self._thread_ts is not None:
            arguments["thread_ts"] = self._thread_ts
        client = self._workspace.client
        try:
            await patiently(
                lambda: call(client, "chat.postEphemeral", arguments),
                repeat=True,
                sleep=self._sleep,
            )
        except DeliveryError:
            # The bot is not in the channel: that is what the notice says. Tell it directly.
            await self._otherwise.private(message)


def _not_taken(error: DeliveryError) -> SlackUnavailable:
    return SlackUnavailable(f"Slack did not take the answer ({error.code}). Try again in a minute.")


async def _or_plainer(
    body: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Send an answer; without Slack's charts where they are not taken."""
    try:
        await send(body)
    except NeverDeliverable as error:
        bare = _without_charts(body)
        if error.code != "invalid_blocks" or bare is None:
            raise
        # Certainly not taken, so nothing doubles.
        await send(bare)


def _without_charts(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return an answer without Slack's charts; ``None`` if it has none."""
    blocks = body.get("blocks") or []
    bare = without_charts(blocks)
    return {**body, "blocks": bare} if len(bare) < len(blocks) else None


def _body(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": message.blocks}
