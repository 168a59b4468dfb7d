"""`make profile`, second half: what a check costs when one of its steps is left out."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bench.checks import WORKERS, bare, stock
from bench.product import UNLIMITED, now, product
from bench.seed import make_due, new_ids, sample, seed
from bench.stage import Stage, cores, pin, stage
from bot import log, runtime
from bot.beam import BeamClient, RateLimiter, new_http_client
from bot.beam.errors import BeamError
from bot.services.look_up import LookUp
from bot.tasks import Task, TaskId, Transition
from bot.tasks.follow import Look
from storage.tasks import Observation

CHECKS, ROUNDS = 2_000, 6
WORDS = {
    "httpx": "a bare loop of httpx over aiohttp",
    "lean": "a bare loop of Beambot's own client",
    "client": "a loop of its client for tasks: with deadline, budget, errors, parsing",
    "whole": "the whole check",
    "unwritten": "the whole check, but nothing is written down",
    "unasked": "the whole check, but Beam is not asked",
    "neither": "neither: claimed, handed around, compared with the budget",
}


class Partial(LookUp):
    """A look-up whose steps can be left out."""

    asks: bool = True
    writes: bool = True
    answer: Task | None = None

    async def ask(self, team_id: str, account: str, task_id: TaskId) -> Look | BeamError:
        """Ask Beam, or answer at once."""
        if self.asks or self.answer is None:
            return await super().ask(team_id, account, task_id)
        await asyncio.sleep(0)
        return Look(now(), replace(self.answer, id=task_id))

    async def record(self, seen: Sequence[Observation]) -> list[Transition]:
        """Write looks down, or forget them."""
        return await super().record(seen) if self.writes else []


def client_loop(client: BeamClient, ids: Sequence[TaskId]) -> Callable[[], Awaitable[None]]:
    """Return a loop that gets every task."""

    async def work(left: list[TaskId]) -> None:
        while left:
            await client.get(left.pop())

    async def run() -> None:
        left = list(ids)
        await asyncio.gather(*(work(left) for _ in range(WORKERS)))

    return run


async def measure(checks: int = CHECKS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return microseconds of processor time a check, by what was done; all in turns."""
    split = cores()
    pin(os.getpid(), split and split[0])
    ids = new_ids(checks)
    costs: dict[str, list[float]] = {name: [] for name in WORDS}
    with stage() as servers:
        async with AsyncExitStack() as stack:
            arms = await _arms(stack, servers, ids)
            runtime.tune()
            # The first round warms up.
            for _ in range(rounds + 1):
                for name, run in arms.items():
                    costs[name].append(await run() / checks * 1e6)
    return {name: statistics.median(each[1:]) for name, each in costs.items()}


async def _arms(
    stack: AsyncExitStack, servers: Stage, ids: Sequence[TaskId]
) -> dict[str, Callable[[], Awaitable[float]]]:
    made = await stack.enter_async_context(product(servers, kind=Partial))
    await seed(made.database, ids, like=sample(servers))
    made.poller.start()
    stack.push_async_callback(made.poller.stop, 5)
    look_up = made.look_up
    assert isinstance(look_up, Partial)
    look_up.answer = sample(servers)
    http = new_http_client()
    stack.push_async_callback(http.aclose)
    limiter = RateLimiter(UNLIMITED, time.monotonic)
    client = BeamClient(http, base_url=f"{servers.beam}/v2", token="t", limiter=limiter)

    async def timed(work: Callable[[], Awaitable[None]]) -> float:
        began = time.process_time()
        await work()
        return time.process_time() - began

    async def tick() -> None:
        await made.poller.tick()
        await made.poller.settle()

    async def check(*, asks: bool, writes: bool) -> float:
        look_up.asks, look_up.writes = asks, writes
        await make_due(made.database)
        return await timed(tick)

    usual = bare(await stack.enter_async_context(stock()), servers, ids).run
    lean, get = bare(http, servers, ids).run, client_loop(client.patient(), ids)
    return {
        "httpx": lambda: timed(usual),
        "lean": lambda: timed(lean),
        "client": lambda: timed(get),
        "whole": lambda: check(asks=True, writes=True),
        "unwritten": lambda: check(asks=True, writes=False),
        "unasked": lambda: check(asks=False, writes=True),
        "neither": lambda: check(asks=False, writes=False),
    }


def main() -> None:
    """Print the costs."""
    with Path(os.devnull).open("w") as nowhere:
        log.configure("info", "json", nowhere)
        costs = asyncio.run(measure())
    print(f"\nProcessor time a check, median of {ROUNDS} rounds of {CHECKS:,}, in turns:\n")
    for name, meaning in WORDS.items():
        print(f"  {costs[name]:5.0f} µs  {meaning}")


if __name__ == "__main__":
    main()
