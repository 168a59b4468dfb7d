"""A flood of requests makes nobody wait for the acknowledgement."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from bot.slack.gate import LOOKED_UP_MOST, TOLERANCE, Gate
from tests.fuzz.slack_side import MemorySeen, RequestCounts

SECRET = "secret"


class BusySeen(MemorySeen):
    """Answers only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.full = asyncio.Event()
        self.go = asyncio.Event()

    async def known(self, team_id: str, key: str) -> bool:
        self.asked += 1
        if self.asked == LOOKED_UP_MOST:
            self.full.set()
        await self.go.wait()
        return await super().known(team_id, key)


class Door:
    """A gate, and what passes it."""

    def __init__(self, seen: MemorySeen) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.passed: list[int] = []
        self.gate = Gate(
            self.take,
            SECRET,
            seen,
            lambda: self.now,
            lambda: True,
            RequestCounts(),
            patience=3_600,
        )

    async def take(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        self.passed.append(json.loads(message["body"])["number"])

    def send(self, number: int) -> asyncio.Task[int]:
        """Send a request; the status is 200 if it passes."""
        return asyncio.create_task(self._send(number))

    async def _send(self, number: int) -> int:
        body = json.dumps({"type": "event_callback", "number": number}).encode()
        stamp = str(int(self.now.timestamp())).encode()
        mark = hmac.new(SECRET.encode(), b"v0:" + stamp + b":" + body, hashlib.sha256)
        headers = [
            (b"content-type", b"application/json"),
            (b"x-slack-request-timestamp", stamp),
            (b"x-slack-signature", b"v0=" + mark.hexdigest().encode()),
        ]
        statuses = [200]

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
        await self.gate(scope, receive, answer)
        return statuses[-1]


async def test_what_comes_beyond_a_flood_does_not_wait_for_the_database() -> None:
    seen = BusySeen()
    door = Door(seen)
    flood = [door.send(number) for number in range(LOOKED_UP_MOST)]
    async with asyncio.timeout(20):
        await seen.full.wait()
        assert await asyncio.gather(*map(door.send, range(1_000, 1_100))) == [200] * 100
    assert seen.asked == LOOKED_UP_MOST
    # What this copy has taken it takes once, flood or not.
    assert await door.send(1_050) == 401
    seen.go.set()
    assert await asyncio.gather(*flood) == [200] * LOOKED_UP_MOST
    assert sorted(door.passed) == [*range(LOOKED_UP_MOST), *range(1_000, 1_100)]
    # And then each is looked up again.
    assert await door.send(2_000) == 200
    assert seen.asked == LOOKED_UP_MOST + 1


async def test_only_requests_that_could_come_again_are_remembered() -> None:
    door = Door(MemorySeen())
    for number in range(50):
        await door.send(number)
    door.now += 2 * TOLERANCE + timedelta(seconds=1)
    await door.send(50)
    assert len(door.gate._taken) == 1  # it must not grow for ever
