"""Thousands of watched tasks and hundreds of commands at once: acks stay quick, all is answered."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.follow import Tracked
from bot.tasks.records import DEFAULT_ACCOUNT, KnownTask, Place
from demo.workspace.model import BOT_USER_ID, TEAM_ID
from storage.database import Database
from storage.migrate import migrate
from storage.watches import WatchStore
from tests.stack import ANA, OMAR, ROOT, SECRET, Stack, eventually
from tests.torture import TORTURE, many

CHANNELS, IN_CHANNEL = many(20, 200), 25
COMMANDS, AT_ONCE = many(200, 500), 50
ALONE = many(4, 10)
"""Tasks of a channel with a card of their own; the others are a group."""
P99 = 0.3 if TORTURE else 3.0
"""Seconds. `make test` shares its machine with whatever else runs there."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(
        tmp_path, http=True, empty=True, settings={"POLL_INTERVAL": "3", "POLL_MAX_INTERVAL": "60"}
    )
    yield made
    made.stop()


def test_acks_are_quick_and_all_is_answered_while_thousands_of_tasks_are_watched(
    stack: Stack,
) -> None:
    channels = {f"C0LOAD{number}": tasks_of(stack, number) for number in range(CHANNELS)}
    stack.control("channels", ids=list(channels), members=[ANA, OMAR, BOT_USER_ID])
    stack.stop_bot()
    asyncio.run(watch_all(stack, channels))
    bot = stack.start_bot()
    # Tasks begin to run meanwhile: something is owed all the time.
    missing = "SELECT count(*) FROM cards WHERE ts IS NULL"
    began = time.monotonic()
    eventually(lambda: not stack.rows(missing)[0][0], "every card is posted", patience=600)
    posting = time.monotonic() - began
    watched = stack.rows("SELECT count(*) FROM watches WHERE ended_at IS NULL")[0][0]
    before, polls = used_by(bot.pid), polls_of(stack)
    found = hammer(stack, channels)
    after = used_by(bot.pid)
    acks = found.pop("acks")
    p50, p99 = (acks[int(share * (len(acks) - 1))] for share in (0.5, 0.99))
    print(
        f"watched={watched} channels={CHANNELS} commands={COMMANDS} at_once={AT_ONCE}"
        f" cards={CHANNELS * (ALONE + 1)} posted_in={posting:.0f}s"
        f" ack_p50={p50 * 1000:.0f}ms ack_p99={p99 * 1000:.0f}ms ack_max={acks[-1] * 1000:.0f}ms"
        f" polls_meanwhile={polls_of(stack) - polls:.0f} before={before} after={after} {found}"
    )
    assert watched == CHANNELS * IN_CHANNEL
    assert found["statuses"] == {"200": COMMANDS}
    assert found["answered"] == COMMANDS
    assert found["apologies"] == []
    assert acks[-1] < 3
    assert p99 < P99
    if before:
        assert after["files"] <= before["files"] + 2 * AT_ONCE
        assert after["memory_mb"] <= before["memory_mb"] + 50
    assert "Traceback" not in stack.log_of("bot")


def tasks_of(stack: Stack, number: int) -> list[str]:
    """Start the tasks of one channel, which begin to run sooner or later."""
    dice = random.Random(number)
    life = [[0, "PENDING"], [dice.uniform(10, 120), "RUNNING"], [3_600, "COMPLETE"]]
    given = {"count": IN_CHANNEL, "handler": f"jobs:number_{number}", "life": life}
    made = stack.client.post(f"{stack.beam}/_control/tasks", json=given).raise_for_status()
    return [row["id"] for row in made.json()]


async def watch_all(stack: Stack, channels: dict[str, list[str]]) -> None:
    """Write the watches of all channels into the bot's database."""
    database = Database("sqlite+aiosqlite:///" + stack.environment["DATABASE_URL"].split("///")[1])
    await migrate(database)
    store, now, dice = WatchStore(database), datetime.now(UTC), random.Random(0)

    def start(known: KnownTask, before: Tracked | None) -> Tracked:
        due = now + timedelta(seconds=dice.uniform(0, 60))
        return Tracked(TEAM_ID, DEFAULT_ACCOUNT, known.task, now, next_check_at=due)

    async def watch(channel: str, ids: Sequence[str]) -> None:
        known = [KnownTask(Task(TaskId(i), Status("PENDING"), created_at=now), now) for i in ids]
        place = Place(TEAM_ID, channel, ANA)
        await store.add(place, known, Level.ALL, now=now, start=start)

    for channel, ids in channels.items():
        await watch(channel, ids[ALONE:])
        for one in ids[:ALONE]:
            await watch(channel, [one])
    await database.close()


def hammer(stack: Stack, channels: dict[str, list[str]]) -> dict[str, Any]:
    """Have the commands sent by a process of their own; return what it measured."""
    dice = random.Random(1)
    commands = []
    for _ in range(COMMANDS):
        channel = dice.choice(list(channels))
        task = dice.choice(channels[channel])
        texts = [f"status {task}", f"status {task[:8]}", f"watch {task}", "list", "help", "what?"]
        commands.append([channel, dice.choice([ANA, OMAR]), dice.choice(texts)])
    orders = {"events": stack.events, "secret": SECRET, "at_once": AT_ONCE, "commands": commands}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.load_client"],
        cwd=ROOT,
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def polls_of(stack: Stack) -> float:
    """Return how often Beam was asked about a task."""
    text = stack.client.get(f"{stack.bot}/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("beambot_polls_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def used_by(pid: int) -> dict[str, int]:
    """Return what a process uses, where the system says so."""
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return {}
    lines = (folder / "status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return {"memory_mb": resident // 1024, "files": len(list((folder / "fd").iterdir()))}
