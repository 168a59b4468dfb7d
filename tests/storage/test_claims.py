"""Whose channels are served next: in rounds over the workspaces, at the same cost for all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, create_engine, insert, select, text

from storage.claims import Claim, claim_due, is_ahead
from storage.claims import waiting as waiting_in
from storage.database import Database
from storage.migrate import migrate
from storage.outbox import Outbox
from storage.tables import channels
from tests.databases import NewUrl, with_driver

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)


async def owe(
    database: Database,
    team_id: str,
    count: int = 1,
    *,
    due: float = -1,
    leased: float | None = None,
    touched: float = -1,
) -> None:
    """Have so many channels of a workspace due, in seconds from now, the first the soonest."""
    rows = [
        {
            "team_id": team_id,
            "channel_id": f"C{number}",
            "due_at": NOW + timedelta(seconds=due, milliseconds=number),
            "lease_until": None if leased is None else NOW + timedelta(seconds=leased),
            "touched_at": NOW + timedelta(seconds=touched),
            "attempt": 0,
        }
        for number in range(count)
    ]
    for begin in range(0, count, 5_000):
        some = rows[begin : begin + 5_000]
        await database.write(lambda tx, some=some: tx.execute(insert(channels), some))  # type: ignore[misc]


async def waiting(
    database: Database, after: str = "", limit: int = 10, without: Sequence[str] = ()
) -> list[str]:
    return await Outbox(database).waiting(NOW, after=after, limit=limit, without=without)


async def claim(
    database: Database, wanted: dict[str, int], busy: Sequence[tuple[str, str]] = ()
) -> list[tuple[str, str]]:
    claims = await Outbox(database).claim(NOW, wanted, lease=LEASE, busy=busy)
    return [(one.team_id, one.channel_id) for one in claims]


async def test_turns_go_round_from_the_workspace_that_was_last(database: Database) -> None:
    for team_id, count in (("T1", 30), ("T2", 1), ("T3", 2)):
        await owe(database, team_id, count)
    assert await waiting(database) == ["T1", "T2", "T3"]
    assert await waiting(database, after="T1") == ["T2", "T3", "T1"]
    assert await waiting(database, after="T3") == ["T1", "T2", "T3"]
    assert await waiting(database, after="T2", limit=2) == ["T3", "T1"]
    assert await waiting(database, after="T2", without=["T3"]) == ["T1", "T2"]


async def test_only_workspaces_with_something_to_take_are_given_a_turn(database: Database) -> None:
    await owe(database, "T1", due=5)
    await owe(database, "T2", leased=5)
    await owe(database, "T3", leased=-5)
    await database.write(
        lambda tx: tx.execute(insert(channels).values(team_id="T4", channel_id="C", attempt=0))
    )
    assert await waiting(database) == ["T3"]


async def test_each_workspace_gets_as_many_as_it_may_the_longest_due_first(
    database: Database,
) -> None:
    await owe(database, "T1", 9)
    await owe(database, "T2", 1)
    got = await claim(database, {"T1": 2, "T2": 5}, busy=[("T1", "C0"), ("T2", "C9")])
    assert got == [("T1", "C1"), ("T1", "C2"), ("T2", "C0")]
    # What one took the next does not get.
    assert await claim(database, {"T1": 2, "T2": 5}) == [("T1", "C0"), ("T1", "C3")]


async def test_what_was_written_before_the_clock_was_set_back_is_due(database: Database) -> None:
    outbox = Outbox(database)
    await owe(database, "T1", 2, due=3_600, leased=3_660, touched=3_600)
    await owe(database, "T2", due=3_600, touched=0)
    assert await waiting(database) == ["T1"]
    claims: list[Claim] = await outbox.claim(NOW, {"T1": 5}, lease=LEASE)
    assert [one.channel_id for one in claims] == ["C0", "C1"]
    later = await database.read(
        lambda tx: tx.scalars(select(channels.c.due_at).where(channels.c.team_id == "T2")).one()
    )
    assert later == NOW + timedelta(hours=1)


async def test_a_channel_that_somebody_waits_for_is_taken_before_it_is_due(
    database: Database,
) -> None:
    outbox = Outbox(database)
    await owe(database, "T1", due=60)
    assert await waiting(database) == []
    assert len(await outbox.claim_channel(NOW, "T1", "C0", lease=LEASE)) == 1
    assert await outbox.claim_channel(NOW, "T1", "C0", lease=LEASE) == []
    # After the lease, and if the lease was written in a future that is over now.
    for when in (NOW + LEASE, NOW - timedelta(hours=1)):
        assert len(await outbox.claim_channel(when, "T1", "C0", lease=LEASE)) == 1


def effort(tx: Connection, work: Callable[[], object]) -> int:
    """Do some work; return the steps that it cost SQLite, or the rows that PostgreSQL read."""
    if tx.dialect.name == "postgresql":
        counted = text(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'channels'"
        )
        before = tx.scalar(counted) or 0
        work()
        return int(tx.scalar(counted) or 0) - int(before)
    steps = itertools.count()
    raw = tx.connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(lambda: next(steps) and None, 1)
    work()
    raw.set_progress_handler(None, 1)
    return next(steps)


async def test_a_round_reads_no_more_of_fifty_thousand_channels_than_of_a_hundred(
    new_url: NewUrl,
) -> None:
    efforts = []
    for count in (100, 50_000):
        url = with_driver(new_url())
        database = Database(url)
        await migrate(database)
        await owe(database, "T1", count)
        await owe(database, "T2")
        await database.close()
        engine = create_engine(url.replace("sqlite+aiosqlite", "sqlite"))
        with engine.begin() as tx:
            tx.execute(text("ANALYZE channels"))
        with engine.begin() as tx:

            def one_round(tx: Connection = tx) -> None:
                assert not is_ahead(tx, NOW)
                assert waiting_in(tx, NOW, after="T1", limit=9, without=()) == ["T2", "T1"]
                wanted = {"T2": 16, "T1": 16}
                claims = claim_due(tx, NOW, wanted, lease=LEASE, busy=[("T1", "C3")])
                assert len(claims) == 17

            efforts.append(effort(tx, one_round))
        engine.dispose()
    # PostgreSQL reads a table of a hundred rows as a whole, which costs it less.
    most = 1.5 * efforts[0] if url.startswith("sqlite") else 200
    assert 0 < efforts[1] < most, efforts
