"""The model of a workspace: every assumption, named, in one table, changeable from outside."""

from __future__ import annotations

import math
import random
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, fields
from functools import cache
from statistics import NormalDist
from typing import Annotated, get_type_hints

from bench.policy import FAIL, LONGEST, MEDIAN, SPREAD, WITHIN
from bot.settings import Settings

_NORMAL = NormalDist()
KINDS = ("small", "medium", "large")
DAY = 86_400.0
Three = tuple[float, float, float]
"""One value for each kind of workspace."""


_SETTINGS = Settings.model_fields
_BEAM_RATE_LIMIT: float = _SETTINGS["beam_rate_limit"].default
_POLL_INTERVAL: float = _SETTINGS["poll_interval"].default
_POLL_MAX_INTERVAL: float = _SETTINGS["poll_max_interval"].default


@dataclass(frozen=True, slots=True)
class Model:
    """What is assumed. Defaults are plausible, not observed: nobody has such a fleet yet."""

    # Workspaces; values of three are for a small, a medium and a large one.
    mix: Annotated[Three, "share of workspaces that are small, medium, large"] = (0.80, 0.18, 0.02)
    watched: Annotated[Three, "tasks that are watched a day"] = (20.0, 200.0, 3_000.0)
    channels: Annotated[Three, "channels in which that happens"] = (2.0, 6.0, 40.0)
    functions: Annotated[Three, "functions that are run"] = (3.0, 12.0, 80.0)
    people: Annotated[Three, "people who use Beambot"] = (5.0, 40.0, 400.0)
    spread: Annotated[float, "how much sizes of one kind differ (sigma of the logarithm)"] = 0.6
    skew: Annotated[float, "the n-th busiest channel has n to the minus this of the watches"] = 1.0
    requests: Annotated[float, "commands, clicks and openings of Home a person a day"] = 6.0
    asks: Annotated[float, "questions to Beam that one of these causes"] = 0.5
    grouped: Annotated[float, "share of the tasks that are watched in groups, on one card"] = 0.5
    group: Annotated[float, "tasks of a group, on average; 2 to 50"] = 20.0
    peak: Annotated[float, "the busiest moment of the day over the mean, at 14:00 everywhere"] = 3.0
    # Tasks.
    run_median: Annotated[float, "median run time, seconds (log-normal, as in bench/policy)"] = (
        MEDIAN
    )
    run_spread: Annotated[float, "sigma of its logarithm over all tasks"] = SPREAD
    run_within: Annotated[float, "the same over the runs of one function"] = WITHIN
    run_longest: Annotated[float, "longest run time, seconds"] = LONGEST
    wait_median: Annotated[float, "median wait for a container, seconds (log-normal)"] = 5.0
    wait_spread: Annotated[float, "sigma of its logarithm"] = 1.0
    failed: Annotated[float, "share of the tasks that fail, at any moment of their run"] = FAIL
    retried: Annotated[float, "share of the tasks that are retried once, half-way"] = 0.03
    # Beambot's settings.
    beam_limit: Annotated[float, "BEAM_RATE_LIMIT, requests a second"] = _BEAM_RATE_LIMIT
    poll_interval: Annotated[float, "POLL_INTERVAL, seconds"] = _POLL_INTERVAL
    poll_max_interval: Annotated[float, "POLL_MAX_INTERVAL, seconds"] = _POLL_MAX_INTERVAL
    # The outside.
    beam_seconds: Annotated[float, "seconds in which Beam answers"] = 0.15
    slack_seconds: Annotated[float, "seconds in which Slack takes a message"] = 0.25
    posts_workspace: Annotated[float, "messages a minute that Slack takes in a workspace"] = 300.0
    connections: Annotated[float, "connections that PostgreSQL grants (its default, less 3)"] = 97.0
    check_bytes: Annotated[float, "bytes sent for a check, with what TLS and TCP add"] = 700.0
    message_bytes: Annotated[float, "bytes sent for a post, an edit or an answer"] = 5_000.0
    # Machines and prices, in US dollars as of 2026-11: assumptions, no vendor's offer.
    use: Annotated[float, "share of a core that may be in use at the peak"] = 0.6
    vcpu_hour: Annotated[float, "price of a virtual core, an hour"] = 0.04
    database_memory: Annotated[float, "GB of memory for each core of PostgreSQL"] = 4.0
    memory_gb_hour: Annotated[float, "price of a GB of memory, an hour"] = 0.005
    disk_gb_month: Annotated[float, "price of a GB of database disk, a month"] = 0.15
    egress_gb: Annotated[float, "price of a GB sent out"] = 0.09


_MEANINGS: dict[str, str] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Model, include_extras=True).items()
}


@cache
def concentration(peak: float) -> float:
    """Return the concentration of the von Mises distribution with that peak over its mean."""
    low, high = 0.0, 1_000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _peak(middle) < peak else (low, middle)
    return low


def _peak(kappa: float) -> float:
    """Return the density at its peak over the mean density: exp(kappa) / I0(kappa)."""
    return 1.0 / (
        sum(math.exp(kappa * (math.cos(i / 180 * math.pi) - 1)) for i in range(360)) / 360
    )


@dataclass(frozen=True, slots=True)
class Size:
    """One workspace of the model, or one that stands for several like it."""

    number: int
    kind: str
    weight: float
    """How many workspaces it stands for."""
    watched: int
    channels: int
    functions: int
    people: int


def sizes(model: Model, count: int, *, exact: int = 100, largest: int = 3) -> list[Size]:
    """Return ``count`` workspaces, or a sample of them that stands for all.

    Sizes of a kind are the quantiles of a log-normal distribution with the given mean, so the
    same each time. Up to ``exact`` workspaces are simulated one by one. Of more, the largest of
    each kind are taken as they are, since extremes do not average out, and of the rest so many
    as in ``exact`` workspaces, at least ten, each for as many as it stands for.

    Args:
        model: the assumptions.
        count: how many workspaces; a single one is a medium one.
        exact: how many are simulated at most, about.
        largest: how many of each kind are always taken as they are.
    """
    made: list[Size] = []
    for kind, number in enumerate(_counts(model, count)):
        ranks = [(rank, 1.0) for rank in range(min(number, largest))]
        rest = number - len(ranks)
        taken = rest if count <= exact else min(rest, max(10, round(exact * model.mix[kind])))
        ranks += [
            (len(ranks) + (place * rest + rest // 2) // taken, rest / taken)
            for place in range(taken)
        ]
        for rank, weight in ranks:
            factor = _quantile(1 - (rank + 0.5) / number, model.spread)
            made.append(
                Size(
                    number=len(made),
                    kind=KINDS[kind],
                    weight=weight,
                    watched=max(1, round(model.watched[kind] * factor)),
                    channels=max(1, round(model.channels[kind])),
                    functions=max(1, round(model.functions[kind])),
                    people=max(1, round(model.people[kind])),
                )
            )
    return made


def _counts(model: Model, count: int) -> list[int]:
    if count == 1:
        return [0, 1, 0]
    large, medium = (round(share * count) for share in (model.mix[2], model.mix[1]))
    return [count - medium - large, medium, large]


def _quantile(share: float, sigma: float) -> float:
    """Return a quantile of the log-normal distribution with mean 1."""
    return math.exp(sigma * _NORMAL.inv_cdf(share) - sigma**2 / 2) if sigma else 1.0


def lognormal(dice: random.Random, median: float, sigma: float) -> float:
    """Return a value of a log-normal distribution."""
    return median * math.exp(dice.gauss(0, sigma))


def add_arguments(parser: ArgumentParser) -> None:
    """Let every assumption be changed: ``--peak 2``, ``--watched 20,200,9000``."""
    group = parser.add_argument_group("assumptions")
    for one in fields(Model):
        group.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=_three if isinstance(one.default, tuple) else float,
            default=one.default,
            help=f"{_MEANINGS[one.name]} ({said(one.default)})".replace("%", "%%"),
            metavar="N",
        )


def model_of(given: Namespace) -> Model:
    """Return the model that the command line asks for."""
    return Model(**{one.name: getattr(given, one.name) for one in fields(Model)})


def said(value: object) -> str:
    """Return a value as the table says it."""
    if isinstance(value, tuple):
        return " / ".join(said(one) for one in value)
    return f"{value:,g}"


def assumptions(model: Model) -> list[tuple[str, str, str]]:
    """Return every assumption: its option, its value, what it means."""
    return [
        (f"`--{one.name.replace('_', '-')}`", said(getattr(model, one.name)), _MEANINGS[one.name])
        for one in fields(Model)
    ]


def _three(text: str) -> Three:
    small, medium, large = (float(part) for part in text.split(","))
    return small, medium, large
