"""The budget of requests: even, never exceeded, people first, smaller after a 429."""

from __future__ import annotations

import asyncio

import pytest

from bot.beam.limiter import LEAST, RESTORED_IN, RateLimiter


class Time:
    """Seconds that pass only when somebody sleeps; sleepers wake in order of their time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(5):
            await asyncio.sleep(0)
        self.now = max(self.now, until)


async def test_no_second_has_more_requests_than_the_budget() -> None:
    time = Time()
    limiter = RateLimiter(20, time, time.sleep)
    given: list[float] = []
    for number in range(200):
        if number == 100:
            time.now += 30
        await limiter.acquire()
        given.append(time.now)
    for start in given:
        assert sum(start <= one < start + 1 for one in given) <= 21
    assert given[99] < 100 / 20 * 1.1


async def test_people_go_before_polls_that_came_first() -> None:
    time = Time()
    limiter = RateLimiter(10, time, time.sleep)
    await limiter.acquire()
    order: list[str] = []

    async def ask(name: str, *, patient: bool) -> None:
        await limiter.acquire(patient=patient)
        order.append(name)

    polls = [asyncio.create_task(ask("poll", patient=True)) for _ in range(3)]
    await asyncio.sleep(0)
    people = [asyncio.create_task(ask("person", patient=False)) for _ in range(3)]
    await asyncio.gather(*polls, *people)
    assert order == ["person"] * 3 + ["poll"] * 3


async def test_a_429_halves_the_budget_once_and_answers_restore_it() -> None:
    time = Time()
    limiter = RateLimiter(40, time, time.sleep)
    for _ in range(5):
        limiter.penalise(2)
    assert limiter.rate == 20
    assert limiter.allows(2) == 0
    assert limiter.allows(3) == 20
    time.now = 2.0
    for _ in range(int(RESTORED_IN / 2)):
        assert limiter.rate < 40
        time.now += 1
        limiter.answered()
    assert limiter.rate == pytest.approx(40)


async def test_a_budget_never_shrinks_to_nothing() -> None:
    time = Time()
    limiter = RateLimiter(10, time, time.sleep)
    for _ in range(50):
        time.now += 2
        limiter.penalise(0)
    assert limiter.rate == pytest.approx(10 * LEAST)


async def test_whoever_gives_up_waiting_uses_no_slot() -> None:
    time = Time()
    limiter = RateLimiter(1, time, time.sleep)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await limiter.acquire(patient=True)
    assert limiter.used == 2
    assert time.now < 1.2
