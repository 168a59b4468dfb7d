"""Uses slash commands as Slack sends them, many at once, and measures how they are answered.

A program of its own, so that what is measured is the bot and not the test: it reads its orders as
JSON from standard input and prints its findings as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

ANSWER_WAIT = 60.0
"""Seconds that the last answer may take."""


class LoadClient:
    """Sends commands and takes the answers.

    Args:
        orders: ``events`` (where commands go), ``secret``, ``at_once``, and ``commands``: a list
            of [channel, user, text].
    """

    def __init__(self, orders: dict[str, Any]) -> None:
        self._orders = orders
        self._left = list(enumerate(orders["commands"]))[::-1]
        self._acks: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._sent: dict[int, float] = {}
        self._answers: dict[int, float] = {}
        self._texts: dict[int, str] = {}
        self._all = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Send everything, wait for the answers, and return what was measured, in seconds."""
        app = web.Application()
        app.add_routes([web.post("/response/{number}", self._answered)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._back = f"http://127.0.0.1:{runner.addresses[0][1]}"
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as self._session:
            await asyncio.gather(*(self._worker() for _ in range(self._orders["at_once"])))
        if self._sent:
            try:
                await asyncio.wait_for(self._all.wait(), ANSWER_WAIT)
            except TimeoutError:
                print("answers are missing", file=sys.stderr)
        await runner.cleanup()
        delays = [
            self._answers[number] - at
            for number, at in self._sent.items()
            if number in self._answers
        ]
        return {
            "acks": sorted(self._acks),
            "statuses": dict(self._statuses),
            "answered": len(delays),
            "answer_p50": _percentile(delays, 0.5),
            "answer_max": max(delays, default=0.0),
            "apologies": [text for text in self._texts.values() if "went wrong" in text],
        }

    async def _worker(self) -> None:
        while self._left:
            number, (channel, user, text) = self._left.pop()
            await self._command(number, channel, user, text)

    async def _command(self, number: int, channel: str, user: str, text: str) -> None:
        body = urlencode(
            {
                "command": "/beam",
                "text": text,
                "team_id": "T0BEAMDEMO",
                "channel_id": channel,
                "channel_name": channel.lower(),
                "user_id": user,
                "user_name": user.lower(),
                "api_app_id": "A0BEAMBOT",
                "trigger_id": f"{number}.{secrets.token_hex(8)}",
                "response_url": f"{self._back}/response/{number}",
            }
        ).encode()
        stamp = str(int(time.time()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self._orders["secret"].encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={digest}",
        }
        self._sent[number] = began = time.monotonic()
        try:
            async with self._session.post(
                self._orders["events"], data=body, headers=headers
            ) as response:
                await response.read()
                self._statuses[str(response.status)] += 1
        except aiohttp.ClientError as error:
            self._statuses[type(error).__name__] += 1
        self._acks.append(time.monotonic() - began)

    async def _answered(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        said = await request.json()
        self._answers.setdefault(number, time.monotonic())
        self._texts[number] = str(said.get("text"))
        if len(self._answers) == len(self._orders["commands"]):
            self._all.set()
        return web.Response(text="ok")


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


if __name__ == "__main__":
    print(json.dumps(asyncio.run(LoadClient(json.load(sys.stdin)).run())))
