"""What is due of one account is found behind any other's backlog, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bench.seed import new_ids
from storage.batches import Account, Claimed, Horizon
from storage.database import Database
from storage.tasks import TaskStore
from tests.due import owe_looks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAR = Horizon(timedelta(days=2), timedelta(days=2))
BIG, OTHER, SMALL = ("T1", "default"), ("T1", "lab"), ("T2", "default")


async def owe(database: Database, due: dict[Account, int]) -> None:
    """Make so many tasks of each account due, those of the first accounts the longest."""
    ids = iter(new_ids(sum(due.values())))
    await owe_looks(
        database,
        [
            (account, next(ids), NOW - timedelta(seconds=60 - place))
            for place, (account, count) in enumerate(due.items())
            for _ in range(count)
        ],
    )


async def claim(
    database: Database,
    *,
    limit: int = 100,
    allowed: dict[Account, int] | None = None,
    crowded: Sequence[Account] = (),
) -> Claimed:
    may = allowed or {}
    return await TaskStore(database).claim_due(
        NOW,
        limit=limit,
        lease=timedelta(minutes=1),
        horizon=FAR,
        allowed=lambda account, _: may.get(account, limit),
        crowded=crowded,
    )


def counted(claimed: Claimed) -> Counter[Account]:
    return Counter((one.team_id, one.account) for one in claimed.tasks)


async def test_one_task_is_found_behind_a_backlog_that_fills_the_whole_claim(
    database: Database,
) -> None:
    await owe(database, {BIG: 300, SMALL: 1})
    claimed = await claim(database, allowed={BIG: 10})
    assert counted(claimed) == {BIG: 10, SMALL: 1}
    assert claimed.crowded == (BIG,)


async def test_a_crowded_account_that_may_take_nothing_stays_crowded_and_hides_nobody(
    database: Database,
) -> None:
    await owe(database, {BIG: 300, SMALL: 1})
    claimed = await claim(database, allowed={BIG: 0}, crowded=[BIG])
    assert counted(claimed) == {SMALL: 1}
    assert claimed.crowded == (BIG,)


async def test_each_of_many_crowded_accounts_gets_its_part_behind_the_others(
    database: Database,
) -> None:
    await owe(database, {BIG: 300, OTHER: 200, SMALL: 5})
    claimed = await claim(
        database, allowed={BIG: 10, OTHER: 10, SMALL: 10}, crowded=[BIG, OTHER, SMALL]
    )
    assert counted(claimed) == {BIG: 10, OTHER: 10, SMALL: 5}
    assert set(claimed.crowded) == {BIG, OTHER}


async def test_where_there_is_no_room_for_all_crowded_those_that_wait_longest_go_first(
    database: Database,
) -> None:
    await owe(database, {BIG: 30, OTHER: 30, SMALL: 30})
    allowed = {BIG: 10, OTHER: 10, SMALL: 10}
    claimed = await claim(database, limit=20, allowed=allowed, crowded=[SMALL, OTHER, BIG])
    assert counted(claimed) == {SMALL: 10, OTHER: 10}
    assert BIG in claimed.crowded


async def test_an_account_that_has_no_more_due_is_crowded_no_more(database: Database) -> None:
    await owe(database, {BIG: 10})
    claimed = await claim(database, allowed={BIG: 10}, crowded=[BIG])
    assert counted(claimed) == {BIG: 10}
    assert claimed.crowded == ()


async def test_the_most_overdue_are_taken_first_of_each_account(database: Database) -> None:
    ids = new_ids(3)
    late = (1, 30, 10)
    await owe_looks(
        database,
        [(BIG, one, NOW - timedelta(seconds=by)) for one, by in zip(ids, late, strict=True)],
    )
    claimed = await claim(database, allowed={BIG: 2}, crowded=[BIG])
    assert [one.task.id for one in claimed.tasks] == [ids[1], ids[2]]
