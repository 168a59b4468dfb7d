"""Real processes on one PostgreSQL: one of them is cut off, from the database, Slack or Beam."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from storage.database import BUSY_TIMEOUT
from tests.databases import new_postgresql
from tests.integration.fleet import Fleet
from tests.integration.siege import DIRECT, PUBLIC, Siege
from tests.processes import Copy
from tests.stack import eventually
from tests.torture import many
from tests.wire import Wire, wire_to

LEASE = 5.0
"""Seconds: longer than a request takes on a busy machine, as the real lease is."""
TAKEN_OVER = max(LEASE, BUSY_TIMEOUT) + 3.0
"""Seconds within which another copy has taken what was held. What a transaction that was cut off
has locked is free once the server has ended it, after ``BUSY_TIMEOUT``: within a real lease."""
UNLUCKY = 5
"""Cuts at most until one hits a copy that has something in hand."""

Held = set[tuple[str, int]]
"""Tasks and channels that a copy holds, each with the attempt that is its fencing."""


class Parted:
    """A siege with three copies, one of which reaches everything over wires of its own."""

    def __init__(self, folder: Path, database_url: str) -> None:
        seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
        print(f"SEED={seed}")
        settings = {
            "DATABASE_URL": database_url,
            "BEAM_RATE_LIMIT": "20",
            "POLL_INTERVAL": "0.5",
            "TEST_LEASE": str(LEASE),
        }
        self.siege = Siege(folder, seed, watched=20, settings=settings)
        self.dice = self.siege.dice
        # Where it may be read back what was posted, nothing at all may double.
        self.siege.channels = [*PUBLIC, *DIRECT]
        self.fleet = Fleet(folder, self.siege)
        stack = self.siege.stack
        self.database, parted_url = wire_to(database_url)
        self.slack = Wire(port=urlsplit(stack.slack).port or 0)
        self.beam = Wire(port=urlsplit(stack.beam).port or 0)
        self.fleet.start()
        self.copy: Copy = self.fleet.start(
            DATABASE_URL=parted_url,
            SLACK_API_URL=f"http://127.0.0.1:{self.slack.port}/api/",
            BEAM_API_URL=f"http://127.0.0.1:{self.beam.port}/v2",
        )
        for copy in self.fleet.copies:
            copy.see_ready()
        self.fleet.see_all(3)

    def see_work(self) -> None:
        """Wait until the copy that will be cut off delivers."""
        before = self.copy.log.count("delivered ")

        def delivers() -> bool:
            self.siege.top_up(again=False)
            return self.copy.log.count("delivered ") > before

        eventually(delivers, "it delivers")

    def cut(self, *wires: Wire) -> int:
        """Cut wires for longer than a lease; return how much had to be taken over."""
        self.see_work()
        time.sleep(self.dice.uniform(0, 0.3))
        for wire in wires:
            wire.cut()
        at = time.time()
        time.sleep(1)
        held = self.held(at)
        time.sleep(max(0.0, at + LEASE - 0.5 - time.time()))
        held &= self.held(at)
        patience = at + 1 + TAKEN_OVER - time.time()
        eventually(lambda: not held & self.held(at), f"{held} are taken over", patience)
        print(f"{len(held)} were held, taken over after {time.time() - at:.1f} s")
        self.siege.top_up(again=False)
        return len(held)

    def held(self, at: float) -> Held:
        """Return what was claimed about ``at`` and has not been finished."""
        leased = f"BETWEEN to_timestamp({at + LEASE - 2}) AND to_timestamp({at + LEASE + 1})"
        return self._rows(f"next_check_at {leased}", f"lease_until {leased}")

    def _rows(self, tasks: str, channels: str) -> Held:
        found = self.siege.stack.rows(
            f"SELECT task_id, attempt FROM tasks WHERE {tasks}"  # noqa: S608  # our own words
            f" UNION ALL SELECT channel_id, attempt FROM channels WHERE {channels}"
        )
        return {(str(name), attempt) for name, attempt in found}

    def stop(self) -> None:
        """End all of it."""
        for wire in (self.database, self.slack, self.beam):
            wire.reset()
        self.fleet.stop()
        self.siege.stack.stop()
        for wire in (self.database, self.slack, self.beam):
            wire.close()


@pytest.fixture
def parted(tmp_path: Path, postgresql_server: str) -> Iterator[Parted]:
    parted = Parted(tmp_path, new_postgresql(postgresql_server))
    yield parted
    parted.stop()


def test_a_copy_that_is_cut_off_loses_and_doubles_nothing_and_is_stood_in_for_within_a_lease(
    parted: Parted,
) -> None:
    siege, database = parted.siege, parted.database
    held, cuts = {"database": 0, "both": 0}, 0
    while (cuts := cuts + 1) <= many(1, 12) or (not held["database"] and cuts <= UNLUCKY):
        held["database"] += parted.cut(database)
        # What it sent meanwhile arrives late, or never.
        siege.dice.choice([database.heal, database.reset])()
        parted.fleet.see_all(3)
    for _ in range(many(1, 6)):
        held["both"] += parted.cut(parted.slack, parted.beam)
        parted.slack.reset()
        parted.beam.reset()
    parted.see_work()
    siege.end_soon()
    eventually(lambda: not siege.open_ends(), "all is told", patience=300)
    verdict = siege.judge()
    print(verdict, f"{held=}")
    assert (verdict.lost, verdict.wrong, verdict.doubled) == ([], [], [])
    assert verdict.changes > 10
    # Without Slack and Beam it may happen to have taken nothing just then.
    assert held["database"]


def test_a_copy_that_is_cut_off_from_the_database_stops_within_ten_seconds_all_the_same(
    parted: Parted,
) -> None:
    parted.see_work()
    parted.database.cut()
    began = time.monotonic()
    assert parted.copy.stop() == 0
    assert time.monotonic() - began < 11
