"""An HTTP server on loopback that answers in whatever way it is told, or does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    """Seconds of the loop's clock."""

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


_BEGUN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def say(
    status: int, body: str | bytes, kind: str = "application/json; charset=utf-8", **headers: str
) -> Reply:
    """Answer with a status, a body, its type, and headers (``retry_after="1"``)."""
    data = body.encode() if isinstance(body, str) else body

    async def reply(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(data)}", "Connection: close"]
        lines += [f"Content-Type: {kind}"] if kind else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()

    return reply


def ok(**fields: Any) -> Reply:
    """Answer as Slack does."""
    return say(200, json.dumps({"ok": True, **fields}))


def refuse(code: str, status: int = 200, **headers: str) -> Reply:
    """Answer with an error as Slack does."""
    return say(status, json.dumps({"ok": False, "error": code}), **headers)


async def drop(writer: asyncio.StreamWriter) -> None:
    """Take the request and hang up."""


async def reset(writer: asyncio.StreamWriter) -> None:
    """Take the request and reset the connection."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Begin to answer and send a byte now and then, for ever."""
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    )
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def torn(writer: asyncio.StreamWriter) -> None:
    """Hang up in the middle of the answer."""
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
    )
    await writer.drain()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    """Answer with what is no HTTP."""
    writer.write(b"\x00\xff SSH-2.0 is what this is\r\n\r\n")
    await writer.drain()


@dataclass
class Loopback:
    """Answers with what ``script`` says, one reply a request, and then with ``otherwise``."""

    otherwise: Reply = field(default_factory=ok)
    script: list[Reply] = field(default_factory=list)
    by_path: dict[str, Reply] = field(default_factory=dict)
    """Replies to all requests for a path, before the script."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            at = asyncio.get_running_loop().time()
            self.asked.append(Asked(method, path, headers, body, at))
            reply = self.by_path.get(path.partition("?")[0])
            if reply is None:
                reply = self.script.pop(0) if self.script else self.otherwise
            await reply(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def loopback(*script: Reply, otherwise: Reply | None = None) -> AsyncIterator[Loopback]:
    """Serve on a free port of loopback until the block ends."""
    made = Loopback(otherwise or ok(), list(script))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made._serve(reader, writer))  # its own server
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    made.url = f"http://{host}:{port}"
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
