"""The least HTTP server that a bench needs: its own cost must not be what is measured."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any, cast

import httptools

Answer = Callable[[str, str, bytes], tuple[int, bytes]]
"""Takes method, path and body; returns status and a JSON body."""


class Protocol(asyncio.Protocol):
    """One connection; requests are answered one after another, in memory.

    Args:
        answer: answers a request.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Note the address."""
        self._url = url
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer."""
        method = self._parser.get_method().decode()
        status, body = self._answer(method, self._url.decode(), bytes(self._body))
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: "
        self._transport.write(head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body)


def parse_port(description: str) -> int:
    """Read ``--port`` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    return cast("int", parser.parse_args().port)


def serve(answer: Answer, port: int) -> None:
    """Serve on loopback until SIGTERM."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = await loop.create_server(lambda: Protocol(answer), "127.0.0.1", port, backlog=2048)
        async with server:
            await stop.wait()

    asyncio.run(main())


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
