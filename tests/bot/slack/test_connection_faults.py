"""Socket Mode and dialogs while Slack fails: noticed, reopened, told; never a spin."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import new_app
from bot.slack.client import SlackClient
from bot.slack.connection import Connection
from bot.slack.session import new_session
from bot.slack.socket import SocketMode
from bot.slack.workspace import Workspace

PING = 0.2


@dataclass
class SocketSlack:
    """A Slack with sockets, which may stop to answer pings or reject the token."""

    opened: list[float] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    wedged: bool = False
    revoked: bool = False
    heard: list[str] = field(default_factory=list)
    url: str = ""

    async def auth(self, request: web.Request) -> web.Response:
        said = {"team_id": "T1", "team": "Acme", "user_id": "UBOT", "bot_id": "B1"}
        return web.json_response({"ok": True, "url": "https://acme.slack.com/", **said})

    async def open(self, request: web.Request) -> web.Response:
        self.opened.append(asyncio.get_running_loop().time())
        if self.revoked:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        link = self.url.replace("http:", "ws:") + "/link"
        return web.json_response({"ok": True, "url": link})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=not self.wedged)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for said in socket:
            self.heard.append(str(said.data))
        return socket


def nothing(app: AsyncApp) -> None:
    """Have the app do nothing."""


@asynccontextmanager
async def connected(
    register: Callable[[AsyncApp], None] = nothing,
) -> AsyncIterator[tuple[SocketSlack, Connection]]:
    slack = SocketSlack()
    app = web.Application()
    app.router.add_route("*", "/api/auth.test", slack.auth)
    app.router.add_route("*", "/api/apps.connections.open", slack.open)
    app.router.add_get("/link", slack.link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    slack.url = f"http://{host}:{port}"
    async with new_session(5) as session:
        client = SlackClient(
            token="xoxb-1", base_url=f"{slack.url}/api/", session=session, retry_handlers=[]
        )
        workspace = Workspace(client)
        bolt = new_app(workspace)
        register(bolt)
        handler = SocketMode(bolt, "xapp-1", ping_interval=PING)
        connection = Connection(workspace, handler)
        await connection.start()
        yield slack, connection
        await connection.stop()
    await runner.cleanup()


async def eventually(holds: Callable[[], bool], connection: Connection, *, up: bool) -> None:
    async with asyncio.timeout(15):
        while True:
            if holds() and (await connection.down() is None) is up:
                return
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the SDK's logger as it was found: an app of ours silences it."""
    logger = logging.getLogger("slack_bolt")
    level = logger.level
    yield
    logger.setLevel(level)


async def test_a_socket_that_wedges_is_noticed_and_opened_again() -> None:
    async with connected() as (slack, connection):
        await eventually(lambda: len(slack.sockets) == 1, connection, up=True)
        slack.wedged = True
        await slack.sockets[0].close()
        await eventually(lambda: len(slack.sockets) >= 2, connection, up=True)
        # This one answers no ping: it must not pass for a connection for long.
        await eventually(lambda: True, connection, up=False)
        slack.wedged = False
        before = len(slack.sockets)
        await eventually(lambda: len(slack.sockets) > before, connection, up=True)


async def test_what_has_come_is_acknowledged_before_the_socket_is_closed() -> None:
    come = 0

    def register(app: AsyncApp) -> None:
        @app.command("/beam")
        async def slow(ack: AsyncAck) -> None:
            nonlocal come
            come += 1
            await asyncio.sleep(0.1)
            await ack()

    payload = {"command": "/beam", "team_id": "T1", "user_id": "U1", "channel_id": "C1"}
    async with connected(register) as (slack, connection):
        await eventually(lambda: len(slack.sockets) == 1, connection, up=True)
        for number in range(3):
            envelope = {"type": "slash_commands", "envelope_id": f"e{number}", "payload": payload}
            await slack.sockets[0].send_json(envelope)
        await eventually(lambda: come > 0, connection, up=True)
        await connection.stop()
    assert sorted(json.loads(one)["envelope_id"] for one in slack.heard) == ["e0", "e1", "e2"]


async def test_an_app_token_that_is_revoked_while_running_does_not_spin() -> None:
    async with connected() as (slack, connection):
        await eventually(lambda: len(slack.sockets) == 1, connection, up=True)
        slack.revoked = True
        await slack.sockets[0].close()
        await eventually(lambda: len(slack.opened) >= 3, connection, up=False)
        before, began = len(slack.opened), asyncio.get_running_loop().time()
        await asyncio.sleep(10 * PING)
        passed = asyncio.get_running_loop().time() - began
        assert len(slack.opened) - before <= 2 * passed / PING + 2
        assert await connection.down() == "the socket is not connected"
        slack.revoked = False
        await eventually(lambda: len(slack.sockets) == 2, connection, up=True)
