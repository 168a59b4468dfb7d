"""The tasks of one simulated workspace: when they start, what becomes of them, who watches."""

from __future__ import annotations

import math
import random
import uuid
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bench.policy import RUNS
from bench.scale.model import DAY, Model, Size, concentration, lognormal
from bot.tasks import FunctionKind, Status, Task, TaskId
from bot.tasks.usual import Usual

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = 14 / 24
"""The part of the day at which everybody is busiest."""
GROUP_MOST = 50
WATCHED_AFTER = 3.0
"""Seconds from a task's creation to the command that watches it."""


def moment(seconds: float) -> datetime:
    """Return the simulated time."""
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Life:
    """A task: from when on it is what."""

    steps: tuple[tuple[float, Task], ...]

    def at(self, seconds: float) -> Task:
        """Return what Beam would answer."""
        return self.steps[max(0, bisect_right(self.steps, seconds, key=_since) - 1)][1]


def _since(step: tuple[float, Task]) -> float:
    return step[0]


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody watches tasks with one card."""

    at: float
    channel: int
    function: int
    lives: tuple[Life, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and what its past runs took."""

    median: float
    usual: Usual


def functions(model: Model, size: Size, dice: random.Random) -> list[Function]:
    """Return functions whose medians differ far more than the runs of one."""
    between = math.sqrt(max(0.0, model.run_spread**2 - model.run_within**2))
    made = []
    for _ in range(size.functions):
        median = lognormal(dice, model.run_median, between)
        ran = sorted(_run(model, dice, median) for _ in range(RUNS))
        waited = sorted(lognormal(dice, model.wait_median, model.wait_spread) for _ in range(RUNS))
        made.append(Function(median, Usual(tuple(ran), tuple(waited))))
    return made


def requests(model: Model, size: Size, known: list[Function], dice: random.Random) -> list[Request]:
    """Return what is watched in a day, in no order."""
    busy = [1 / place**model.skew for place in range(1, size.channels + 1)]
    # So that this share of the tasks, not of the requests, is in groups.
    groups = model.grouped / model.group
    grouped = groups / (groups + 1 - model.grouped)
    made: list[Request] = []
    left = size.watched
    while left:
        count = 1
        if dice.random() < grouped:
            count = min(left, GROUP_MOST, dice.randint(2, max(2, round(2 * model.group) - 2)))
        left -= count
        at = time_of_day(model, dice)
        number = dice.randrange(len(known))
        lives = tuple(_life(model, known[number], number, at, dice) for _ in range(count))
        channel = dice.choices(range(size.channels), busy)[0]
        made.append(Request(at, channel, number, lives))
    return made


def time_of_day(model: Model, dice: random.Random) -> float:
    """Return a moment of the day, in seconds."""
    kappa = concentration(model.peak)
    angle = dice.vonmisesvariate(2 * math.pi * NOON, kappa)
    return (angle / (2 * math.pi) * DAY) % DAY


def _run(model: Model, dice: random.Random, median: float) -> float:
    return max(0.5, min(lognormal(dice, median, model.run_within), model.run_longest))


def _life(
    model: Model, function: Function, number: int, watched_at: float, dice: random.Random
) -> Life:
    made = watched_at - WATCHED_AFTER
    started = made + lognormal(dice, model.wait_median, model.wait_spread)
    ran = _run(model, dice, function.median)
    failed = dice.random() < model.failed
    ended = started + (ran * dice.random() if failed else ran)
    task = Task(
        TaskId(str(uuid.UUID(int=dice.getrandbits(128), version=4))),
        Status("PENDING"),
        created_at=moment(made),
        function=f"app.py:function_{number}",
        kind=FunctionKind.TASK_QUEUE,
    )
    running = replace(task, status=Status("RUNNING"), started_at=moment(started))
    over = Status("ERROR" if failed else "COMPLETE")
    steps = [(made, task), (started, running)]
    if dice.random() < model.retried:
        half = (started + ended) / 2
        again = half + lognormal(dice, model.wait_median, model.wait_spread)
        retry = replace(task, status=Status("RETRY"))
        ended += again - half
        running = replace(running, started_at=moment(again))
        steps += [(half, retry), (again, running)]
    steps.append((ended, replace(running, status=over, ended_at=moment(ended))))
    return Life(tuple(steps))
