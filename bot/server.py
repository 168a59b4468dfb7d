"""The HTTP server: uvicorn, with limits for callers that send no end of headers, or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX = 64 * 1024
"""Longest request line and headers together, in bytes; the parser itself knows no limit."""
HEAD_PATIENCE = 10.0
"""Seconds that they may take to arrive."""

_log = structlog.get_logger(__name__)


class _Protocol(HttpToolsProtocol):
    """One connection. What a caller sends before its request is whole is not kept for long."""

    _head = 0
    """Bytes of a request whose headers are not complete yet."""
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._head += len(data)
        super().data_received(data)
        if self._overdue is not None and self._head > HEAD_MAX:
            self._refuse("headers too long")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        if self._overdue is None:
            self._head = 0
            self._overdue = self.loop.call_later(HEAD_PATIENCE, self._too_slow)

    def _head_arrived(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _too_slow(self) -> None:
        if self._head:
            self._refuse("headers too slow")
        else:
            # Nothing was asked, so nothing is answered: browsers open connections in advance.
            self._head_arrived()
            self.transport.close()

    def _refuse(self, why: str) -> None:
        self._head_arrived()
        if not self.transport.is_closing():
            _log.warning("request refused", status=400, why=why)
            self.send_400_response("Invalid HTTP request received.")

    def _unsupported_upgrade_warning(self) -> None:
        # Uvicorn would advise whoever reads the log to install a library.
        _log.info("upgrade ignored")


class Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the bot decides in which order things stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def new_server(app: ASGIApp) -> Server:
    """Return a server for ``app``, to be run with ``serve``."""
    return Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
    )
