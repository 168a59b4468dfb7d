"""Statuses, levels, times and how soon to look again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from bot.tasks import Level, Status, Task, TaskId, check_interval
from bot.tasks.pace import age_of

ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FINAL = ["COMPLETE", "CANCELLED", "TIMEOUT", "EXPIRED", "FAILED", "ERROR"]
ALL = ["PENDING", "RUNNING", "RETRY", *FINAL]


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def secs(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


def test_every_documented_status_is_in_flight_or_final() -> None:
    assert [Status(s).known for s in ALL] == [True] * 9
    assert [s for s in ALL if Status(s).in_flight] == ["PENDING", "RUNNING", "RETRY"]
    assert all(Status(s).final != Status(s).in_flight for s in ALL)
    assert [s for s in ALL if Status(s).failed] == ["FAILED", "ERROR"]
    assert [s for s in ALL if Status(s).bad] == ["TIMEOUT", "EXPIRED", "FAILED", "ERROR"]
    assert not Status("COMPLETE").may_be_corrected
    assert Status("CANCELLED").may_be_corrected


def test_an_unknown_status_is_kept_and_means_nothing() -> None:
    status = Status("Preparing")
    assert status == "Preparing"
    assert not any((status.known, status.final, status.in_flight, status.failed, status.bad))


def test_a_status_survives_storage_as_json() -> None:
    adapter = TypeAdapter(Status)
    back = adapter.validate_json(adapter.dump_json(Status("RUNNING")))
    assert type(back) is Status
    assert back.in_flight


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        (Level.ALL, [*ALL, "ODD"]),
        (Level.FINAL, FINAL),
        (Level.FAILURES, ["TIMEOUT", "EXPIRED", "FAILED", "ERROR"]),
    ],
)
def test_levels_ask_for_their_changes(level: Level, wanted: list[str]) -> None:
    assert [s for s in [*ALL, "ODD"] if level.wants(Status(s))] == wanted


@pytest.mark.parametrize(
    ("status", "started", "ended", "waited", "ran"),
    [
        ("PENDING", None, None, 100, None),
        ("RUNNING", 10, None, 10, 90),
        ("COMPLETE", 10, 40, 10, 30),
        ("EXPIRED", None, 60, 60, None),
        ("COMPLETE", 10, None, 10, None),
        ("CANCELLED", None, None, None, None),
        ("COMPLETE", -5, -9, 0, 0),
    ],
)
def test_waiting_and_running_times(
    status: str, started: int | None, ended: int | None, waited: int | None, ran: int | None
) -> None:
    task = Task(
        ID,
        Status(status),
        created_at=NOON,
        started_at=None if started is None else after(started),
        ended_at=None if ended is None else after(ended),
    )
    assert secs(task.waited(after(100))) == waited
    assert secs(task.ran(after(100))) == ran


def test_a_task_without_times_has_none() -> None:
    task = Task(ID, Status("RUNNING"))
    assert task.waited(NOON) is None
    assert task.ran(NOON) is None
    assert task.timeout_share(NOON) is None


@pytest.mark.parametrize(
    ("status", "timeout", "share"),
    [
        ("RUNNING", 200, 0.5),
        ("RUNNING", 50, 1.0),
        ("RUNNING", 0, None),
        ("RUNNING", -1, None),
        ("RUNNING", None, None),
        ("COMPLETE", 200, None),
    ],
)
def test_share_of_the_timeout(status: str, timeout: int | None, share: float | None) -> None:
    task = Task(ID, Status(status), started_at=NOON, timeout_seconds=timeout)
    assert task.timeout_share(after(100)) == share


def test_a_task_is_called_by_its_function_its_stub_or_its_id() -> None:
    assert Task(ID, Status("X"), function="app:f", stub_name="s").label == "app:f"
    assert Task(ID, Status("X"), stub_name="s").label == "s"
    assert Task(ID, Status("X")).label == "07ce4078"


@pytest.mark.parametrize(
    ("age", "jitter", "seconds"),
    [(0, 0, 3), (-50, 0, 3), (9, 0.9, 3), (100, 0, 10.5), (100, 0.5, 10), (10**6, 0, 60)],
)
def test_checks_slow_down_with_age_within_bounds(age: int, jitter: float, seconds: float) -> None:
    interval = check_interval(timedelta(seconds=age), shortest=3, longest=60, jitter=lambda: jitter)
    assert interval.total_seconds() == pytest.approx(seconds)


def test_age_counts_from_creation_and_is_never_negative() -> None:
    assert secs(age_of(NOON, after(5))) == 5
    assert secs(age_of(after(5), NOON)) == secs(age_of(None, NOON)) == 0
