"""``Retry-After`` in any form: a number of seconds that can be waited for, or nothing."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.beam import BeamClient, RateLimited, RateLimiter
from bot.beam.limiter import PENALTY_MAX
from bot.services.ports import TryLater
from bot.slack.calls import meaning
from bot.tasks import TaskId
from tests.bot.slack.test_outbox import error
from tests.fuzz.cases import ID, cases

NUMBERS = st.one_of(
    st.floats().map(str), st.integers().map(str), st.decimals(allow_nan=True).map(str)
)
DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Sun", "Xyz"]),
    st.integers(-1, 40),
    st.sampled_from(["Jan", "Feb", "Dec", "Foo", "13"]),
    st.one_of(st.integers(-1, 10_000), st.just(10**20)),
    st.integers(-1, 99),
    st.integers(-1, 99),
    st.integers(-1, 99),
    st.sampled_from(
        ["GMT", "+0000", "-2359", "+9999", "+99999999999999999999", "EST", "-0000", ""]
    ),
)
VALUES = st.one_of(
    NUMBERS,
    DATES,
    st.sampled_from(["", " ", "soon", "1e400", "-0", "1_0", "0x10", "٣", "1,5", "120; x", "inf"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)


@cases(300, 10_000)
@given(VALUES)
@example("Mon, 01 Jan 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999999999")
def test_beam_may_say_what_it_likes(value: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={b"retry-after": value.encode("latin-1", "replace")})

    now = 1_000.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    limiter = RateLimiter(1_000, lambda: now, sleep)
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    beam = BeamClient(http, base_url="https://beam/v2", token="t", limiter=limiter)
    with pytest.raises(RateLimited) as caught:
        asyncio.run(beam.get(TaskId(ID)))
    wait = caught.value.retry_after
    assert wait is None or (math.isfinite(wait) and wait >= 0)
    # The next request waits, but not for ever.
    asyncio.run(limiter.acquire())
    assert sum(slept) <= PENALTY_MAX + 1


@cases(300, 10_000)
@given(st.one_of(VALUES, st.lists(VALUES, max_size=2), st.integers(), st.none()))
def test_slack_may_say_what_it_likes(value: object) -> None:
    refused = error({"ok": False, "error": "ratelimited"}, 429)
    refused.response.headers = {"Retry-After": value}
    found = meaning(refused)
    assert isinstance(found, TryLater)
    if found.retry_after is not None:
        assert timedelta(0) <= timedelta(seconds=found.retry_after) <= timedelta(hours=1)
