"""The real process is killed at random moments, and at the end everything was told once."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from demo.launcher import clean_environment
from storage.versions import AT, NEEDS
from tests.integration.siege import Siege
from tests.stack import ROOT
from tests.torture import many


def test_whatever_is_killed_when_nothing_is_lost_and_next_to_nothing_doubled(
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    kills = int(os.environ.get("KILLS") or many(20, 1_000))
    print(f"SEED={seed}")
    siege, began = Siege(tmp_path, seed), time.monotonic()
    try:
        verdict = siege.run(kills)
    finally:
        siege.stack.stop()
    print(f"{verdict} seconds={time.monotonic() - began:.0f}")
    assert verdict.lost == []
    assert verdict.wrong == []
    assert verdict.changes > verdict.kills
    assert len(verdict.doubled) <= verdict.kills


def test_a_migration_that_is_killed_leaves_all_of_the_schema_or_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    dice, hits, empty, tries = random.Random(seed), 0, 0, many(4, 100)
    for number in range(tries):
        file = tmp_path / f"{number}.db"
        with migrating(file) as process:
            while not file.exists() and process.poll() is None:
                time.sleep(0.001)
            # From the first byte to the commit.
            time.sleep(dice.uniform(0, 0.2))
            process.kill()
            hits += process.wait() != 0
        with contextlib.closing(sqlite3.connect(file)) as left:
            assert left.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tables = {name for (name,) in left.execute("SELECT name FROM sqlite_master")}
            empty += not tables
            assert not tables or {AT, NEEDS, "deliveries", "watches"} <= tables
            for table in (AT, NEEDS) if tables else ():
                said = left.execute(f"SELECT version_num FROM {table}")  # noqa: S608  # our own
                assert len(said.fetchall()) == 1
        with migrating(file) as process:
            assert process.wait(60) == 0
    print(f"SEED={seed} migrations={tries} killed={hits} left_empty={empty}")
    assert hits > 0


def migrating(file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "app.py", "migrate"],
        cwd=ROOT,
        env={**clean_environment(os.environ), "DATABASE_URL": f"sqlite:///{file}"},
        stdout=subprocess.DEVNULL,
    )
