"""Socket Mode that ends only once whatever has come is acknowledged."""

from __future__ import annotations

import asyncio
import time

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

PATIENCE = 0.5
"""Seconds that acknowledgements may take when the bot stops; they take milliseconds."""

_LOOK_EVERY = 0.01
_QUIET_LOOKS = 3
"""How often in a row nothing may be in hand: between two of its steps a request is in none."""


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler, which drops what it has in hand when it is closed.

    Slack does not send a command again that is not acknowledged, and other copies of the bot
    would have taken it. What Slack sends in the moment of the closing itself is lost all the same:
    nothing tells Slack beforehand.
    """

    _in_hand = 0

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as Bolt's own
        """Have a request handled, and acknowledge it."""
        self._in_hand += 1
        try:
            await super().handle(client, req)
        finally:
            self._in_hand -= 1

    async def close_async(self) -> None:
        """Acknowledge what has come, and disconnect."""
        deadline, quiet = time.monotonic() + PATIENCE, 0
        while quiet < _QUIET_LOOKS and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_EVERY)
            busy = self._in_hand or not self.client.message_queue.empty()
            quiet = 0 if busy else quiet + 1
        await super().close_async()  # type: ignore[no-untyped-call]
