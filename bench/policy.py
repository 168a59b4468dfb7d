"""Requests a task and how late the news is: the product's own rules against a fixed interval.

A simulation with the clock of the tasks, not ours: it ends in seconds and gives the same figures
everywhere.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.stage import Row, report, share
from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import Pace
from bot.tasks.usual import Usual

MEDIAN, SPREAD, LONGEST = 90.0, 1.6, 86_400.0
"""Run times in seconds: log-normal, with a tail to 24 h."""
WITHIN, FUNCTIONS, RUNS = 0.3, 300, 30
"""How much the logarithms of the runs of one function differ, functions, and runs known of each."""
FAIL = 0.02
"""Share of tasks that fail at any moment of their run, all the same."""
FIXED = 5.0

START = datetime(2026, 1, 1, tzinfo=UTC)
_ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")


@dataclass(frozen=True, slots=True)
class Life:
    """A task: how long it runs, and what is usual of its function."""

    seconds: float
    usual: Usual


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy did with many tasks."""

    requests: float
    late: float
    """Mean seconds from a task's end to the look that finds it."""
    relative: float
    """The same as a share of the run time."""
    late_99: float


Policy = Callable[[Life, float], float]
"""Takes a task and its age in seconds; returns the seconds until the next look."""


def lives(count: int, within: float = WITHIN, fail: float = FAIL) -> list[Life]:
    """Return tasks of functions whose run times differ far more than those of one function."""
    dice = random.Random(1)
    between = math.sqrt(SPREAD**2 - within**2)
    functions = []
    for _ in range(FUNCTIONS):
        median = MEDIAN * math.exp(dice.gauss(0, between))
        past = sorted(min(median * math.exp(dice.gauss(0, within)), LONGEST) for _ in range(RUNS))
        functions.append((median, Usual(ran=tuple(past))))
    made = []
    for _ in range(count):
        median, usual = dice.choice(functions)
        seconds = min(median * math.exp(dice.gauss(0, within)), LONGEST)
        if dice.random() < fail:
            seconds *= dice.random()
        made.append(Life(max(seconds, 0.5), usual))
    return made


def fixed() -> Policy:
    """Look every few seconds; the first look of each task comes at another moment."""
    dice = random.Random(3)
    return lambda _, age: FIXED if age else FIXED * dice.random()


def product(*, history: bool) -> Policy:
    """Return the product's rules, with or without what is usual."""
    dice = random.Random(2)
    plain = Pace(jitter=dice.random)
    paces: dict[int, Pace] = {}

    def wait(life: Life, age: float) -> float:
        pace = plain
        if history:
            key = id(life.usual)
            pace = paces.setdefault(key, Pace(jitter=dice.random, usual=life.usual))
        task = Task(_ID, Status("RUNNING"), created_at=START, started_at=START)
        return pace.interval(task, START + timedelta(seconds=age)).total_seconds()

    return wait


def simulate(tasks: Sequence[Life], policy: Policy) -> Outcome:
    """Look at each task until it is found to be over."""
    requests, lates, relative = 0, [], []
    for life in tasks:
        age = 0.0
        while age < life.seconds:
            age += policy(life, age)
            requests += 1
        lates.append(age - life.seconds)
        relative.append((age - life.seconds) / life.seconds)
    return Outcome(
        requests / len(tasks),
        statistics.mean(lates),
        statistics.mean(relative),
        share(lates, 0.99),
    )


async def measure(quick: bool) -> list[Row]:
    """Compare the three."""
    count = 1_000 if quick else 4_000
    # No failures here: the mix that the target names.
    mix = lives(count, fail=0.0)
    every, plain = simulate(mix, fixed()), simulate(mix, product(history=False))
    notes: list[str] = []
    for within, fail in ((WITHIN, FAIL), (0.2, FAIL), (WITHIN, 0.05), (0.6, FAIL)):
        tasks = lives(count, within, fail)
        before, after = (simulate(tasks, product(history=known)) for known in (False, True))
        if not notes:
            unknowing, knowing = before, after
        notes.append(
            f"runs of a function differ by {within:g} and {fail:.0%} fail at any moment:"
            f" {after.requests / before.requests:.2f}, {_said(after)} against {_said(before)}"
        )
    return [
        Row(
            "requests a task",
            f"{plain.requests:.1f}",
            f"every {FIXED:g} s: {every.requests:.1f}",
            f"{plain.requests / every.requests:.2f}, {_said(plain)} against {_said(every)}",
            "at most 0.4, relative news no later",
            plain.requests <= 0.4 * every.requests and plain.relative <= every.relative,
        ),
        Row(
            "the same with history",
            f"{knowing.requests:.1f}",
            f"without history: {unknowing.requests:.1f}",
            f"{knowing.requests / unknowing.requests:.2f}, {_said(knowing)}"
            f" against {_said(unknowing)}",
            "at most 0.5, relative news no later",
            knowing.requests <= 0.5 * unknowing.requests and knowing.relative <= unknowing.relative,
            "; ".join(notes[1:]),
        ),
    ]


def _said(one: Outcome) -> str:
    return f"news {100 * one.relative:.1f} % ({one.late:.1f} s, p99 {one.late_99:.0f} s) late"


if __name__ == "__main__":
    report(measure)
