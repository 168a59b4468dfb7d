"""`make profile`: where the processor time of a check goes, in plain words."""

from __future__ import annotations

import asyncio
import cProfile
import os
import pstats
import sys
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

from bench.product import product
from bench.seed import make_due, new_ids, sample, seed
from bench.stage import ROOT, cores, pin, stage
from bot import log

CHECKS = 2_000
WORDS = {
    "request": "send the request and read the answer (httpx, aiohttp, sockets, TLS)",
    "parse": "make a task of the answer",
    "compare": "see what is new, and when to look again",
    "store": "read and write the database (SQLAlchemy, SQLite)",
    "loop": "hand work around (asyncio, the poller, its budget, metrics)",
    "idle": "wait",
}
_PLACES = (
    (
        "request",
        ("httpx", "aiohttp", "yarl", "multidict", "bot/beam/client", "ssl.py"),
    ),
    ("parse", ("bot/beam/models", "json/", "pydantic", "_strptime")),
    ("compare", ("bot/tasks/", "dataclasses.py")),
    ("store", ("sqlalchemy", "aiosqlite", "storage/", "greenlet", "sqlite3")),
    ("loop", ("asyncio/", "bot/", "prometheus", "structlog", "bench/", "contextlib")),
)
_BUILT_IN = {
    "idle": ("select.epoll", "acquire"),
    "request": ("_socket.socket", "ipaddress", "aiohttp", "multidict", "yarl"),
    "parse": ("pydantic_core", "isprintable", "fromisoformat"),
    "store": ("sqlite3", "SimpleQueue", "greenlet", "sqlalchemy"),
}


def word(file: str, name: str) -> str | None:
    """Return the word under which a function's own time is counted; ``None`` for its callers'."""
    if file == "~":
        for found, marks in _BUILT_IN.items():
            if any(mark in name for mark in marks):
                return found
        return None
    for found, marks in _PLACES:
        if any(mark in file for mark in marks):
            return found
    return None


def shares(stats: pstats.Stats) -> dict[str, float]:
    """Return the seconds of each word; a built-in or library function counts for its callers."""
    times: dict[str, float] = defaultdict(float)
    rows = stats.stats  # type: ignore[attr-defined]  # not in the stubs
    for (file, _, name), (_, _, own, _, callers) in rows.items():
        found = word(file, name)
        if found is not None:
            times[found] += own
            continue
        total = sum(caller[2] for caller in callers.values()) or 1.0
        for (from_file, _, from_name), caller in callers.items():
            times[word(from_file, from_name) or "loop"] += own * caller[2] / total
    return times


async def run() -> pstats.Stats:
    """Profile checks of tasks of which one in a hundred has changed."""
    split = cores()
    pin(os.getpid(), split and split[0])
    ids = new_ids(CHECKS)
    with stage() as servers:
        async with AsyncExitStack() as stack:
            made = await stack.enter_async_context(product(servers))
            await seed(made.database, ids, like=sample(servers))
            made.poller.start()
            stack.push_async_callback(made.poller.stop, 5)
            for number in range(2):
                await make_due(made.database)
                servers.flip(ids[: CHECKS // 100], ("RETRY", "RUNNING")[number])
                profile = cProfile.Profile()
                profile.enable()
                await made.poller.tick()
                await made.poller.settle()
                profile.disable()
            return pstats.Stats(profile)


def main() -> None:
    """Print the shares, and the dearest functions of each."""
    with Path(os.devnull).open("w") as nowhere:
        log.configure("info", "json", nowhere)
        stats = asyncio.run(run())
    times = shares(stats)
    busy = sum(seconds for found, seconds in times.items() if found != "idle")
    print(f"{CHECKS:,} checks under a profiler, which slows small functions down most:\n")
    for found, meaning in WORDS.items():
        seconds = times.get(found, 0.0)
        share = "" if found == "idle" else f"{seconds / busy:6.1%}"
        print(f"  {found:8} {share:>7} {seconds / CHECKS * 1e6:7.0f} µs a check  {meaning}")
    print(
        "\nSQLite itself runs in a thread of its own, which the profiler does not see; what it"
        "\ncosts to hand work to it and to wait for the interpreter counts as store."
    )
    if "functions" in sys.argv[1:]:
        print()
        stats.sort_stats("tottime").print_stats(str(ROOT.name) + "|packages|built-in|python3", 40)


if __name__ == "__main__":
    main()
