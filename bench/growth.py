"""What a tick costs as more and more is watched, with the same number of tasks due."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.product import Nobody, now
from bench.seed import make_due, new_ids, seed, url_of
from bench.stage import Row, cores, pin, report
from bot.services.look_up import LookUp
from bot.tasks.follow import Look, Pace, Tracked
from storage.batches import Horizon
from storage.database import Database
from storage.tasks import Observation, TaskStore
from storage.watches import WatchStore

DUE = 100
FAR = Horizon(timedelta(days=2), timedelta(days=2))


class Copy:
    """A database with so many watched tasks."""

    def __init__(self, folder: Path, watched: int) -> None:
        self.watched = watched
        self.database = Database(url_of(folder / f"{watched}.db"))
        self.tasks = TaskStore(self.database)
        pace = Pace(3600, 3600)
        self.look_up = LookUp(Nobody(), self.tasks, WatchStore(self.database), now, pace)
        self.costs: dict[str, list[float]] = {"idle": [], "due": []}

    async def tick(self) -> None:
        """Measure a tick that finds nothing, and one that claims and writes what is due."""
        began = time.process_time()
        assert not await self._claim()
        self.costs["idle"].append(time.process_time() - began)
        await make_due(self.database, DUE)
        began = time.process_time()
        claimed = await self._claim()
        assert len(claimed) == min(DUE, self.watched)
        moment = now()
        await self.look_up.record(
            [
                Observation(
                    one.team_id,
                    one.account,
                    one.task.id,
                    Look(moment, replace(one.task)),
                    one.attempt,
                    one,
                )
                for one in claimed
            ]
        )
        self.costs["due"].append(time.process_time() - began)

    async def _claim(self) -> list[Tracked]:
        claimed = await self.tasks.claim_due(
            now(), limit=400, lease=timedelta(minutes=1), horizon=FAR
        )
        return claimed.tasks


async def measure(quick: bool) -> list[Row]:
    """Tick in turns over databases of growing size."""
    split = cores()
    pin(os.getpid(), split and split[0])
    sizes = (100, 1_000, 10_000) if quick else (100, 1_000, 10_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="beambot-bench-") as folder:
        async with AsyncExitStack() as stack:
            copies = [Copy(Path(folder), size) for size in sizes]
            for one in copies:
                stack.push_async_callback(one.database.close)
                await seed(one.database, new_ids(one.watched), first=(3600, 7200))
            for _ in range(8 if quick else 25):
                for one in copies:
                    await one.tick()
    cost = {
        kind: [statistics.median(one.costs[kind][2:]) * 1000 for one in copies]
        for kind in ("idle", "due")
    }
    ratio = cost["due"][-1] / cost["due"][0]
    return [
        Row(
            f"growth: a tick with {DUE} due",
            f"{sizes[-1]:,} watched: {cost['due'][-1]:.1f} ms",
            f"{sizes[0]:,} watched: {cost['due'][0]:.1f} ms",
            f"{ratio:.2f}",
            "at most 1.5: it grows with what is due",
            ratio <= 1.5,
            "; ".join(
                f"{size:,} watched: {due:.1f} ms, with nothing due {idle:.2f} ms"
                for size, due, idle in zip(sizes, cost["due"], cost["idle"], strict=True)
            ),
        )
    ]


if __name__ == "__main__":
    report(measure)
