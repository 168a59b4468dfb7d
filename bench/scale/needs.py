"""What so many workspaces need: processor, copies, transactions, disk, memory, money."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.scale.costs import Cost
from bench.scale.kept import KEPT, Table
from bench.scale.load import Days
from bench.scale.measured import Measured
from bench.scale.model import Model, sizes
from bot import schedule
from bot.services.accounts import CLIENTS_MOST
from bot.services.habits import KEPT_MOST
from bot.services.poll import IN_HAND_MOST, LINGER
from bot.services.turns import AT_ONCE

HOURS = 730.0
"""Of a month."""
MONTH = 86_400.0 * 30.4
GB = 1e9
IDLE_WRITES = (
    1 / schedule.POLL_TICK
    + 1 / schedule.DELIVER_TICK
    # The health of the database, and that the copy is alive.
    + 2 / schedule.BEAT_EVERY
    + 1 / schedule.NUDGE_EVERY
    + 1 / schedule.REMIND_EVERY
)
"""Writing transactions a second of a copy that has nothing to do: each looks for due work."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens a second, on average or at the peak."""

    checks: float
    found: float
    beam: float
    posts: float
    edits: float
    requests: float
    watches: float

    @classmethod
    def of(cls, days: Days, *, peak: bool) -> Rates:
        """Return the rates of a simulation."""
        rate = days.peak if peak else days.mean
        return cls(**{name: rate(name) for name in cls.__slots__})

    @property
    def messages(self) -> float:
        """Pairs of a post and an edit; the first post of a card comes with its watch."""
        return max(0.0, self.posts - self.watches + self.edits) / 2

    def cores(self, costs: dict[str, Cost], command: Cost) -> float:
        """Return the processor time that this takes, in seconds a second."""
        return (
            # A look that somebody asked for costs about as much as one of the poller.
            (self.beam - self.found) * costs["check"].cpu
            + self.found * costs["found"].cpu
            + self.messages * costs["message"].cpu
            + self.watches * costs["watch"].cpu
            + self.requests * command.cpu
        )

    def server(self, costs: dict[str, Cost]) -> float:
        """Return the processor time of the database's server, in seconds a second."""
        note = costs["message"].server / costs["message"].writes
        return (
            (self.beam - self.found) * costs["check"].server
            + self.found * costs["found"].server
            + self.messages * costs["message"].server
            + self.watches * costs["watch"].server
            # What a command writes is as small as what a message does.
            + self.requests * 2 * note
        )

    def writes(self, costs: dict[str, Cost], command: Cost, copies: int) -> float:
        """Return the writing transactions a second of so many copies."""
        # Looks that found nothing are written together, the others at once.
        together = min(self.checks - self.found, copies / LINGER)
        return (
            copies * IDLE_WRITES
            + together
            # One of the two claims the task, and is the copy's tick.
            + self.found * (costs["found"].writes - 1)
            + self.messages * costs["message"].writes
            + self.watches * costs["watch"].writes
            + self.requests * command.writes
        )

    def rows(self, costs: dict[str, Cost], command: Cost) -> float:
        """Return the rows written a second."""
        return (
            (self.checks - self.found) * costs["check"].rows
            + self.found * costs["found"].rows
            + self.messages * costs["message"].rows
            + self.watches * costs["watch"].rows
            + self.requests * command.rows
        )


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that so many workspaces need."""

    count: int
    days: Days
    mean: Rates
    peak: Rates
    cores: float
    """Of the copies, at the peak, without what a copy uses idly."""
    copies: int
    """That are needed at the peak, without one to spare."""
    spare: int
    writes: tuple[float, float]
    """Writing transactions a second, on average and at the peak."""
    rows_written: tuple[float, float]
    writer: float
    """How much of the time SQLite's one writer is busy at the peak."""
    server: float
    """Cores of PostgreSQL in use at the peak."""
    database_cores: int
    rows_kept: float
    disk: dict[str, float]
    """GB, by database."""
    memory: float
    """MB of a copy that has seen every workspace."""
    functions: float
    egress: float
    """GB a month."""

    @property
    def postgresql(self) -> bool:
        """Whether PostgreSQL is paid for: as soon as there is a copy on another machine."""
        return self.copies + self.spare > 1

    def dollars(self, model: Model) -> dict[str, float]:
        """Return what it costs a month."""
        copies = self.copies + self.spare
        database = self.database_cores if self.postgresql else 0
        memory = copies * max(0.25, self.memory / 1_000) + database * model.database_memory
        disk = self.disk["PostgreSQL" if self.postgresql else "SQLite"]
        return {
            "processor": (copies + database) * HOURS * model.vcpu_hour,
            "memory": memory * HOURS * model.memory_gb_hour,
            "disk": disk * model.disk_gb_month,
            "sent out": self.egress * model.egress_gb,
        }


def needs(model: Model, measured: Measured, count: int, days: Days) -> Needs:
    """Work out what ``count`` workspaces need.

    Args:
        model: the assumptions.
        measured: unit costs.
        count: how many workspaces.
        days: their simulation.
    """
    costs, command = measured.sqlite, measured.running.command
    mean, peak = Rates.of(days, peak=False), Rates.of(days, peak=True)
    cores = peak.cores(costs, command)
    copies = max(
        math.ceil(cores / max(0.05, model.use - measured.running.idle)),
        math.ceil(peak.beam * model.beam_seconds / IN_HAND_MOST),
        math.ceil((peak.posts + peak.edits) * model.slack_seconds / AT_ONCE),
        1,
    )
    spare = 1 if count > 1 else 0
    writes = tuple(one.writes(costs, command, copies + spare) for one in (mean, peak))
    server = peak.server(measured.postgresql)
    functions = sum(one.functions * one.weight for one in sizes(model, count))
    held = measured.held
    rows = {table: _kept(days, table) for table in KEPT}
    sent = mean.beam * model.check_bytes
    sent += (mean.posts + mean.edits + mean.requests) * model.message_bytes
    return Needs(
        count=count,
        days=days,
        mean=mean,
        peak=peak,
        cores=cores,
        copies=copies,
        spare=spare,
        writes=(writes[0], writes[1]),
        rows_written=(mean.rows(costs, command), peak.rows(costs, command)),
        writer=writes[1] * _transaction(measured.sqlite),
        server=server,
        database_cores=max(1, math.ceil(server / model.use)),
        rows_kept=sum(rows.values()),
        disk={
            "SQLite": _gigabytes(rows, measured.sqlite_bytes),
            "PostgreSQL": _gigabytes(rows, measured.postgresql_bytes),
        },
        memory=measured.running.memory
        + min(count, CLIENTS_MOST) * held.workspace / 1e6
        + min(functions, KEPT_MOST) * held.function / 1e6,
        functions=functions,
        egress=sent * MONTH / GB,
    )


def _kept(days: Days, table: str) -> float:
    return days.rows(table) * KEPT[table].total_seconds() / 86_400


def _gigabytes(rows: dict[str, float], taken: dict[str, Table]) -> float:
    return sum(number * taken[table].bytes_a_row for table, number in rows.items()) / GB


def _transaction(costs: dict[str, Cost]) -> float:
    """Return the seconds of a transaction, the mean over the steps as often as they write."""
    steps = [one for name, one in costs.items() if name != "check"]
    return sum(one.writes * one.transaction for one in steps) / sum(one.writes for one in steps)
