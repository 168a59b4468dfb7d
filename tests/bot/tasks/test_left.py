"""How much longer a group takes is told from runs that were seen, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.tasks import Status, Task, TaskId
from bot.tasks.left import time_left
from bot.tasks.records import KnownTask, Trouble
from bot.tasks.usual import Usual

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = 60.0
PAST = {"f": Usual(ran=(MINUTE,) * 5)}


def member(status: str, ran: float = 0.0, name: str = "f") -> KnownTask:
    begun = NOW - timedelta(seconds=ran)
    over = status in ("COMPLETE", "FAILED")
    task = Task(
        TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"),
        Status(status),
        created_at=begun,
        started_at=None if status == "PENDING" else begun,
        ended_at=NOW if over else None,
        function=name,
    )
    return KnownTask(task, NOW)


def seconds(*members: KnownTask, usual: dict[str, Usual] | None = None) -> float | None:
    left = time_left(members, PAST if usual is None else usual, NOW)
    return None if left is None else left.total_seconds()


def test_one_that_runs_as_usual_has_the_rest_of_the_usual_time_left() -> None:
    assert seconds(member("RUNNING", 20)) == 40


def test_those_that_wait_follow_each_other_on_the_places_that_run() -> None:
    running = [member("RUNNING", 0), member("RUNNING", 30)]
    assert seconds(*running, *[member("PENDING")] * 2) == 120
    assert seconds(*running, *[member("PENDING")] * 3) == 150


def test_those_in_between_take_their_mean_time() -> None:
    spread = {"f": Usual(ran=(10.0, 10.0, 10.0, 10.0, 60.0))}
    assert seconds(member("RUNNING"), member("PENDING"), usual=spread) == 20 + 10


def test_the_last_of_many_is_taken_to_be_a_slow_one() -> None:
    spread = {"f": Usual(ran=(10.0, 20.0, 30.0, 40.0, 50.0))}
    assert seconds(member("RUNNING"), usual=spread) == 30
    assert seconds(*[member("RUNNING")] * 3, usual=spread) == 40


def test_what_runs_long_is_judged_by_those_that_took_longer() -> None:
    spread = {"f": Usual(ran=(10.0, 20.0, 30.0, 40.0, 50.0))}
    assert seconds(member("RUNNING", 35), usual=spread) == 10
    assert seconds(member("RUNNING", 51), usual=spread) is None


def test_complete_members_stand_in_for_past_runs() -> None:
    complete = [member("COMPLETE", 60)] * 3
    assert seconds(*complete, member("RUNNING", 15), usual={}) == 45
    assert seconds(*complete[:2], member("RUNNING", 15), usual={}) is None
    assert seconds(*complete, member("RUNNING", 15, name="other"), usual={}) is None
    assert seconds(*[member("FAILED", 60)] * 3, member("RUNNING", 15), usual={}) is None


@pytest.mark.parametrize("few", [0, 4])
def test_too_few_past_runs_say_nothing(few: int) -> None:
    assert seconds(member("RUNNING"), usual={"f": Usual(ran=(60.0,) * few)}) is None


def test_nothing_is_made_up() -> None:
    assert seconds(member("COMPLETE", 60)) is None
    assert seconds(member("PENDING")) is None
    assert seconds(member("RUNNING"), member("PAUSED")) is None
    assert seconds(member("RUNNING"), member("RUNNING", name="never seen")) is None
    known = member("RUNNING")
    silent = KnownTask(known.task, NOW, Trouble.UNREACHABLE)
    assert seconds(known, silent) is None
