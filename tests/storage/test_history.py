"""What is usual of a function is learned from how its tasks ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.tasks import Status, Task, TaskId
from bot.tasks.usual import LEAST_RUNS, RUNS_KEPT, Usual, quantile
from storage.database import Database
from storage.history import HistoryStore, note_run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(number: int, seconds: float, status: str = "COMPLETE", function: str = "app:f") -> Task:
    ended = NOW + timedelta(minutes=number)
    started = ended - timedelta(seconds=seconds)
    return Task(
        TaskId(f"00000000-0000-4000-8000-{number:012d}"),
        Status(status),
        created_at=started - timedelta(seconds=2),
        started_at=started,
        ended_at=ended,
        function=function,
    )


async def note(database: Database, *tasks: Task, team: str = "T1") -> None:
    def work(tx: object) -> None:
        for task in tasks:
            note_run(tx, team, "default", task, NOW)  # type: ignore[arg-type]

    await database.write(work)


async def test_only_runs_of_that_function_in_that_workspace_that_did_their_work_count(
    database: Database,
) -> None:
    await note(database, *(run(n, 60 + n) for n in range(6)))
    await note(database, run(10, 1, "FAILED"), run(11, 1, function="app:g"), run(12, 1, "RUNNING"))
    await note(database, run(13, 1), team="T2")
    store = HistoryStore(database)
    found = await store.usual("T1", "default", {"app:f", "app:h"})
    assert set(found) == {"app:f"}
    assert found["app:f"].ran == (60, 61, 62, 63, 64, 65)
    assert found["app:f"].wait == timedelta(seconds=2)


async def test_the_latest_runs_count_and_a_corrected_end_replaces_the_first(
    database: Database,
) -> None:
    await note(database, *(run(n, 1000 - n) for n in range(RUNS_KEPT + 10)))
    await note(database, run(RUNS_KEPT + 9, 5, "FAILED"))
    ran = (await HistoryStore(database).usual("T1", "default", {"app:f"}))["app:f"].ran
    assert len(ran) == RUNS_KEPT
    assert (ran[0], ran[-1]) == (1000 - RUNS_KEPT - 8, 1000 - 9)


def test_too_few_runs_say_nothing() -> None:
    assert Usual(ran=(1.0,) * (LEAST_RUNS - 1)).run is None
    assert Usual(ran=(1.0, 2.0, 3.0, 4.0, 5.0)).run == timedelta(seconds=3)


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 2.5), (0.25, 1.75), (1, 4), (7, 4)])
def test_quantiles_are_interpolated(share: float, value: float) -> None:
    assert quantile((1, 2, 3, 4), share) == value
    with pytest.raises(ValueError, match="no value"):
        quantile((), share)
