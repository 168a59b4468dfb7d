"""The uvicorn server of a demo part: one listening socket, and connections that can be dropped."""

import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class DroppableProtocol(HttpToolsProtocol):
    """Lets the application close its connection without answering, as a broken proxy does."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.transport is not None:
            self.scope["extensions"] = {"demo.drop": {"abort": self.transport.abort}}


def server(app: ASGIApp) -> uvicorn.Server:
    """Return a server for `app` that stops within a second."""
    config = uvicorn.Config(
        app,
        http=DroppableProtocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Bind `port`, 0 for any free one.

    Raises:
        OSError: if the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
