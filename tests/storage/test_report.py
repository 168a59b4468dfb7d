"""Counts and percentiles of how tasks ended, worked out by either database."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert

from bot.tasks.report import Spread
from storage.database import Database
from storage.report import LISTED, ReportStore
from storage.tables import cancels, cards, runs, watches
from tests.torture import many

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def row(
    number: int,
    function: str = "app:f",
    status: str = "COMPLETE",
    *,
    ran: int | None = 1000,
    waited: int | None = 10,
    ago: timedelta = timedelta(hours=1),
    team: str = "T1",
    account: str = "default",
) -> dict[str, object]:
    return {
        "team_id": team,
        "account": account,
        "task_id": f"00000000-0000-4000-8000-{number:012d}",
        "function": function,
        "status": status,
        "waited_ms": waited,
        "ran_ms": ran,
        "ended_at": NOW - ago,
    }


async def put(database: Database, rows: Sequence[dict[str, object]]) -> None:
    await database.write(lambda tx: tx.execute(insert(runs), list(rows)))


async def watch(database: Database, channel: str, *numbers: int) -> None:
    def work(tx: Connection) -> None:
        place = {"team_id": "T1", "account": "default", "channel_id": channel}
        who = {"owner_id": "U1", "level": "all", "created_at": NOW}
        card = tx.execute(insert(cards).values(**place, **who, kind="group", wanted=1, shown=0))
        (card_id,) = card.inserted_primary_key or (0,)
        for number in numbers:
            task_id = row(number)["task_id"]
            tx.execute(
                insert(watches).values(
                    **place, **who, task_id=task_id, card_id=card_id, ended_at=NOW
                )
            )

    await database.write(work)


def nearest_rank(values: Sequence[int], share: int) -> timedelta:
    ordered = sorted(values)
    return timedelta(milliseconds=ordered[math.ceil(len(ordered) * share / 100) - 1])


async def test_percentiles_are_those_of_the_complete_runs_of_each_function(
    database: Database,
) -> None:
    dice = random.Random(4)  # a test's data
    ran = {name: [dice.randrange(1, 10**6) for _ in range(n)] for name, n in (("a", 1), ("b", 97))}
    rows = [
        row(number, name, ran=value, waited=value // 2)
        for number, (name, value) in enumerate(
            (name, value) for name, values in ran.items() for value in values
        )
    ]
    rows += [row(1000, "a", "FAILED", ran=10**9), row(1001, "a", ran=None, waited=None)]
    await put(database, rows)
    stats = await ReportStore(database).stats("T1", "default", NOW - WEEK, NOW, 7)
    found = {one.name: one for one in stats.busiest}
    for name, values in ran.items():
        assert found[name].ran == Spread(nearest_rank(values, 50), nearest_rank(values, 95))
        half = [value // 2 for value in values]
        assert found[name].waited == Spread(nearest_rank(half, 50), nearest_rank(half, 95))
    assert (found["a"].total, found["a"].bad) == (3, 1)
    assert next(one.name for one in stats.slowest) == ("a" if ran["a"][0] > 950_000 else "b")


async def test_only_this_account_and_time_count_and_each_end_in_its_slice(
    database: Database,
) -> None:
    await put(
        database,
        [
            row(1, ago=timedelta()),
            row(2, ago=WEEK + timedelta(seconds=1)),
            row(3, ago=WEEK),
            row(4, "app:g", "TIMEOUT", ago=timedelta(seconds=1)),
            row(5, status="CANCELLED", ago=timedelta(days=1)),
            row(6, team="T2"),
            row(7, account="other"),
        ],
    )
    stats = await ReportStore(database).stats("T1", "default", NOW - WEEK, NOW, 7)
    assert stats.outcomes == {"COMPLETE": 1, "TIMEOUT": 1, "CANCELLED": 1}
    assert (stats.total, stats.bad, stats.functions) == (3, 1, 2)
    kinds = [(one.complete, one.bad, one.other) for one in stats.slices]
    assert kinds == [(1, 0, 0), *[(0, 0, 0)] * 5, (0, 1, 1)]
    assert stats.slices[0].since == NOW - WEEK
    assert [one.name for one in stats.failing] == ["app:g"]


async def test_of_many_functions_those_that_lead_in_anything_are_named(database: Database) -> None:
    rows, number = [], 0
    for place in range(40):
        for status, times in (("COMPLETE", 40 - place), ("FAILED", place)):
            for _ in range(times):
                number += 1
                rows.append(row(number, f"f{place:02}", status, ran=(place % 10) * 1000 + place))
    await put(database, rows)
    stats = await ReportStore(database).stats("T1", "default", NOW - WEEK, NOW, 7)
    assert stats.functions == 40
    assert [one.name for one in stats.failing] == ["f39", "f38", "f37", "f36", "f35"]
    assert [one.name for one in stats.slowest] == ["f39", "f29", "f19", "f09", "f38"]
    assert len(stats.busiest) == LISTED


async def test_nothing_at_all_is_counted_as_that(database: Database) -> None:
    stats = await ReportStore(database).stats("T1", "default", NOW - WEEK, NOW, 7)
    assert (stats.total, stats.functions, stats.busiest) == (0, 0, ())
    assert len(stats.slices) == 7
    assert not stats.capped


async def test_a_digest_is_of_the_tasks_that_the_channel_watched(database: Database) -> None:
    await put(
        database,
        [
            row(1),
            row(2, status="FAILED"),
            row(3),
            row(4, ago=WEEK + timedelta(days=1)),
            row(5, status="EXPIRED", ago=WEEK + timedelta(days=2)),
        ],
    )
    await watch(database, "C1", 1, 2, 4, 5)
    await watch(database, "C1", 2)
    await watch(database, "C2", 3)
    asked = {"team_id": "T1", "account": "default", "task_id": "x", "actor_id": "U1", "via": "x"}

    def cancel(tx: Connection) -> None:
        for channel, outcome, ago in (
            ("C1", "cancelled", timedelta(hours=1)),
            ("C1", "already_over", timedelta(hours=1)),
            ("C1", "cancelled", timedelta(days=8)),
            ("C2", "cancelled", timedelta(hours=1)),
        ):
            tx.execute(
                insert(cancels).values(
                    **asked, channel_id=channel, outcome=outcome, asked_at=NOW - ago
                )
            )

    await database.write(cancel)
    digest = await ReportStore(database).digest("T1", "default", "C1", NOW - WEEK, NOW, 7)
    assert Counter(digest.stats.outcomes) == {"COMPLETE": 1, "FAILED": 1}
    assert (digest.total_before, digest.bad_before, digest.cancels) == (2, 1, 1)


async def test_a_month_of_many_runs_is_read_in_bounded_time(database: Database) -> None:
    dice = random.Random(4)  # a test's data
    number = many(10_000, 50_000)
    await put(
        database,
        [
            row(
                place,
                f"app:f{dice.randrange(2000)}",
                dice.choice(["COMPLETE"] * 9 + ["FAILED"]),
                ran=dice.randrange(10**6),
                ago=timedelta(seconds=dice.randrange(1, 30 * 86_400)),
            )
            for place in range(number)
        ],
    )
    began = time.monotonic()
    stats = await ReportStore(database).stats("T1", "default", NOW - timedelta(days=30), NOW, 15)
    # A bound that only something that grows with the square would break.
    assert time.monotonic() - began < 30
    assert stats.total == number
    assert sum(one.total for one in stats.slices) == number
    assert len(stats.busiest) == len(stats.slowest) == len(stats.failing) == LISTED
