"""The services over simulated days: memory, open files and every table do not grow."""

from __future__ import annotations

import gc
import random
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import mean

import pytest
from sqlalchemy import func, select

from bot.beam.errors import Unavailable
from bot.services.ports import Outgoing, TryLater
from bot.tasks import TaskId
from bot.tasks.records import CardView, Place
from storage import outbox, retention
from storage.audit import note
from storage.database import Database
from storage.installations import InstallationStore
from storage.retention import Retention
from storage.seen import SeenStore
from storage.tables import metadata
from storage.vault import Vault, new_key
from tests.bot.services.fuse import InlineDatabase, UnsyncedDatabase
from tests.bot.services.world import FakeSlack, World
from tests.torture import TORTURE, many

DAYS = many(8, 30)
BEGIN, TOGETHER = many(1, 6), 10
"""Commands to watch in a round, and how many tasks one names at most."""
DAY = many(12, 24)
"""Rounds in a day."""
ROUND = 86_400.0 / DAY
KEPT = timedelta(days=1)
"""Instead of months: what is forgotten must be forgotten many times over."""
ENDS = ("COMPLETE", "COMPLETE", "FAILED", "TIMEOUT", "CANCELLED")


class ForgetfulSlack(FakeSlack):
    """Counts what it takes and keeps none of it, so that what grows is the bot."""

    def __init__(self) -> None:
        super().__init__()
        self.posts = self.edits_taken = 0
        self.down = False

    async def post(self, message: Outgoing) -> str:
        self._answer()
        self.posts += 1
        return f"100.{self.posts:06d}"

    async def edit(self, view: CardView) -> None:
        self._answer()
        self.edits_taken += 1

    async def amend(self, message: Outgoing, ts: str) -> None:
        self._answer()

    async def find(self, message: Outgoing) -> str | None:
        self._answer()
        return None

    def _answer(self) -> None:
        if self.down:
            raise TryLater("service_unavailable")


@dataclass
class Evening:
    """What there was at the end of a day."""

    objects: int
    memory_kb: int
    files: int
    rows: dict[str, int]


class Soak:
    """Tasks begin, run and end, are watched and left, while Beam and Slack come and go."""

    def __init__(self, path: Path, kind: type[Database]) -> None:
        self.dice = random.Random(7)
        self.path, self.slack = path, ForgetfulSlack()
        self.world = World(path, slack=self.slack, database=kind)
        self.seen = SeenStore(self.world.database)
        self.installing = InstallationStore(self.world.database, Vault([new_key()]))
        self.retention = Retention(self.world.database)
        self.changes: dict[int, list[tuple[TaskId, str]]] = {}
        self.live: deque[tuple[Place, TaskId]] = deque(maxlen=200)
        self.begun = self.unwatched = self.cancelled = 0

    async def day(self, number: int) -> Evening:
        """Live through a day."""
        for at in range(number * DAY, (number + 1) * DAY):
            self._outages(at % DAY)
            await self._round(at)
        return await self._evening()

    def _outages(self, number: int) -> None:
        self.world.beam.broken = Unavailable("down") if number == DAY // 6 else None
        self.slack.down = number == DAY // 2

    async def _round(self, at: int) -> None:
        world, dice = self.world, self.dice
        now = world.clock()
        for task_id, status in self.changes.pop(at, ()):
            if not world.beam.tasks[task_id].status.final:
                world.beam.put(task_id, status)
        for n in range(BEGIN):
            # New channels come, and old ones are heard of no more.
            place = Place("T1", f"C{at // DAY}x{n % 5}", f"U{n}")
            ids = self._begin(at, dice.randint(1, TOGETHER))
            await self.seen.first("T1", f"trigger {at} {n}", now)
            await world.previews.pick(place, ids[:1])
            await world.watching.watch(place, ids)
        await self._change_minds()
        await self._settings(at)
        for _ in range(2):
            world.clock.advance(ROUND / 2)
            await self._work()
        if at % 4 == 0:
            await self._purge()

    def _begin(self, at: int, count: int) -> Sequence[TaskId]:
        ids = [TaskId(str(uuid.UUID(int=self.dice.getrandbits(128)))) for _ in range(count)]
        for task_id in ids:
            self.world.beam.put(task_id, "PENDING")
            runs = at + self.dice.randint(1, 2)
            ends = runs + self.dice.randint(1, 3)
            self.changes.setdefault(runs, []).append((task_id, "RUNNING"))
            self.changes.setdefault(ends, []).append((task_id, self.dice.choice(ENDS)))
            self.live.append((Place("T1", f"C{at // DAY}x0", "U1"), task_id))
        self.begun += count
        return ids

    async def _change_minds(self) -> None:
        for place, task_id in self.dice.sample(list(self.live), min(2, len(self.live))):
            if self.dice.random() < 0.5:
                self.unwatched += len(await self.world.watching.unwatch(place, [task_id]))
            elif self.world.beam.broken is None:
                question = await self.world.cancelling.ask(place, [task_id])
                if self.dice.random() < 0.5:
                    await self.world.cancelling.answer(place, question)
                    self.cancelled += 1

    async def _settings(self, at: int) -> None:
        """Do what is written down beside tasks."""
        now = self.world.clock()
        await self.installing.issue_state(f"state {at}", now, timedelta(minutes=10))
        await self.world.database.write(
            lambda tx: note(tx, "T1", "U1", "account.connect", {"name": "main"}, now)
        )

    async def _work(self) -> None:
        """Poll what is due and deliver what is owed, a second at a time."""
        await self.world.poller.tick()
        await self.world.poller.settle()
        for _ in range(60):
            await self.world.deliverer.tick()
            await self.world.deliverer.settle()
            self.world.clock.advance(1.2)
            if not await self.world.outbox.owes("T1") or self.slack.down:
                break

    async def _purge(self) -> None:
        now = self.world.clock()
        await self.seen.purge(now)
        await self.world.outbox.purge(now)
        await self.retention.purge(now)

    async def _evening(self) -> Evening:
        self._forget_outside()
        counts = {
            table.name: select(func.count()).select_from(table) for table in metadata.sorted_tables
        }
        rows = await self.world.database.read(
            lambda tx: {name: tx.execute(count).scalar_one() for name, count in counts.items()}
        )
        gc.collect()
        return Evening(len(gc.get_objects()), memory_kb(), open_files(), rows)

    def _forget_outside(self) -> None:
        """Forget what the fakes know of tasks that are long over: they are not what is measured."""
        beam, coming = self.world.beam, {one for some in self.changes.values() for one, _ in some}
        beam.asked.clear()
        beam.cancelled.clear()
        lately = coming | {task_id for _, task_id in self.live}
        beam.tasks = {one: task for one, task in beam.tasks.items() if one in lately}


def memory_kb() -> int:
    """Return how much memory this process has, 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def open_files() -> int:
    """Return how many files this process has open, 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def test_memory_files_and_tables_are_flat_over_simulated_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, name in (
        (retention, "HISTORY_KEPT"),
        (retention, "TRAIL_KEPT"),
        (retention, "CHANNEL_KEPT"),
        (outbox, "KEPT"),
    ):
        monkeypatch.setattr(place, name, KEPT)
    began = time.monotonic()
    soak = Soak(tmp_path / "soak.db", UnsyncedDatabase if TORTURE else InlineDatabase)
    await soak.world.open()
    evenings = [await soak.day(number) for number in range(DAYS)]
    await soak.world.close()
    second, last = evenings[DAYS // 4 : DAYS // 2], evenings[-(DAYS // 4) :]
    objects, memory = (
        [mean(getattr(one, what) for one in part) for part in (second, last)]
        for what in ("objects", "memory_kb")
    )
    files = [max(one.files for one in part) for part in (second, last)]
    most = {
        name: [max(one.rows[name] for one in part) for part in (second, last)]
        for name in second[0].rows
    }
    polls = sum(count for name, count in soak.world.meter.counts.items() if "polled" in name)
    print(
        f"days={DAYS} tasks={soak.begun} posts={soak.slack.posts} edits={soak.slack.edits_taken}"
        f" unwatched={soak.unwatched} cancelled={soak.cancelled}"
        f" polls={polls}"
        f" objects={objects[0]:.0f}→{objects[1]:.0f}"
        f" memory_mb={memory[0] / 1024:.1f}→{memory[1] / 1024:.1f} files={files[0]}→{files[1]}"
        f" rows={sum(one for one, _ in most.values())}→{sum(one for _, one in most.values())}"
        f" seconds={time.monotonic() - began:.0f}"
    )
    assert min(soak.unwatched, soak.cancelled) > 0
    assert soak.slack.posts > soak.begun / 2
    assert objects[1] <= objects[0] * 1.02
    assert memory[1] <= memory[0] + 4 * 1024
    assert files[1] <= files[0]
    written = {name for name, (before, _) in most.items() if before}
    assert {"tasks", "watches", "cards", "deliveries", "transitions", "channels"} <= written
    assert {"cancels", "cancel_questions", "requests_seen", "audit", "oauth_states"} <= written
    grown = {name: rows for name, rows in most.items() if rows[1] > rows[0] * 1.25 + 10}
    assert grown == {}
