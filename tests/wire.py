"""A wire between two programs that a test can cut: what is sent then arrives late, or never."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_CHUNK = 65536


class Wire:
    """Passes on what connects to ``port``, until it is cut.

    While it is cut it is a black hole: connections stay open, and new ones are taken, but nothing
    gets through and nobody is told, as when a network is parted.

    Args:
        host: where it leads to …
        port: … and to which port there.
        path: a local socket to lead to instead.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, path: Path | None = None) -> None:
        self._far = (host, port)
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.start_server(self._take, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._do(self._whole.clear)

    def heal(self) -> None:
        """Let everything through again, what was sent meanwhile too."""
        self._do(self._whole.set)

    def reset(self) -> None:
        """Break every connection, what was sent meanwhile is lost, and let new ones through."""
        self._do(self._break)

    def close(self) -> None:
        """End it."""
        self._do(self._server.close)
        self._do(self._break)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _do(self, step: Callable[[], None]) -> None:
        async def do() -> None:
            step()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def _break(self) -> None:
        for passing in self._passing:
            passing.cancel()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()
        self._whole.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        with contextlib.suppress(OSError):
            if self._path is None:
                far = await asyncio.open_connection(*self._far)
            else:
                far = await asyncio.open_unix_connection(self._path)
            self._ends.add(far[1])
            for one, other in ((reader, far[1]), (far[0], writer)):
                passing = asyncio.create_task(self._pass(one, other))
                self._passing.add(passing)
                passing.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while sent := await reader.read(_CHUNK):
                await self._whole.wait()
                writer.write(sent)
                await writer.drain()
        # Who hangs up while it is cut is not heard of either.
        await self._whole.wait()
        writer.close()
        self._ends.discard(writer)


def wire_to(database_url: str) -> tuple[Wire, str]:
    """Return a wire to a PostgreSQL server on a local socket, and the URL that leads through it."""
    url = urlsplit(database_url)
    folder = Path(parse_qs(url.query)["host"][0])
    wire = Wire(path=next(folder.glob(".s.PGSQL.*[0-9]")))
    return wire, f"postgresql://postgres@127.0.0.1:{wire.port}{url.path}"
