"""The real Bolt app behind the real gate, with a Slack that takes everything."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlencode

from aiohttp import ClientSession
from multidict import CIMultiDict
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.services import Services
from bot.slack import new_app, register
from bot.slack.client import SlackClient
from bot.slack.gate import Gate
from bot.slack.guard import Guard
from bot.slack.manifest import EVENTS_PATH
from bot.slack.workspace import Workspace
from bot.web import new_web
from storage.database import Database
from storage.seen import SeenStore
from tests.bot.services.world import A, B, World

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Response:
    """What the fake session answers, with the parts of aiohttp's that the SDK uses."""

    content_type = "application/json"
    status = 200

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self.headers: CIMultiDict[str] = CIMultiDict()

    async def json(self) -> dict[str, Any]:
        return self._body

    async def text(self) -> str:
        return "ok"

    async def __aenter__(self) -> Response:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


class TakesAll:
    """A session that sends nothing and is told that all went well; keeps what was sent."""

    closed = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def request(self, method: str, url: str, **rest: Any) -> Response:
        body = rest.get("json") or rest.get("params") or rest.get("data") or {}
        if isinstance(body, str):
            body = json.loads(body)
        self.sent.append((url, dict(body)))
        me = {"team_id": "T1", "team": "T", "user_id": "UBOT", "bot_id": "B1"}
        return Response({"ok": True, "ts": "1.0", "url": "https://slack.example/", **me})


class MemorySeen(SeenStore):
    """What was seen, without a database."""

    def __init__(self) -> None:
        self.keys: set[tuple[str, str]] = set()

    async def known(self, team_id: str, key: str) -> bool:
        return (team_id, key) in self.keys

    async def first(self, team_id: str, key: str, now: Any) -> bool:
        new = (team_id, key) not in self.keys
        self.keys.add((team_id, key))
        return new


class RequestCounts:
    """Counts what the gate and the guard count."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def refused(self, status: int) -> None:
        self.counts[f"refused {status}"] += 1

    def acknowledged(self, seconds: float) -> None:
        self.counts["acknowledged"] += 1

    def requested(self, via: str, result: str) -> None:
        self.counts[f"{via} {result}"] += 1

    def failed(self, where: str) -> None:
        self.counts[f"failed {where}"] += 1


class SlackSide:
    """Everything between Slack's HTTP requests and the services, over a database of its own."""

    def __init__(self, path: Path, slack: TakesAll | None = None) -> None:
        self.world = World(path, database=Database)
        self.meter = RequestCounts()
        self.session = slack or TakesAll()
        self.reached = 0
        session = cast("ClientSession", self.session)
        self.workspace = Workspace(SlackClient(token="xoxb-t", session=session, retry_handlers=[]))
        self.services = Services(
            look_up=self.world.look_up,
            watching=self.world.watching,
            cancelling=self.world.cancelling,
            policy=self.world.policy,
            accounts=None,
            previews=self.world.previews,
            reports=self.world.reports,
            nudger=self.world.nudger,
            preferences=self.world.preferences,
            home=self.world.home,
            poller=self.world.poller,
            deliverer=self.world.deliverer,
            clock=self.world.clock,
        )
        self.guard = Guard(
            MemorySeen(), self.world.policy, self.world.accounts, self.world.clock, self.meter
        )
        app = new_app(self.workspace)
        register(app, self.services, self.guard, session)
        bolt = cast("ASGIApp", AsyncSlackRequestHandler(app, path=EVENTS_PATH))

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.reached += 1
            await bolt(scope, receive, send)

        gate = Gate(
            counted,
            SECRET,
            MemorySeen(),
            self.world.clock,
            lambda: self.workspace.known,
            self.meter,
            read_limit=0.5,
        )
        self.web = new_web(gate, {}, _no_metrics)

    async def open(self) -> None:
        await self.world.open()
        self.world.beam.put(A, "RUNNING")
        self.world.beam.put(B, "COMPLETE")
        await self.workspace.learn()

    async def close(self) -> None:
        await self.guard.settle(5)
        await self.world.close()

    def signed(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers that Slack would send with ``body`` now."""
        # Each second of the clock has signatures of its own: the same body may come again.
        self.world.clock.advance(1)
        timestamp = str(int(self.world.clock().timestamp())).encode()
        signature = hmac.new(SECRET.encode(), b"v0:" + timestamp + b":" + body, hashlib.sha256)
        return [
            (b"x-slack-request-timestamp", timestamp),
            (b"x-slack-signature", b"v0=" + signature.hexdigest().encode()),
            (b"content-length", str(len(body)).encode()),
        ]

    async def send(
        self,
        headers: list[tuple[bytes, bytes]],
        chunks: list[bytes],
        *,
        method: str = "POST",
        path: str = EVENTS_PATH,
        query: bytes = b"",
    ) -> int:
        """Send a request as a server would hand it on; return the status of the answer."""
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        left = list(chunks)
        answers: list[Message] = []

        async def receive() -> Message:
            if not left:
                await asyncio.Event().wait()  # the caller keeps the connection open
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left)}

        async def send(message: Message) -> None:
            answers.append(message)

        await self.web(scope, receive, send)
        assert [answer["type"] for answer in answers] == [
            "http.response.start",
            "http.response.body",
        ]
        return int(answers[0]["status"])

    async def deliver(self, payload: Any, form: str) -> int:
        """Send a payload signed, as JSON, as a form, or as JSON in a form; wait for its work."""
        kind, body = encoded(payload, form)
        others = asyncio.all_tasks()
        status = await self.send([*self.signed(body), (b"content-type", kind)], [body])
        # Bolt acknowledges an event before it even starts the listener.
        while begun := asyncio.all_tasks() - others:
            _, left = await asyncio.wait(begun, timeout=60)
            assert not left, left
        return status


def encoded(payload: Any, form: str) -> tuple[bytes, bytes]:
    """Return the content type and the body that carry a payload."""
    if form == "json":
        return b"application/json", json.dumps(payload).encode()
    fields = payload if form == "form" and isinstance(payload, dict) else None
    if fields is None:
        fields = {"payload": json.dumps(payload)}
    text = {key: str(value).encode("utf-8", "replace") for key, value in fields.items()}
    safe = {key.encode("utf-8", "replace"): value for key, value in text.items()}
    return b"application/x-www-form-urlencoded", urlencode(safe).encode()


async def _no_metrics() -> bytes:
    return b""
