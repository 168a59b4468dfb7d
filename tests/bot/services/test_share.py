"""A budget that is too small: everybody waits in proportion, nobody for ever."""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.services.share import Share, Shares
from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import STRETCH_MOST, Pace

START = datetime(2026, 1, 1, tzinfo=UTC)


class Budget:
    """So many requests a second."""

    used = 0

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def allows(self, seconds: float) -> float:
        return seconds * self.rate


def gaps(ages: list[float], budget: Budget, seconds: float = 900.0) -> dict[float, list[float]]:
    """Look at tasks of fixed ages within a budget; return the gaps between looks after a while."""
    share = Share(budget)
    pace = Pace(jitter=lambda: 0.5)
    due = [(0.0, number, age, 0.0, 3.0) for number, age in enumerate(ages)]
    found: dict[float, list[float]] = {age: [] for age in ages}
    free = 0.0
    while due[0][0] < seconds:
        at, number, age, last, planned = heapq.heappop(due)
        # One look after another, as the limiter hands out slots.
        at = max(at, free)
        free = at + 1.0 / budget.rate
        now = START + timedelta(seconds=at)
        task = Task(TaskId(str(number)), Status("RUNNING"), created_at=now - timedelta(seconds=age))
        wanted = pace.wanted(task, now).total_seconds()
        share.looked(gap=at - last, planned=planned, wanted=wanted, now=now)
        stretched = replace(pace, stretch=share.factor())
        wait = stretched.interval(task, now).total_seconds()
        if at > seconds / 2:
            found[age].append(at - last)
        heapq.heappush(due, (at + wait, number, age, at, wait))
    return found


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def test_with_room_enough_everybody_is_looked_at_as_wanted() -> None:
    found = gaps([1.0] * 20 + [1e5] * 20, Budget(50))
    assert middle(found[1.0]) == pytest.approx(3, rel=0.05)
    assert middle(found[1e5]) == pytest.approx(60, rel=0.05)


def test_short_of_room_the_young_are_still_looked_at_most_and_the_old_in_time() -> None:
    # They ask for 100 and 5 a second; there are 20.
    found = gaps([1.0] * 300 + [1e5] * 300, Budget(20))
    young, old = middle(found[1.0]), middle(found[1e5])
    assert 10 < young < 40
    assert old > 5 * young
    assert max(found[1e5]) < 1.5 * STRETCH_MOST * 60


def test_half_the_budget_doubles_what_everybody_waits() -> None:
    full = middle(gaps([1.0] * 300, Budget(20))[1.0])
    half = middle(gaps([1.0] * 300, Budget(10))[1.0])
    assert half == pytest.approx(2 * full, rel=0.2)


def test_a_long_stop_is_no_demand() -> None:
    share = Share(Budget(50))
    for _ in range(100):
        share.looked(gap=86_400, planned=3, wanted=3, now=START)
    assert share.factor() == 1


def test_an_account_that_is_short_of_budget_stretches_nobody_elses_intervals() -> None:
    budgets = {"T1": Budget(1), "T2": Budget(50)}
    shares = Shares(lambda team_id, _: budgets[team_id])
    for second in range(60):
        now = START + timedelta(seconds=second)
        for _ in range(10):
            shares.of("T1", "default").looked(gap=30, planned=30, wanted=3, now=now)
        shares.of("T2", "default").looked(gap=3, planned=3, wanted=3, now=now)
    assert shares.of("T1", "default").factor() > 10
    assert shares.of("T2", "default").factor() == 1
    assert shares.factor() == shares.of("T1", "default").factor()


def test_what_all_accounts_ask_for_is_counted_together_and_fades() -> None:
    budgets = {"T1": Budget(1), "T2": Budget(50)}
    shares = Shares(lambda team_id, _: budgets[team_id])
    for team_id in budgets:
        for _ in range(10):
            shares.of(team_id, "default").looked(gap=30, planned=30, wanted=3, now=START)
    budgets["T1"].used, budgets["T2"].used = 3, 4
    measured = shares.measure(START)
    assert (measured.rate, measured.short, measured.used) == (51, 1, 7)
    assert measured.wanted == pytest.approx(2 * 10 * 30 / 3 / 20)
    budgets["T1"].used = 5
    later = shares.measure(START + timedelta(minutes=10))
    assert (later.short, later.used) == (0, 9)
    assert later.wanted < 0.01
