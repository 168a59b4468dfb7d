"""Answering whoever asked, where they asked: by ``response_url`` or in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import ClientError, ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import SlackUnavailable
from bot.slack.blocks.message import Message, without_charts
from bot.slack.client import TIMEOUT

ATTEMPTS = 3

Sleep = Callable[[float], Awaitable[None]]


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
        self._webhook = AsyncWebhookClient(url, timeout=TIMEOUT, session=session, retry_handlers=[])
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
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._sleep(0.5 * attempt)
            try:
                answer = await self._webhook.send_dict({"replace_original": False, **body})
            except (ClientError, OSError, TimeoutError, ValueError) as error:
                # ValueError: the SDK decodes the body of the answer, which nobody needs.
                why = type(error).__name__
                if not repeat:
                    break
                continue
            if answer.status_code == 200:
                return None
            why = f"status {answer.status_code}"
            if "blocks" in str(answer.body) and (bare := _without_charts(body)) is not None:
                # Certainly not taken: charts are not taken everywhere.
                return await self._send(bare, repeat=repeat)
            if answer.status_code != 429 and (answer.status_code < 500 or not repeat):
                break
        raise SlackUnavailable(f"Slack did not take the answer ({why}).")


class PostAnswer:
    """Answers with messages in a conversation that the bot is in, in the thread if in one.

    Args:
        client: the workspace's client.
        channel_id: the conversation.
        thread_ts: the thread.
    """

    def __init__(self, client: AsyncWebClient, channel_id: str, thread_ts: str | None) -> None:
        self._client = client
        self._channel_id = channel_id
        self._thread_ts = thread_ts

    async def private(self, message: Message) -> None:
        await self.public(message)

    async def public(self, message: Message) -> None:
        try:
            await self._client.chat_postMessage(
                channel=self._channel_id,
                thread_ts=self._thread_ts,
                text=message.text,
                blocks=message.blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            if error_code(error) == "invalid_blocks":
                bare = without_charts(message.blocks)
                if len(bare) < len(message.blocks):
                    return await self.public(Message(message.text, bare))
            raise SlackUnavailable(
                f"Slack did not take the answer ({error_code(error)})."
            ) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise SlackUnavailable("Slack did not take the answer.") from error
        return None

    async def replace(self, message: Message) -> None:
        await self.public(message)

    async def remove(self) -> None:
        return


def error_code(error: SlackApiError) -> str:
    """Return Slack's name for an error; a body that is not JSON has none."""
    data = error.response.data if hasattr(error.response, "data") else error.response
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) else "not_json"


def _without_charts(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return an answer without Slack's charts; ``None`` if it has none."""
    blocks = body.get("blocks") or []
    bare = without_charts(blocks)
    return {**body, "blocks": bare} if len(bare) < len(blocks) else None


def _body(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": message.blocks}
