"""Bytes that are no request, over a real socket to the real server: refused, no traceback."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import bot.server
from bot.log import configure
from bot.server import HEAD_MAX, Server, new_server
from tests.fuzz.cases import CANARY, cases
from tests.fuzz.slack_side import SlackSide

CANARY_BYTES = CANARY.encode()
POST = b"POST /slack/events HTTP/1.1\r\nHost: x\r\n"


class Served:
    """The web application behind a real server, and its log."""

    def __init__(self, folder: Path) -> None:
        self.slack = SlackSide(folder / "beambot.db")
        self.log = io.StringIO()

    async def __aenter__(self) -> Served:
        root = logging.getLogger()
        self._before = root.handlers[:], root.level
        # In the order of the bot's start: uvicorn looks at the log's handlers.
        configure("info", "json", self.log)
        self.server: Server = new_server(self.slack.web)
        await self.slack.open()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._serving = asyncio.create_task(self.server.serve(sockets=[self._listener]))
        async with asyncio.timeout(60):
            while not self.server.started:  # noqa: ASYNC110  # uvicorn has a flag and no event
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.server.should_exit = True
        await self._serving
        self._listener.close()
        await self.slack.close()
        root = logging.getLogger()
        root.handlers[:], level = self._before
        root.setLevel(level)
        structlog.reset_defaults()

    async def send(self, *parts: bytes, end: bool = True) -> bytes:
        """Send bytes on a connection of their own; return all that comes back."""
        reader, writer = await asyncio.open_connection(*self._listener.getsockname())
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def alive(self) -> bool:
        """Tell whether a request is still answered."""
        said = await self.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return said.startswith(b"HTTP/1.1 200")

    def check_log(self) -> None:
        """Check that the log has no traceback and nothing of what was sent."""
        written = self.log.getvalue()
        assert "Traceback" not in written
        assert CANARY not in written


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with Served(tmp_path) as made:
        yield made


def status(said: bytes) -> int:
    return int(said.split()[1]) if said else 0


@pytest.mark.parametrize(
    "raw",
    [
        CANARY_BYTES + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + CANARY_BYTES,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + CANARY_BYTES + b"\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT " + CANARY_BYTES + b":443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        POST + b"no colon " + CANARY_BYTES + b"\r\n\r\n",
        POST + b"X-\x00: " + CANARY_BYTES + b"\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n" + CANARY_BYTES,
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + CANARY_BYTES,
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + CANARY_BYTES,
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + CANARY_BYTES,
        POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + CANARY_BYTES,
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 100\r\n\r\n" + CANARY_BYTES,
        POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"X-Odd: \xff\xfe" + CANARY_BYTES + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_not_quoted(served: Served, raw: bytes) -> None:
    said = await served.send(raw)
    final = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    # Nothing at all for what is cut off in the middle.
    assert status(final) in (0, 400, 401, 404, 405, 413)
    served.check_log()
    assert served.slack.reached == 0
    assert await served.alive()


@pytest.mark.parametrize(
    "part", [b"X-Long: " + b"a" * 65_536, b"X-Many: a\r\n" * 6_000, b"/" * 65_536]
)
async def test_headers_without_end_are_cut_off(served: Served, part: bytes) -> None:
    start = b"GET " if part.startswith(b"/") else POST
    sent = 0

    async def endless() -> bytes:
        nonlocal sent
        reader, writer = await asyncio.open_connection(*served._listener.getsockname())
        try:
            writer.write(start)
            while sent < 64 * HEAD_MAX and not reader.at_eof():
                writer.write(part)
                await writer.drain()
                sent += len(part)
                await asyncio.sleep(0)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    assert status(await asyncio.wait_for(endless(), 10)) in (0, 400)
    assert sent < 64 * HEAD_MAX
    lines = served.log.getvalue()
    assert lines.count("headers too long") + lines.count("Invalid HTTP request") == 1
    assert len(lines) < 2_000
    served.check_log()
    assert await served.alive()


async def test_a_body_of_over_a_megabyte_in_chunks_is_cut_off(served: Served) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    said = await served.send(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 40)
    assert status(said) in (0, 413)
    assert served.slack.meter.counts["refused 413"] == 1
    served.check_log()


async def test_who_sends_nothing_or_too_slowly_is_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.server, "HEAD_PATIENCE", 0.2)
    assert await served.send(end=False) == b""
    assert status(await served.send(POST + b"X-Slow: " + CANARY_BYTES, end=False)) == 400
    body = POST + b"Content-Length: 100\r\n\r\n" + CANARY_BYTES
    assert status(await served.send(body, end=False)) == 400
    served.check_log()
    assert "headers too slow" in served.log.getvalue()
    assert '"too slow"' in served.log.getvalue()


async def test_a_connection_is_kept_for_the_next_request(served: Served) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    # Whole, in pieces, and several at once.
    said = await served.send(ask, ask[:9], ask[9:], ask + ask + last, end=False)
    assert said.count(b"HTTP/1.1 200") == 5


RAW = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                POST,
                b"\r\n",
                b"\r\n\r\n",
                b"GET /readyz HTTP/1.1\r\n",
                b"Content-Length: 3\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"0\r\n\r\n",
                b"3\r\nabc\r\n",
                b"X-Slack-Signature: v0=",
                b"\x00",
                b"\xff: \xff\r\n",
                CANARY_BYTES,
            ]
        ),
        max_size=8,
    ).map(b"".join),
)


def test_no_bytes_bring_the_server_out_of_step(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        served = Served(tmp_path)
        runner.run(served.__aenter__())

        @cases(150, 5_000)
        @given(RAW)
        def attempt(raw: bytes) -> None:
            said = runner.run(served.send(raw))
            for line in said.split(b"\r\n"):
                assert not line.startswith(b"HTTP/1.1 5")

        attempt()
        assert runner.run(served.alive())
        assert served.slack.reached == 0
        served.check_log()
        runner.run(served.__aexit__())
