"""How many tasks a workspace and a channel may watch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, event, func, insert, select

from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.follow import Tracked
from bot.tasks.records import KnownTask, Place
from storage.accounts import AccountStore
from storage.database import Database
from storage.limits import COUNTED_FOR, IN_CHANNEL, IN_WORKSPACE, NEARLY, TooMany, WatchLimits
from storage.tables import cards, tasks, watches
from storage.vault import Vault, new_key
from storage.watches import ENDED_AT_ONCE, WatchStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE, THERE = Place("T1", "C1", "U1"), Place("T1", "C2", "U1")
NEXT_DOOR = Place("T2", "C1", "U1")


@pytest.fixture
def store(database: Database) -> WatchStore:
    return WatchStore(database, WatchLimits(in_workspace=5, in_channel=3))


@pytest.fixture
def counts(database: Database) -> Iterator[list[str]]:
    """The statements that count watches."""
    seen: list[str] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_1: object, _2: object, statement: str, *_rest: object) -> None:
        if "count(*)" in statement and "channel_id" not in statement:
            seen.append(statement)

    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def named(*numbers: int) -> list[TaskId]:
    return [TaskId(f"00000000-0000-4000-8000-{number:012d}") for number in numbers]


async def watch(
    store: WatchStore,
    place: Place,
    *numbers: int,
    status: str = "RUNNING",
    level: Level = Level.ALL,
    now: datetime = NOW,
) -> None:
    known = [KnownTask(Task(one, Status(status)), now) for one in named(*numbers)]

    def start(one: KnownTask, before: Tracked | None) -> Tracked:
        return Tracked(place.team_id, place.account, one.task, now)

    await store.add(place, known, level, now=now, start=start)


async def stored(database: Database, table: Table) -> int:
    counted = select(func.count()).select_from(table)
    return await database.read(lambda tx: int(tx.execute(counted).scalar_one()))


async def refused(store: WatchStore, place: Place, *numbers: int) -> TooMany:
    with pytest.raises(TooMany) as caught:
        await watch(store, place, *numbers)
    return caught.value


def test_a_workspace_may_watch_fifty_thousand_tasks() -> None:
    assert IN_WORKSPACE >= 50_000
    assert IN_WORKSPACE > IN_CHANNEL > NEARLY


async def test_a_channel_is_filled_to_its_limit_and_not_beyond(store: WatchStore) -> None:
    await watch(store, HERE, 1, 2, 3)
    error = await refused(store, HERE, 4)
    assert (error.most, error.room, error.in_channel) == (3, 0, True)
    await watch(store, THERE, 4)
    await watch(store, NEXT_DOOR, 4, 5, 6)


async def test_a_workspace_is_filled_to_its_limit_and_not_beyond(store: WatchStore) -> None:
    await watch(store, HERE, 1, 2, 3)
    await watch(store, THERE, 1, 2)
    error = await refused(store, THERE, 3)
    assert (error.most, error.room, error.in_channel) == (5, 0, False)
    await watch(store, NEXT_DOOR, 1)
    await store.end(HERE, now=NOW, ids=named(1))
    await watch(store, THERE, 3)
    assert await store.count() == 6


async def test_what_does_not_fit_as_a_whole_changes_nothing(
    store: WatchStore, database: Database
) -> None:
    await watch(store, HERE, 1, level=Level.ALL)
    before = [await stored(database, table) for table in (cards, tasks, watches)]
    with pytest.raises(TooMany) as caught:
        await watch(store, HERE, 1, 2, 3, 4, level=Level.FINAL)
    assert caught.value.room == 2
    assert [await stored(database, table) for table in (cards, tasks, watches)] == before
    assert [one.level for one in (await store.active(HERE, named(1))).values()] == [Level.ALL]


async def test_what_is_over_or_watched_already_needs_no_room(store: WatchStore) -> None:
    await watch(store, HERE, 1, 2, 3)
    await watch(store, HERE, 1, 2, 3)
    await watch(store, HERE, 7, 8, 9, status="COMPLETE")
    assert await store.count() == 3


async def test_a_large_workspace_is_not_counted_for_each_watch(
    database: Database, counts: list[str]
) -> None:
    store = WatchStore(database, WatchLimits(in_workspace=NEARLY + 10))
    for number in range(10):
        await watch(store, HERE, number)
    assert len(counts) == 1
    # With little room it is counted each time, as others add and end some too.
    await watch(store, HERE, 10)
    await watch(store, HERE, 11)
    assert len(counts) == 3


async def test_what_other_copies_add_is_counted_after_a_while(
    database: Database, counts: list[str]
) -> None:
    limits = WatchLimits(in_workspace=NEARLY + 100)
    store, later = WatchStore(database, limits), NOW + COUNTED_FOR + timedelta(seconds=1)
    await watch(store, HERE, 1)
    await watch(store, HERE, 2, now=later)
    assert len(counts) == 2
    # The clock was set back.
    await watch(store, HERE, 3, now=NOW)
    assert len(counts) == 3


async def test_an_account_with_very_many_watches_can_be_disconnected(database: Database) -> None:
    count = 33_000
    assert count > 6 * ENDED_AT_ONCE
    accounts = AccountStore(database, Vault([new_key()]))
    await accounts.connect("T1", "main", "t", "U1", NOW, default=True)
    shown = {"team_id": "T1", "account": "main", "channel_id": "C1", "owner_id": "U1"}
    card = shown | {"kind": "group", "level": "all", "created_at": NOW}

    result = await database.write(lambda tx: tx.execute(insert(cards).values(card)))
    (card_id,) = result.inserted_primary_key or (0,)
    row = shown | {"card_id": card_id, "level": "all", "created_at": NOW}
    rows = [row | {"task_id": task_id} for task_id in named(*range(count))]
    for begin in range(0, count, 5_000):
        some = rows[begin : begin + 5_000]
        await database.write(lambda tx, some=some: tx.execute(insert(watches), some))  # type: ignore[misc]
    assert await accounts.disconnect("T1", "main", "U1", NOW) == count
    assert await WatchStore(database).count() == 0
