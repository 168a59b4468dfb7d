"""Acks of 50 commands at once, while 2,000 tasks are polled, against those of a bare Bolt app."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from contextlib import ExitStack

from aiohttp import ClientSession

from bench.real import SECRET, bot, signed
from bench.seed import new_ids, sample, seed, url_of
from bench.stage import Row, call, cores, free_ports, program, report, share, stage
from storage.database import Database

WATCHED, AT_ONCE = 2_000, 50
COMMAND = "help"


async def measure(quick: bool) -> list[Row]:
    """Send bursts to the two in turns."""
    bursts = 12 if quick else 60
    split = cores()
    numbers = itertools.count(1)
    with ExitStack() as stack:
        servers = stack.enter_context(stage())
        database = Database(url_of(servers.folder / "beambot.db"))
        await seed(database, new_ids(WATCHED), like=sample(servers), first=(0, 3))
        await database.close()
        ours = stack.enter_context(bot(servers))
        (port,) = free_ports(1)
        stack.enter_context(
            program(
                ["-m", "bench.bare", "--port", str(port)],
                which=split and split[0],
                environment={"SLACK_SIGNING_SECRET": SECRET},
            )
        )
        times: dict[str, list[list[float]]] = {ours.url: [], f"http://127.0.0.1:{port}": []}
        async with ClientSession() as session:

            async def one(url: str) -> float:
                body, headers = signed(next(numbers), COMMAND, servers.slack)
                began = time.perf_counter()
                async with session.post(f"{url}/slack/events", data=body, headers=headers) as said:
                    await said.read()
                    assert said.status == 200, said.status
                return time.perf_counter() - began

            await asyncio.sleep(5)
            asked, since = call(f"{servers.beam}/_control/state")["asked"], time.monotonic()
            for _ in range(bursts + 2):
                for url, bursts_of in times.items():
                    bursts_of.append(await asyncio.gather(*(one(url) for _ in range(AT_ONCE))))
                    # Whatever the commands cause must not fall into the other one's burst.
                    await asyncio.sleep(0.5)
            rate = call(f"{servers.beam}/_control/state")["asked"] - asked
            rate /= time.monotonic() - since
    mine, theirs = ([t for burst in all_of[2:] for t in burst] for all_of in times.values())
    tail, other = share(mine, 0.99), share(theirs, 0.99)
    return [
        Row(
            f"acks, {AT_ONCE} at once, {WATCHED:,} watched",
            f"p50 {1000 * statistics.median(mine):.0f} ms, p99 {1000 * tail:.0f} ms",
            f"a bare Bolt app: p50 {1000 * statistics.median(theirs):.0f} ms,"
            f" p99 {1000 * other:.0f} ms",
            f"p99 {tail / other:.2f}",
            "p99 at most 1.5",
            tail <= 1.5 * other,
            f"{bursts} bursts each, in turns, on one core; {rate:.0f} checks/s meanwhile",
        )
    ]


if __name__ == "__main__":
    report(measure)
