"""Acknowledgements go before work, but work is not put off for ever."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.slack.arrivals import Arrivals


async def test_work_waits_until_all_that_have_come_are_acknowledged() -> None:
    arrivals, done = Arrivals(patience=60), []

    async def work() -> None:
        await arrivals.calm()
        done.append(1)

    with arrivals.one():
        with arrivals.one():
            working = asyncio.create_task(work())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not done
    await asyncio.wait_for(working, 20)
    assert done


async def test_a_request_that_failed_is_waited_for_no_more() -> None:
    arrivals = Arrivals(patience=60)
    with pytest.raises(ZeroDivisionError), arrivals.one():
        print(1 / 0)
    await asyncio.wait_for(arrivals.calm(), 20)


async def test_a_flood_does_not_put_work_off_for_ever() -> None:
    arrivals = Arrivals(patience=0.05)
    with arrivals.one():
        began = time.monotonic()
        await asyncio.wait_for(arrivals.calm(), 20)
        assert time.monotonic() - began >= 0.04


async def test_without_arrivals_nothing_waits() -> None:
    waiting = Arrivals(patience=60).calm()
    await asyncio.wait_for(waiting, 20)
