"""What a copy notes late, after another one took over, changes nothing that this one wrote."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.tasks.records import Card
from storage.claims import Claim
from storage.database import Database
from storage.migrate import migrate
from storage.outbox import Outbox
from storage.rows import to_card
from storage.tables import cards, channels, deliveries
from tests.databases import new_postgresql, with_driver
from tests.wire import wire_to

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)
LATER = NOW + 2 * LEASE
PLACE = {"team_id": "T1", "channel_id": "C1"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with a card that is owed its first post."""
    made = Database(with_driver(database_url))
    await migrate(made)
    card = PLACE | {"account": "", "kind": "task", "owner_id": "U1", "level": "all"}
    owed = PLACE | {"account": "", "kind": "card", "data": "{}", "dedupe": "x", "state": "owed"}

    def fill(tx: Any) -> None:
        number = tx.execute(
            insert(cards).values(card | {"created_at": NOW}).returning(cards.c.id)
        ).scalar_one()
        tx.execute(insert(deliveries).values(owed | {"card_id": number, "created_at": NOW}))
        tx.execute(
            insert(channels).values(PLACE | {"due_at": NOW, "attempt": 0, "touched_at": NOW})
        )

    await made.write(fill)
    yield made
    await made.close()


async def card_of(database: Database) -> Card:
    return to_card(await database.read(lambda tx: tx.execute(select(cards)).one()))


async def due(database: Database) -> datetime | None:
    found = select(channels.c.due_at)
    return await database.read(lambda tx: tx.execute(found).scalar_one())


async def begun(outbox: Outbox, now: datetime) -> tuple[Claim, int]:
    """Take the channel, begin its first post, and return both."""
    (claim,) = await outbox.claim(now, {"T1": 1}, lease=LEASE)
    (owed,) = (await outbox.work(claim)).deliveries
    assert await outbox.begin(claim, [owed.id], now)
    return claim, owed.id


async def shown(database: Database) -> tuple[Outbox, Claim, Claim]:
    """Have a card posted by the second of two copies that took the channel."""
    outbox = Outbox(database)
    late, number = await begun(outbox, NOW)
    soon, _ = await begun(outbox, LATER)
    await outbox.sent([number], "2.0", LATER, card=await card_of(database))
    await outbox.sent([number], "1.0", LATER, card=await card_of(database))
    return outbox, late, soon


async def test_a_post_that_is_noted_late_leads_nothing_to_another_message(
    database: Database,
) -> None:
    await shown(database)
    row = await database.read(lambda tx: tx.execute(select(deliveries)).one())
    assert ((await card_of(database)).ts, row.ts, row.state) == ("2.0", "2.0", "sent")


async def test_an_edit_that_is_noted_late_has_the_newest_version_shown_again(
    database: Database,
) -> None:
    outbox, _, soon = await shown(database)
    old = await card_of(database)
    await database.write(lambda tx: tx.execute(cards.update().values(wanted=3)))
    await outbox.edited(replace(old, wanted=3), LATER)
    await outbox.release(soon, next_post_at=None, next_edit_at=None, now=LATER)
    assert await due(database) is None
    # In order it is noted, and no more is owed; late, the channel may show what is old.
    await outbox.edited(replace(old, wanted=3), LATER)
    assert await due(database) is None
    await outbox.edited(old, LATER)
    assert await due(database) == LATER
    assert [one.id for one in (await outbox.work(soon)).stale_cards] == [old.id]


async def test_a_channel_that_another_copy_serves_is_not_closed_late(database: Database) -> None:
    outbox, late, soon = await shown(database)
    owed = PLACE | {"account": "", "kind": "closed", "data": "{}", "dedupe": "y", "state": "owed"}
    await database.write(
        lambda tx: tx.execute(insert(deliveries).values(owed | {"created_at": NOW}))
    )
    still_owed = select(deliveries.c.state).where(deliveries.c.dedupe == "y")
    for claim, state in ((late, "owed"), (soon, "dead")):
        await outbox.close_channel(claim, "is_archived", LATER, direct={})
        assert await database.read(lambda tx: tx.execute(still_owed).scalar_one()) == state


async def test_a_card_that_another_copy_posted_anew_is_not_posted_again(
    database: Database,
) -> None:
    outbox, *_ = await shown(database)
    card = await card_of(database)
    assert not await outbox.replace_card(replace(card, ts="1.0"), "message_not_found", LATER)
    assert (await card_of(database)).ts == "2.0"


async def test_a_server_that_owes_an_answer_is_given_up_within_half_a_minute(
    postgresql_server: str,
) -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system knows no such limit")
    wire, url = wire_to(new_postgresql(postgresql_server))
    database = Database(with_driver(url))
    try:
        async with database.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as end:
                limit = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert limit == 25_000
    finally:
        await database.close()
        wire.close()
