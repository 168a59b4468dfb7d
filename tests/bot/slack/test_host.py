"""Which host the bot believes to be its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from bot.inbound import answer
from bot.slack.gate import Gate
from bot.slack.host import PublicHost
from bot.web import new_web
from tests.fuzz.slack_side import SECRET, MemorySeen, SlackSide


@pytest.mark.parametrize("header", [b"bot.example.com", b"Bot.Example.COM", b"a-1.b.example.org"])
def test_a_public_name_is_believed(header: bytes) -> None:
    host = PublicHost()
    assert host.url is None
    host.heard(header)
    assert host.url == f"https://{header.decode().lower()}"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"beambot",
        b"localhost",
        b"127.0.0.1",
        b"10.0.0.7:3000",
        b"[::1]",
        b"beambot.example.com:3000",
        b"beambot.svc.cluster.local",
        b"bot.internal",
        b"bot.example.com\n",
        b'bot.example.com"',
        b"user@bot.example.com",
        b"bot.example.com/x",
        b"-bot.example.com",
        b"b\xf6t.example.com",
        b"a." * 130 + b"com",
    ],
)
def test_what_looks_like_an_inner_name_or_none_is_not(header: bytes) -> None:
    host = PublicHost()
    host.heard(b"bot.example.com")
    host.heard(header)
    assert host.url is None


async def test_only_what_slack_has_signed_says_where_the_bot_is(tmp_path: Path) -> None:
    slack, host = SlackSide(tmp_path / "beambot.db"), PublicHost()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200)

    slack.web = new_web(
        Gate(inner, SECRET, MemorySeen(), slack.world.clock, lambda: True, slack.meter, host=host),
        {},
        no_metrics,
    )
    body = b'{"type": "event_callback"}'
    ours, kind = slack.signed(body), (b"content-type", b"application/json")
    assert await slack.send([*ours, kind, (b"host", b"bot.example.com")], [body]) == 200
    forged = [(name, value.replace(b"v0=", b"v0=0")[:67]) for name, value in ours]
    for headers in (forged, ours):
        # Forged, then a repetition.
        assert await slack.send([*headers, kind, (b"host", b"evil.example.com")], [body]) == 401
        assert host.url == "https://bot.example.com"


async def no_metrics() -> bytes:
    return b""
