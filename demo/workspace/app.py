"""The workspace as one web application: Web API, response URLs, socket, control and page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.workspace import responses
from demo.workspace.calls import Calls
from demo.workspace.control import Control
from demo.workspace.faults import Connections, Faults
from demo.workspace.state import Workspace
from demo.workspace.transport import SocketTransport
from demo.workspace.web_api import WebApi

MAX_BODY = 1_000_000


class BoundedBody:
    """Refuses request bodies over `MAX_BODY` bytes, whether they say their length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY:
                raise HTTPException(413)
            return message

        await self._app(scope, bounded, send)


def create_app(
    workspace: Workspace,
    faults: Faults,
    connections: Connections,
    pages: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application; `pages` are the routes of what a person looks at."""
    socket = workspace.transport if isinstance(workspace.transport, SocketTransport) else None
    calls = Calls(workspace, socket)
    api = WebApi(workspace, calls, faults, connections)

    async def respond(request: Request) -> Response:
        return await responses.receive(workspace, request)

    async def upload(request: Request) -> Response:
        known = calls.uploads.get(request.path_params["file_id"])
        if known is None:
            return PlainTextResponse("not found", status_code=404)
        known["content"] = await request.body()
        return PlainTextResponse(f"OK - {len(known['content'])}")

    routes: list[BaseRoute] = [
        Route("/api/{method}", api.receive, methods=["GET", "POST"]),
        Route("/response/{key}", respond, methods=["POST"]),
        Route("/upload/{file_id}", upload, methods=["POST"]),
        *Control(workspace, faults, api.pace).routes(),
        *pages,
    ]
    if socket is not None:
        routes.append(WebSocketRoute("/socket/{ticket}", socket.serve))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await workspace.close()

    # Only loopback names: a page elsewhere cannot reach this through a name of its own.
    hosts = TrustedHostMiddleware
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(hosts, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(BoundedBody),
        ],
    )
