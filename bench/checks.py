"""Checks a second of one core: the product, bare loops of its client and httpx, the obvious bot."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
from httpx_aiohttp import AiohttpTransport
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import insert

from bench import obvious
from bench.product import product
from bench.seed import make_due, new_ids, sample, seed, url_of
from bench.stage import Row, Stage, cores, pin, report, stage
from bot import runtime
from bot.beam import new_http_client
from bot.tasks import TaskId

WORKERS = 32
CHANGED = 0.01
"""Share of the tasks that have another status in each round."""


async def _nothing() -> None:
    return


@dataclass
class Arm:
    """One way to check tasks."""

    count: int
    """Checks in a round."""
    run: Callable[[], Awaitable[None]]
    prepare: Callable[[], Awaitable[None]] = _nothing
    rates: list[float] = field(default_factory=list)
    """Checks per second of processor time, a round each."""
    clock: list[float] = field(default_factory=list)
    """Checks per second on the clock."""

    async def round(self) -> None:
        """Run once and note the rates."""
        await self.prepare()
        began, used = time.perf_counter(), time.process_time()
        await self.run()
        self.rates.append(self.count / (time.process_time() - used))
        self.clock.append(self.count / (time.perf_counter() - began))


def stock() -> httpx.AsyncClient:
    """Return httpx's own client over the transport that the product's client uses."""
    return httpx.AsyncClient(transport=AiohttpTransport())


def bare(http: httpx.AsyncClient, stage: Stage, ids: Sequence[TaskId]) -> Arm:
    """Return the least that a check needs: the request."""

    async def work(left: list[TaskId]) -> None:
        while left:
            answer = await http.get(
                f"{stage.beam}/v2/task/{left.pop()}/", headers={"Authorization": "Bearer t"}
            )
            assert answer.status_code == 200, answer.status_code

    async def run() -> None:
        left = list(ids)
        await asyncio.gather(*(work(left) for _ in range(WORKERS)))

    return Arm(len(ids), run)


async def whole(stack: AsyncExitStack, stage: Stage, ids: Sequence[TaskId]) -> Arm:
    """Return the product's check: request, parse, compare, store, and owe what changed."""
    made = await stack.enter_async_context(product(stage))
    await seed(made.database, ids, like=sample(stage))
    made.poller.start()
    stack.push_async_callback(made.poller.stop, 5)

    async def run() -> None:
        await made.poller.tick()
        await made.poller.settle()

    return Arm(len(ids), run, lambda: make_due(made.database))


async def plain(stack: AsyncExitStack, stage: Stage, ids: Sequence[TaskId]) -> Arm:
    """Return the obvious bot's check of all tasks."""
    sessions = await obvious.open_database(url_of(stage.folder / "obvious.db"))
    async with sessions() as session:
        rows = [{"task_id": one, "channel": "C1", "status": "RUNNING"} for one in ids]
        await session.execute(insert(obvious.Watch), rows)
        await session.commit()
    http = await stack.enter_async_context(obvious.new_client(f"{stage.beam}/v2", "t"))
    slack = AsyncWebClient("xoxb-bench", base_url=f"{stage.slack}/api/")
    return Arm(len(ids), lambda: obvious.poll_once(http, slack, sessions))


async def measure(quick: bool) -> list[Row]:
    """Run the three, in turns, and compare."""
    split = cores()
    pin(os.getpid(), split and split[0])
    ids = new_ids(500 if quick else 2_000)
    few = ids[: 100 if quick else 500]
    rounds = 3 if quick else 5
    with stage() as servers:
        async with AsyncExitStack() as stack:
            http = new_http_client()
            stack.push_async_callback(http.aclose)
            loop = bare(http, servers, ids)
            usual = bare(await stack.enter_async_context(stock()), servers, ids)
            ours = await whole(stack, servers, ids)
            theirs = await plain(stack, servers, few)
            # As in the product, for all of them alike.
            runtime.tune()
            for number in range(rounds + 1):
                for part in (ids, few):
                    changed = part[: max(1, int(CHANGED * len(part)))]
                    servers.flip(changed, ("RETRY", "RUNNING")[number % 2])
                for arm in (loop, ours, usual, theirs):
                    await arm.round()
    return [
        _row(
            "checks a second per core, whole", ours, usual, "a bare loop of httpx over aiohttp", 0.8
        ),
        _row("the same, our own client", ours, loop, "a bare loop of Beambot's leaner client", 0.8),
        _row("the same against the obvious bot", ours, theirs, "the obvious bot", 6.0),
    ]


def _row(what: str, ours: Arm, other: Arm, name: str, target: float) -> Row:
    # The first round warms up. Each round is compared with the one next to it.
    ratios = [a / b for a, b in zip(ours.rates[1:], other.rates[1:], strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        what,
        f"{statistics.median(ours.rates[1:]):.0f}/s",
        f"{name}: {statistics.median(other.rates[1:]):.0f}/s",
        f"{ratio:.2f} [{min(ratios):.2f}-{max(ratios):.2f}]",
        f"at least {target:g}",
        ratio >= target,
        f"on the clock {statistics.median(ours.clock[1:]):.0f}/s"
        f" against {statistics.median(other.clock[1:]):.0f}/s",
    )


if __name__ == "__main__":
    report(measure)
