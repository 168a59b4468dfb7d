"""What was taken or shown is known the second time, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from storage.database import Database
from storage.seen import SeenStore
from storage.shown import ShownStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HALF = timedelta(minutes=30)


async def test_a_request_is_the_first_of_its_kind_once(database: Database) -> None:
    seen = SeenStore(database)
    assert await seen.first("T1", "trigger:1", NOW)
    assert not await seen.first("T1", "trigger:1", NOW)
    assert await seen.first("T2", "trigger:1", NOW)
    # Another copy of the bot.
    assert not await SeenStore(database).first("T1", "trigger:1", NOW)


async def test_of_many_at_once_one_is_the_first(database: Database) -> None:
    stores = [SeenStore(database) for _ in range(4)]
    firsts = await asyncio.gather(*(stores[n % 4].first("T1", "k", NOW) for n in range(20)))
    assert sum(firsts) == 1


async def test_what_was_shown_counts_for_half_an_hour(database: Database) -> None:
    shown = ShownStore(database)
    minutes = (0, 29, 31, 60, 62)
    told = [await shown.first("T1", "k", NOW + timedelta(minutes=n), HALF) for n in minutes]
    assert told == [True, False, True, False, True]


async def test_of_many_who_would_show_the_same_at_once_one_does(database: Database) -> None:
    for when in (NOW, NOW + HALF):
        many = (ShownStore(database).first("T1", "k", when, HALF) for _ in range(8))
        assert sum(await asyncio.gather(*many)) == 1


async def test_what_was_forgotten_may_be_shown_again(database: Database) -> None:
    shown = ShownStore(database)
    assert await shown.first("T1", "k", NOW, HALF)
    await shown.forget("T1", "k")
    assert await shown.first("T1", "k", NOW, HALF)
