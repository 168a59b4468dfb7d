"""Which host the bot believes to be its own."""

from __future__ import annotations

import pytest

from bot.slack.host import PublicHost


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
