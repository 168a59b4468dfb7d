"""The Beam client against a server that misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.beam import (
    BadAnswer,
    BeamClient,
    BeamError,
    RateLimited,
    RateLimiter,
    TaskNotFound,
    Unauthorized,
    Unavailable,
    new_http_client,
)
from bot.beam.client import PATIENCE
from bot.tasks import TaskId
from tests.bot.loopback import (
    Loopback,
    Reply,
    drip,
    drop,
    loopback,
    nonsense,
    reset,
    say,
    torn,
)

ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
TOKEN = "beam-secret-token"
GOOD = say(200, json.dumps({"id": ID, "status": "RUNNING"}), "application/json")


class Account:
    """A client of a server on loopback, and time that passes by waiting."""

    def __init__(self, server: Loopback, client: BeamClient) -> None:
        self.server = server
        self.client = client


@asynccontextmanager
async def account_of(
    *script: Reply, otherwise: Reply = GOOD, now: list[float] | None = None
) -> AsyncIterator[Account]:
    passed = now if now is not None else [0.0]

    async def sleep(seconds: float) -> None:
        passed[0] += seconds
        await asyncio.sleep(0)

    limiter = RateLimiter(1_000, lambda: passed[0], sleep)
    http = new_http_client()
    async with loopback(*script, otherwise=otherwise) as server:
        client = BeamClient(
            http, base_url=f"{server.url}/v2", token=TOKEN, limiter=limiter, deadline=0.5
        )
        yield Account(server, client)
        await http.aclose()


MEGABYTES = b" " * 2_000_000
LONG = say(200, MEGABYTES + b'{"id": "%s", "status": "RUNNING"}' % ID.encode())
BOMB = say(200, gzip.compress(b" " * 50_000_000), content_encoding="gzip")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (say(404, '{"message":""}'), TaskNotFound),
        (say(404, "<html>404</html>", "text/html"), BadAnswer),
        (say(404, "404 page not found", "text/plain"), BadAnswer),
        (say(404, "", ""), BadAnswer),
        (say(401, '{"message":"Unauthorized"}'), Unauthorized),
        (say(403, "<html>", "text/html"), Unauthorized),
        (say(429, "", retry_after="3"), RateLimited),
        (say(500, '{"message":"Internal Server Error"}'), Unavailable),
        (say(502, "<html>Bad gateway</html>", "text/html"), Unavailable),
        (say(503, "", retry_after="3"), Unavailable),
        (say(200, "<html>Sign in</html>", "text/html"), BadAnswer),
        (say(200, '{"id": "07ce'), BadAnswer),
        (say(200, b"\xff\xfe\x00"), BadAnswer),
        (say(200, "[" * 100_000), BadAnswer),
        (say(204, ""), BadAnswer),
        (say(400, ""), BadAnswer),
        (say(418, ""), BadAnswer),
        (LONG, BadAnswer),
        (BOMB, BadAnswer),
        (say(200, b"\x1f\x8b junk", content_encoding="gzip"), BadAnswer),
        (torn, Unavailable),
        (nonsense, Unavailable),
        (drip, Unavailable),
    ],
)
async def test_every_fault_is_of_the_tree_and_shows_no_token(
    reply: Reply, kind: type[BeamError]
) -> None:
    async with account_of(reply) as account:
        began = time.monotonic()
        with pytest.raises(BeamError) as caught:
            await account.client.get(ID)
        assert type(caught.value) is kind, repr(caught.value)
        assert time.monotonic() - began < 5
        assert TOKEN not in f"{caught.value!r}"


@pytest.mark.parametrize("reply", [drop, reset])
async def test_a_connection_that_breaks_for_good_is_no_answer(reply: Reply) -> None:
    async with account_of(otherwise=reply) as account:
        with pytest.raises(Unavailable):
            await account.client.get(ID)


@pytest.mark.parametrize("reply", [drop, reset, torn, drip, say(502, "")])
async def test_a_cancel_whose_fate_is_unknown_is_sent_once(reply: Reply) -> None:
    async with account_of(otherwise=reply) as account:
        with pytest.raises(BeamError):
            await account.client.cancel([ID])
        assert len(account.server.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_token_does_not_follow_a_redirect_to_another_host(status: int) -> None:
    async with loopback(otherwise=GOOD) as elsewhere:
        there = say(status, "", location=f"{elsewhere.url}/v2/task/{ID}/")
        async with account_of(otherwise=there) as account:
            with pytest.raises(Unavailable):
                await account.client.get(ID)
            with pytest.raises(Unavailable):
                await account.client.cancel([ID])
        assert elsewhere.asked == []


async def test_the_type_that_an_answer_names_does_not_matter_if_it_is_one() -> None:
    plain = say(200, json.dumps({"id": ID, "status": "RUNNING"}), "text/plain")
    async with account_of(plain) as account:
        assert (await account.client.get(ID)).id == ID


@pytest.mark.parametrize(("header", "held"), [("30", 30.0), ("90.5", 90.5), ("7200", 3_600.0)])
async def test_a_429_holds_the_whole_account_and_says_so_at_once(header: str, held: float) -> None:
    now = [100.0]
    async with account_of(say(429, "", retry_after=header), now=now) as account:
        with pytest.raises(RateLimited):
            await account.client.get(ID)
        asked = account.client.get, account.client.check, lambda: account.client.cancel([ID])
        for ask in (lambda: asked[0](ID), asked[1], asked[2]):
            with pytest.raises(RateLimited) as caught:
                await ask()
            assert caught.value.retry_after == pytest.approx(held)
        assert len(account.server.asked) == 1
        assert now == [100.0], "nobody was kept waiting"
        now[0] += held - PATIENCE - 1
        with pytest.raises(RateLimited):
            await account.client.get(ID)
        now[0] += PATIENCE + 1
        assert (await account.client.get(ID)).id == ID


@pytest.mark.parametrize("headers", [{}, {"retry_after": "soon"}, {"retry_after": "nan"}])
async def test_a_429_that_does_not_say_holds_the_account_for_seconds(
    headers: dict[str, str],
) -> None:
    now = [100.0]
    async with account_of(say(429, "", **headers), now=now) as account:
        with pytest.raises(RateLimited):
            await account.client.get(ID)
        assert (await account.client.get(ID)).id == ID
        assert 103 <= now[0] <= 106


async def test_those_in_the_queue_are_let_go_when_a_pause_begins() -> None:
    limiter = RateLimiter(1, time.monotonic)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire(patience=5)) for _ in range(20)]
    await asyncio.sleep(0.01)
    limiter.penalise(60)
    async with asyncio.timeout(5):
        left = await asyncio.gather(*waiting)
    assert all(50 < held <= 60 for held in left)
