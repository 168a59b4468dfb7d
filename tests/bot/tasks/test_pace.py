"""When a look pays: by age, by what is usual, by what the budget has room for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import STRETCH_MOST, Pace
from bot.tasks.pace import check_interval, usual_interval
from bot.tasks.usual import Usual

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAST = tuple(float(seconds) for seconds in range(90, 111))


def task(age: float, status: str = "RUNNING") -> Task:
    began = NOW - timedelta(seconds=age)
    started = began if status == "RUNNING" else None
    return Task(TaskId("0" * 8), Status(status), created_at=began, started_at=started)


def usual(elapsed: float, past: tuple[float, ...] = PAST, jitter: float = 0.5) -> float | None:
    found = usual_interval(
        timedelta(seconds=elapsed), past, shortest=3, longest=60, jitter=lambda: jitter
    )
    return None if found is None else found.total_seconds()


@given(
    age=st.floats(0, 1e6),
    jitter=st.floats(0, 0.999),
    past=st.lists(st.floats(0.1, 1e5), min_size=5, max_size=40),
)
def test_no_interval_leaves_its_bounds(age: float, jitter: float, past: list[float]) -> None:
    by_age = check_interval(timedelta(seconds=age), shortest=3, longest=60, jitter=lambda: jitter)
    assert 3 <= by_age.total_seconds() <= 60
    by_habit = usual(age, tuple(sorted(past)), jitter)
    assert by_habit is None or 3 <= by_habit <= 60


def test_little_is_asked_before_a_run_can_be_over_and_much_around_its_end() -> None:
    early, near = usual(30.0), usual(95.0)
    assert early is not None
    assert near is not None
    assert early > 2 * 30**0.5
    assert near < 0.6 * 95**0.5


@pytest.mark.parametrize(("elapsed", "past"), [(200.0, PAST), (30.0, PAST[:4]), (30.0, ())])
def test_where_the_past_says_nothing_the_age_decides(
    elapsed: float, past: tuple[float, ...]
) -> None:
    assert usual(elapsed, past) is None
    pace = Pace(jitter=lambda: 0.5, usual=Usual(ran=past))
    assert pace.interval(task(elapsed), NOW).total_seconds() == pytest.approx(elapsed**0.5)


def test_a_task_that_waits_is_measured_by_usual_waits() -> None:
    pace = Pace(jitter=lambda: 0.5, usual=Usual(ran=(), waited=PAST))
    assert pace.interval(task(30, "PENDING"), NOW).total_seconds() == pytest.approx(usual(30.0))
    assert pace.interval(task(30, "RETRY"), NOW).total_seconds() == pytest.approx(30**0.5)


def test_a_short_budget_stretches_all_alike_but_none_for_ever() -> None:
    calm = Pace(jitter=lambda: 0.5)
    short = Pace(jitter=lambda: 0.5, stretch=5.0)
    for age in (1.0, 100.0, 1e6):
        wanted = calm.interval(task(age), NOW)
        most = timedelta(seconds=STRETCH_MOST * 60)
        assert short.interval(task(age), NOW) == min(5 * wanted, most)
