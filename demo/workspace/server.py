"""Puts a workspace together and serves it on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

import uvicorn
from starlette.routing import BaseRoute

from demo.workspace import seeds
from demo.workspace.app import create_app
from demo.workspace.faults import Connections, Faults
from demo.workspace.model import Settings
from demo.workspace.state import Workspace
from demo.workspace.transport import HttpTransport, SocketTransport, Transport

Pages = Callable[[Workspace], Sequence[BaseRoute]]


class Server:
    """One workspace on one port of 127.0.0.1 (0: any free one)."""

    def __init__(
        self,
        settings: Settings,
        port: int = 0,
        events_url: str | None = None,
        pages: Pages | None = None,
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        settings = replace(settings, base_url=f"http://127.0.0.1:{self.port}")
        transport: Transport = (
            HttpTransport(events_url, settings.signing_secret) if events_url else SocketTransport()
        )
        self.workspace = Workspace(settings, transport, seeds.acme)
        seeds.install(self.workspace)
        connections = Connections()
        routes = pages(self.workspace) if pages else ()
        config = uvicorn.Config(
            create_app(self.workspace, Faults(), connections, routes),
            http=connections.protocol(),
            log_level="warning",
            access_log=False,
            # Open event streams of pages would hold a shutdown up.
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self.workspace.settings.base_url

    async def serve(self) -> None:
        """Serves until the process is told to end."""
        await self._server.serve(sockets=[self._listener])

    async def start(self) -> None:
        """Serves in the background; returns once connections are taken."""
        self._running = asyncio.create_task(self.serve())
        while not self._server.started:
            if self._running.done():
                await self._running
                raise RuntimeError("the workspace ended before it had started")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._running is not None:
            self._server.should_exit = True
            await self._running
        self._listener.close()
