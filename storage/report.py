"""How tasks ended over some time: counts and percentiles, worked out by the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    exists,
    func,
    or_,
    select,
)

from bot.tasks.report import Digest, FunctionReport, Slice, Spread, Stats
from bot.tasks.status import FINAL_STATUSES, Status
from storage.database import Database
from storage.tables import cancels, runs, watches

RUNS_MOST = 100_000
"""Latest runs that are counted; reading more would keep whoever asked waiting."""

LISTED = 5
"""Functions of each kind: the busiest, the slowest, the most failing."""

BAD = sorted(status for status in FINAL_STATUSES if Status(status).bad)

_SHARES = (50, 95)
_TIMES = ("ran", "waited")


class ReportStore:
    """Queries over ``runs`` for a workspace's Beam account, or for one channel of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stats(
        self,
        team_id: str,
        account: str,
        since: datetime,
        until: datetime,
        slices: int,
        *,
        channel_id: str | None = None,
    ) -> Stats:
        """Return how tasks ended.

        Args:
            team_id: the workspace.
            account: its Beam account.
            since: the first moment.
            until: the end, which is not counted in.
            slices: into how many parts the time is cut.
            channel_id: only tasks that were watched there; ``None`` for all that were watched.
        """
        which = _which(team_id, account, channel_id)

        def work(tx: Connection) -> Stats:
            return _stats(tx, which, since, until, slices)

        return await self._database.read(work)

    async def digest(
        self,
        team_id: str,
        account: str,
        channel_id: str,
        since: datetime,
        until: datetime,
        slices: int,
    ) -> Digest:
        """Return how the tasks ended that a channel watched, and how in the time before."""
        which = _which(team_id, account, channel_id)

        def work(tx: Connection) -> Digest:
            before = _outcomes(tx, _runs_of(which, since - (until - since), since))
            cancelled = select(func.count()).where(
                cancels.c.team_id == team_id,
                cancels.c.account == account,
                cancels.c.channel_id == channel_id,
                cancels.c.asked_at >= since,
                cancels.c.asked_at < until,
                cancels.c.outcome == "cancelled",
            )
            return Digest(
                channel_id,
                _stats(tx, which, since, until, slices),
                sum(before.values()),
                sum(number for status, number in before.items() if status.bad),
                tx.execute(cancelled).scalar_one(),
            )

        return await self._database.read(work)


def _which(team_id: str, account: str, channel_id: str | None) -> ColumnElement[bool]:
    here = and_(runs.c.team_id == team_id, runs.c.account == account)
    if channel_id is None:
        return here
    return and_(
        here,
        exists().where(
            watches.c.team_id == runs.c.team_id,
            watches.c.account == runs.c.account,
            watches.c.task_id == runs.c.task_id,
            watches.c.channel_id == channel_id,
        ),
    )


def _runs_of(which: ColumnElement[bool], since: datetime, until: datetime) -> CTE:
    return (
        select(runs.c.function, runs.c.status, runs.c.waited_ms, runs.c.ran_ms, runs.c.ended_at)
        .where(which, runs.c.ended_at >= since, runs.c.ended_at < until)
        .order_by(runs.c.ended_at.desc())
        .limit(RUNS_MOST)
        .cte("ended")
    )


def _stats(
    tx: Connection, which: ColumnElement[bool], since: datetime, until: datetime, slices: int
) -> Stats:
    ended = _runs_of(which, since, until)
    outcomes = _outcomes(tx, ended)
    functions, found = _functions(tx, ended)
    return Stats(
        since,
        until,
        outcomes,
        functions,
        _listed(found, "busy"),
        _listed(found, "slow"),
        _listed(found, "failing"),
        _slices(tx, ended, since, until, slices),
        sum(outcomes.values()) >= RUNS_MOST,
    )


def _outcomes(tx: Connection, ended: CTE) -> dict[Status, int]:
    many = func.count().label("many")
    rows = tx.execute(select(ended.c.status, many).group_by(ended.c.status))
    return {Status(row.status): row.many for row in rows}


def _functions(tx: Connection, ended: CTE) -> tuple[int, list[RowMapping]]:
    """Return how many functions there are, and those that lead in anything, with their places."""
    placed = _placed(ended)
    bad = func.sum(case((placed.c.status.in_(BAD), 1), else_=0)).label("bad")
    told = (
        select(
            placed.c.function,
            func.count().label("total"),
            bad,
            *(_percentile(placed, name, share) for name in _TIMES for share in _SHARES),
            func.count().over().label("functions"),
        )
        .group_by(placed.c.function)
        .cte("told")
    )
    # Of as many, by name, so that the same question has the same answer.
    slowest = func.coalesce(told.c.ran_p95, -1).desc()
    ranked = select(
        told,
        func.row_number().over(order_by=(told.c.total.desc(), told.c.function)).label("busy"),
        func.row_number().over(order_by=(slowest, told.c.function)).label("slow"),
        func.row_number()
        .over(order_by=(told.c.bad.desc(), told.c.total, told.c.function))
        .label("failing"),
    ).cte("ranked")
    lead = or_(*(ranked.c[name] <= LISTED for name in ("busy", "slow", "failing")))
    rows = [row._mapping for row in tx.execute(select(ranked).where(lead))]
    return (rows[0]["functions"] if rows else 0), rows


def _placed(ended: CTE) -> CTE:
    """Return runs with the places that their times have among those of their function.

    In one pass: joining the functions with their percentiles would be left to a planner that
    knows nothing of how many there are.
    """
    columns: list[ColumnElement[Any]] = [ended.c.function, ended.c.status]
    for name in _TIMES:
        value = ended.c[f"{name}_ms"]
        counts = case((and_(ended.c.status == "COMPLETE", value.is_not(None)), 1), else_=0)
        alike = (ended.c.function, counts)
        columns += [
            value,
            counts.label(f"{name}_counts"),
            func.row_number().over(partition_by=alike, order_by=value).label(f"{name}_place"),
            func.count().over(partition_by=alike).label(f"{name}_many"),
        ]
    return select(*columns).cte("placed")


def _percentile(placed: CTE, name: str, share: int) -> ColumnElement[Any]:
    """Return the least time that ``share`` per cent do not exceed (nearest rank)."""
    # In whole numbers, which both databases reckon alike.
    reached = placed.c[f"{name}_place"] * 100 >= placed.c[f"{name}_many"] * share
    inside = and_(placed.c[f"{name}_counts"] == 1, reached)
    return func.min(case((inside, placed.c[f"{name}_ms"]))).label(f"{name}_p{share}")


def _listed(found: list[RowMapping], by: str) -> tuple[FunctionReport, ...]:
    wanted = (row for row in sorted(found, key=lambda row: row[by]) if row[by] <= LISTED)
    if by == "slow":
        wanted = (row for row in wanted if row["ran_p95"] is not None)
    if by == "failing":
        wanted = (row for row in wanted if row["bad"])
    return tuple(
        FunctionReport(
            row["function"], row["total"], row["bad"], _spread(row, "ran"), _spread(row, "waited")
        )
        for row in wanted
    )


def _spread(row: RowMapping, name: str) -> Spread | None:
    p50, p95 = (row[f"{name}_p{share}"] for share in _SHARES)
    if p50 is None:
        return None
    return Spread(timedelta(milliseconds=p50), timedelta(milliseconds=p95))


def _slices(
    tx: Connection, ended: CTE, since: datetime, until: datetime, number: int
) -> tuple[Slice, ...]:
    begins = [since + (until - since) * place / number for place in range(number)]
    place = case(
        *((ended.c.ended_at >= begin, at) for at, begin in reversed(list(enumerate(begins)))),
        else_=0,
    )
    rows = tx.execute(
        select(place.label("place"), ended.c.status, func.count().label("many")).group_by(
            "place", ended.c.status
        )
    )
    counts = [{"complete": 0, "bad": 0, "other": 0} for _ in begins]
    for row in rows:
        status = Status(row.status)
        kind = "bad" if status.bad else "complete" if status == "COMPLETE" else "other"
        counts[row.place][kind] += row.many
    return tuple(Slice(begin, **count) for begin, count in zip(begins, counts, strict=True))
