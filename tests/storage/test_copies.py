"""Copies that are alive, by the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from bot.services.copies import KNOWN_AFTER, LEAST, Copies, DatabaseClock
from storage.copies import LIVE_FOR, CopyStore
from storage.database import Database
from storage.tables import copies


async def silence(database: Database, by: timedelta) -> None:
    """Have every copy be silent for longer, as far as the database knows."""
    longer = update(copies).values(beat_at=datetime.now(UTC) - by)
    await database.write(lambda tx: tx.execute(longer))


class Seconds:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_copies_are_counted_until_they_leave_or_are_silent(database: Database) -> None:
    store = CopyStore(database)
    assert (await store.beat("one")).alive == 1
    assert (await store.beat("two")).alive == 2
    assert (await store.beat("one")).alive == 2
    await store.leave("two")
    assert (await store.beat("one")).alive == 1
    await store.beat("two")
    await silence(database, LIVE_FOR / 2)
    assert (await store.beat("one")).alive == 2
    await silence(database, LIVE_FOR + timedelta(seconds=1))
    assert (await store.beat("three")).alive == 1


async def test_a_copy_that_beat_in_the_future_is_not_counted_for_ever(database: Database) -> None:
    store = CopyStore(database)
    await store.beat("one")
    await silence(database, -timedelta(hours=1))
    assert (await store.beat("two")).alive == 1


async def test_each_copy_has_its_part_and_a_new_one_waits_until_the_others_know(
    database: Database,
) -> None:
    time, store = Seconds(), CopyStore(database)
    first, second = (Copies(store, place, elapsed=time) for place in ("a 1", "a 2"))
    assert first.part() <= LEAST
    await first.beat()
    assert first.part() == 1
    await second.beat()
    assert second.part() == pytest.approx(LEAST / 2)
    # The other one does not know yet, and nothing is too much all the same.
    assert first.part() + second.part() <= 1.05
    await first.beat()
    time.now += KNOWN_AFTER
    assert (first.part(), second.part()) == (0.5, 0.5)
    await second.leave()
    await first.beat()
    assert first.part() == 1


async def test_a_copy_that_was_paused_takes_next_to_nothing_until_it_knows_more(
    database: Database,
) -> None:
    time, store = Seconds(), CopyStore(database)
    one, other = (Copies(store, place, elapsed=time) for place in ("a 1", "a 2"))
    for _ in range(2):
        await one.beat()
        await other.beat()
    time.now += KNOWN_AFTER
    assert one.part() == 0.5
    time.now += LIVE_FOR.total_seconds() + 1
    assert one.part() == pytest.approx(LEAST / 2)
    await other.beat()
    await one.beat()
    assert one.part() == pytest.approx(LEAST / 2)
    time.now += KNOWN_AFTER
    assert one.part() == 0.5


async def test_a_copy_takes_the_place_of_the_one_that_died_on_its_port(database: Database) -> None:
    time, store = Seconds(), CopyStore(database)
    dead, next_one = (Copies(store, "a 1", elapsed=time) for _ in range(2))
    await dead.beat()
    await next_one.beat()
    assert next_one.part() == 1
    # Two machines of one name: nobody is forgotten for longer than a beat.
    await dead.beat()
    await next_one.beat()
    assert next_one.part() == 0.5


async def test_the_clock_is_the_databases_as_of_the_last_beat(database: Database) -> None:
    time = Seconds()
    clock = DatabaseClock(time)
    assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=5)
    await Copies(CopyStore(database), "a 1", clock, time).beat()
    measured = clock()
    assert abs(measured - datetime.now(UTC)) < timedelta(seconds=5)
    time.now += 3_600
    assert clock() == measured + timedelta(hours=1)


async def test_a_copy_that_is_busy_when_it_starts_asks_for_the_time_again(
    database: Database,
) -> None:
    class Busy(Seconds):
        left = 7

        def __call__(self) -> float:
            # The first beats find the copy busy with starting.
            self.left -= 1
            self.now += 0.8 if self.left > 0 else 0.001
            return self.now

    time = Busy()
    clock = DatabaseClock(time)
    await Copies(CopyStore(database), "a 1", clock, time).beat()
    assert clock.sharp
    assert time.now < 1_000 + 8


def test_a_busy_moment_does_not_spoil_the_clock_but_a_step_is_followed() -> None:
    time, at = Seconds(), datetime(2026, 1, 1, tzinfo=UTC)
    clock = DatabaseClock(time)
    clock.measured(at, time.now - 0.01, time.now)
    good = clock()
    clock.measured(at, time.now - 0.8, time.now)
    assert clock() == good
    clock.measured(at + timedelta(hours=1), time.now - 0.8, time.now)
    assert clock() - good > timedelta(minutes=59)
