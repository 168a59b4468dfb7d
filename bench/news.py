"""How long after a task's status flips Slack has the message, with 2,000 young tasks watched."""

from __future__ import annotations

import asyncio
import random

from bench.real import bot
from bench.seed import new_ids, sample, seed, url_of
from bench.stage import Row, call, report, share, stage
from storage.database import Database

WATCHED = 2_000
INTERVAL = 3.0
"""``POLL_INTERVAL``; while a task is younger than its square, it is looked at so often."""


async def measure(quick: bool) -> list[Row]:
    """Flip tasks at random moments, each in a channel of its own, and read when Slack heard."""
    flips = 60 if quick else 200
    seconds = 10.0 if quick else 30.0
    ids = new_ids(WATCHED)
    dice = random.Random(8)
    with stage() as servers:
        database = Database(url_of(servers.folder / "beambot.db"))
        await seed(database, ids, channels=flips, like=sample(servers), first=(0, INTERVAL))
        await database.close()
        # The longest is the shortest: all are as young tasks, for as long as this takes.
        every = {"POLL_INTERVAL": str(INTERVAL), "POLL_MAX_INTERVAL": str(INTERVAL)}
        with bot(servers, BEAM_RATE_LIMIT="2000", **every) as one:
            # Until the first look at each has settled.
            await asyncio.sleep(2 * INTERVAL)
            asked, used = call(f"{servers.beam}/_control/state")["asked"], one.cpu()
            for task_id in ids[:flips]:
                servers.flip([task_id], "COMPLETE")
                await asyncio.sleep(seconds / flips * 2 * dice.random())
            await asyncio.sleep(3 * INTERVAL)
            busy = (one.cpu() - used) / (seconds + 3 * INTERVAL)
            rate = (call(f"{servers.beam}/_control/state")["asked"] - asked) / (
                seconds + 3 * INTERVAL
            )
            flipped = call(f"{servers.beam}/_control/flipped")
            posts = call(f"{servers.slack}/_control/posts")["posts"]
    heard: dict[str, float] = {}
    for post in posts:
        heard.setdefault(post["thread"], post["at"])
    # The seed gives task number n the card with the ts that ends in n.
    lates = [
        heard[f"1700000000.{number:06d}"] - flipped[task_id]
        for number, task_id in enumerate(ids[:flips], 1)
        if f"1700000000.{number:06d}" in heard
    ]
    half, last = share(lates, 0.5), max(lates)
    return [
        Row(
            f"news after the fact, {WATCHED:,} young tasks",
            f"p50 {half:.1f} s, p99 {share(lates, 0.99):.1f} s, last {last:.1f} s",
            f"an interval of {INTERVAL:g} s",
            f"p50 {half / INTERVAL:.2f}, last {last / INTERVAL:.2f} of the interval",
            "p50 under the interval + 0.5 s, none later than twice the interval",
            len(lates) == flips and half < INTERVAL + 0.5 and last < 2 * INTERVAL,
            f"{len(lates)} of {flips} flips were told; {rate:.0f} checks/s took {busy:.0%} of"
            " a core",
        )
    ]


if __name__ == "__main__":
    report(measure)
