"""Real processes on one database: some are paused for longer than a lease, some are killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest

from tests.databases import NewUrl
from tests.integration.fleet import Fleet
from tests.integration.siege import DIRECT, PUBLIC, Siege
from tests.stack import eventually
from tests.torture import TORTURE, many

RATE = 20
LEASE, LEASE_OVER = "5", 8.0
"""Longer than a request takes on a busy machine, as the real lease is; and the seconds after which
another copy has taken over what a paused one held."""
IN_A_ROW = 5
"""Posts of a channel whose time is taken."""


def test_whoever_is_paused_or_killed_everything_is_told_once_in_pace_and_within_the_budget(
    tmp_path: Path, new_url: NewUrl
) -> None:
    url = new_url()
    if url.startswith("sqlite") and not TORTURE:
        pytest.skip("one database is enough here; `make torture` tries both")
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SEED={seed}")
    settings = {
        "DATABASE_URL": url,
        "BEAM_RATE_LIMIT": str(RATE),
        "POLL_INTERVAL": "0.5",
        "TEST_LEASE": LEASE,
    }
    siege = Siege(tmp_path, seed, watched=30, settings=settings)
    # Where it may be read back what was posted, nothing at all may double.
    siege.channels = [*PUBLIC, *DIRECT]
    fleet = Fleet(tmp_path, siege)
    try:
        second, third = fleet.start(), fleet.start()
        for copy in (second, third):
            copy.see_ready()
        fleet.see_all(3)
        for _ in range(many(1, 20)):
            siege.top_up()
            first = siege.stack.pid("bot")
            time.sleep(siege.dice.uniform(0.5, 2))
            os.kill(first, signal.SIGSTOP)
            time.sleep(siege.dice.uniform(0, 1))
            third.stop(signal.SIGKILL)
            time.sleep(LEASE_OVER)
            os.kill(first, signal.SIGCONT)
            third = fleet.start()
        siege.end_soon()
        eventually(lambda: not siege.open_ends(), "all is told", patience=300)
        verdict = siege.judge()
        delivered = [copy.log.count("delivered ") for copy in fleet.copies]
        busiest, requests = busiest_second(siege)
        quickest = quickest_posts(siege)
    finally:
        fleet.stop()
        siege.stack.stop()
    print(verdict, f"{requests=} {busiest=} {quickest=:.2f} {delivered=}")
    assert (verdict.lost, verdict.wrong, verdict.doubled) == ([], [], [])
    assert verdict.changes > 10
    assert sum(count > 0 for count in delivered) > 1
    # One a second; a single one may be late on its way, and is then close to the next.
    assert quickest >= IN_A_ROW - 2
    # Not one copy's budget each, and not next to nothing either. What was sent evenly may arrive
    # a little less so.
    assert RATE / 3 < busiest <= 1.3 * RATE


def busiest_second(siege: Siege) -> tuple[int, int]:
    """Return how many requests Beam got in its busiest second, and how many in all."""
    log = siege.stack.client.get(f"{siege.stack.beam}/_control/log").raise_for_status().json()
    times = sorted(datetime.fromisoformat(one["at"]).timestamp() for one in log)
    most = begin = 0
    for end, at in enumerate(times):
        while at - times[begin] >= 1.0:
            begin += 1
        most = max(most, end - begin + 1)
    return most, len(times)


def quickest_posts(siege: Siege) -> float:
    """Return the shortest time in which a channel got its posts in a row, in seconds."""
    times: dict[str, list[float]] = defaultdict(list)
    for post in siege.stack.posts():
        times[post["channel"]].append(float(post["ts"]))
    return min(
        later - earlier
        for one in map(sorted, times.values())
        for earlier, later in zip(one, one[IN_A_ROW - 1 :], strict=False)
    )
