"""A bot that watches 10,000 tasks of which none is due: its start, its processor, its memory."""

from __future__ import annotations

import asyncio
import statistics

from bench.real import bot
from bench.seed import new_ids, seed, url_of
from bench.stage import Row, report, stage
from storage.database import Database

WATCHED = 10_000


async def measure(quick: bool) -> list[Row]:
    """Start it several times, then leave it alone for a while."""
    window = 8.0 if quick else 30.0
    with stage() as servers:
        database = Database(url_of(servers.folder / "beambot.db"))
        await seed(database, new_ids(WATCHED), first=(3000, 3500))
        await database.close()
        starts = []
        # Looks are planned an hour ahead here: with the usual limit they would seem set back.
        settings = {"POLL_MAX_INTERVAL": "3600"}
        for _ in range(2 if quick else 5):
            with bot(servers, **settings) as one:
                starts.append(one.ready_after)
        with bot(servers, **settings) as one:
            await asyncio.sleep(3)
            before = one.cpu()
            await asyncio.sleep(window)
            share = (one.cpu() - before) / window
            memory = one.memory()
    start = statistics.median(starts)
    return [
        Row(
            f"idle: {WATCHED:,} watched, nothing due",
            f"{share:.1%} of a core, {memory:.0f} MB",
            "-",
            "-",
            "under 2 % of a core, under 150 MB",
            share < 0.02 and memory < 150,
            f"over {window:.0f} s",
        ),
        Row(
            f"start: to ready with {WATCHED:,} watched",
            f"{start:.1f} s",
            "-",
            f"{min(starts):.1f}-{max(starts):.1f} s",
            "under 3 s",
            start < 3,
        ),
    ]


if __name__ == "__main__":
    report(measure)
