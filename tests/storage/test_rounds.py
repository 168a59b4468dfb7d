"""Jobs that take what is due do so in rounds over the workspaces."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, insert, select

from storage.cancels import RESUMED_MOST, CancelStore
from storage.database import Database
from storage.outbox import FORGOTTEN_AT_ONCE, KEPT, Outbox
from storage.preferences import PreferenceStore
from storage.rounds import Rounds
from storage.tables import cancels, deliveries, preferences

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(days=1), NOW - timedelta(seconds=1)


async def have_due(database: Database, team_id: str, count: int, at: datetime) -> None:
    """Have the silence and the digest of so many channels due."""
    row = {
        "team_id": team_id,
        "level": "all",
        "threads": True,
        "broadcast": True,
        "digest": True,
        "summary_due_at": at,
        "digest_due_at": at,
        "changed_by": "U1",
        "changed_at": at,
    }
    rows = [row | {"channel_id": f"C{number}"} for number in range(count)]
    await database.write(lambda tx: tx.execute(insert(preferences), rows))


async def silent(database: Database) -> Counter[str]:
    left = select(preferences.c.team_id).where(preferences.c.summary_due_at.is_not(None))
    return Counter(await database.read(lambda tx: tx.scalars(left).all()))


async def test_a_silence_that_ends_is_noticed_beside_hundreds_that_ended_before(
    database: Database,
) -> None:
    store = PreferenceStore(database)
    await have_due(database, "T1", 600, LONG_AGO)
    await have_due(database, "T2", 1, JUST_NOW)
    assert 2 <= await store.end_silences(NOW, limit=10) <= 10
    assert (await silent(database))["T2"] == 0
    while await store.end_silences(NOW, limit=500):
        pass
    assert await silent(database) == {}


async def test_digests_of_a_workspace_do_not_keep_back_that_of_another(database: Database) -> None:
    await have_due(database, "T1", 600, LONG_AGO)
    await have_due(database, "T2", 1, JUST_NOW)
    due = await PreferenceStore(database).due_digests(NOW, limit=4)
    assert Counter(one.team_id for one in due) == {"T1": 2, "T2": 1}


async def test_rounds_go_on_with_the_workspaces_that_had_no_turn_yet(database: Database) -> None:
    for number in range(5):
        await have_due(database, f"T{number}", 3, LONG_AGO)
    rounds = Rounds(preferences.c.digest_due_at)
    found = [
        await database.read(lambda tx: [row.team_id for row in rounds.take(tx, NOW, 2)])
        for _ in range(3)
    ]
    assert found == [["T0", "T1"], ["T2", "T3"], ["T4", "T0"]]


async def test_cancels_left_open_by_one_workspace_leave_room_for_another(
    database: Database,
) -> None:
    def rows(team_id: str, count: int) -> list[dict[str, object]]:
        return [
            {
                "team_id": team_id,
                "account": "default",
                "task_id": f"{team_id}{number}",
                "actor_id": "U1",
                "channel_id": "C1",
                "via": "command",
                "asked_at": LONG_AGO + timedelta(seconds=number),
            }
            for number in range(count)
        ]

    left = rows("T1", RESUMED_MOST + 50) + rows("T2", 1)
    await database.write(lambda tx: tx.execute(insert(cancels), left))
    found = await CancelStore(database).unsettled(NOW, timedelta(minutes=5))
    assert Counter(one.place.team_id for one in found) == {"T1": RESUMED_MOST, "T2": 1}
    # Those of T1 that waited longest.
    assert found[0].asked_at == LONG_AGO


async def test_old_messages_are_forgotten_a_few_at_a_time(database: Database) -> None:
    count = 2 * FORGOTTEN_AT_ONCE + 7
    row = {
        "team_id": "T1",
        "account": "default",
        "channel_id": "C1",
        "kind": "closed",
        "data": "{}",
        "attempts": 0,
    }
    old, fresh = NOW - KEPT - timedelta(days=1), NOW - timedelta(days=1)
    states = [("sent", old)] * count + [("owed", old), ("held", old), ("sent", fresh)]
    rows = [
        row | {"dedupe": str(number), "state": state, "created_at": at}
        for number, (state, at) in enumerate(states)
    ]
    for begin in range(0, len(rows), 1_000):
        some = rows[begin : begin + 1_000]
        await database.write(lambda tx, some=some: tx.execute(insert(deliveries), some))  # type: ignore[misc]
    deletes: list[str] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(_1: object, _2: object, statement: str, *_rest: object) -> None:
        if statement.startswith("DELETE"):
            deletes.append(statement)

    await Outbox(database).purge(NOW)
    assert len(deletes) == 3
    kept = await database.read(
        lambda tx: [tuple(row) for row in tx.execute(select(deliveries.c.state))]
    )
    assert sorted(kept) == [("held",), ("owed",), ("sent",)]
