"""What happened, in pages, on either database: of a task in order, of a channel lately."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, insert

from bot.slack.blocks.history import channel_history, task_history
from bot.slack.blocks.message import check
from bot.tasks import Status
from bot.tasks.history import CancelAsked, Change, History
from bot.tasks.records import CancelOutcome, Place
from storage.tables import transitions, watches
from storage.timeline import PAGE_EVENTS
from tests.bot.services.world import HERE, A, B, World
from tests.bot.slack.blocks.test_limits import NOW, fine
from tests.torture import many


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url)
    await made.open()
    yield made
    await made.close()


def story(history: History | None) -> list[str]:
    assert history is not None
    return [
        f"{one.old}-{one.new}" if isinstance(one, Change) else f"cancel {one.outcome}"
        for one in history.events
    ]


async def live(world: World) -> None:
    """Have a task wait, run, retry, run, and be cancelled by somebody who says why."""
    world.beam.put(A, "PENDING")
    world.beam.tasks[A] = replace(world.beam.tasks[A], started_at=None, function="app:f")
    await world.watching.watch(HERE, [A])
    created = world.beam.tasks[A].created_at
    for status, after in (("RUNNING", 10), ("RETRY", 60), ("RUNNING", 30)):
        world.clock.advance(after)
        started = world.clock() if status == "RUNNING" else world.beam.tasks[A].started_at
        world.beam.tasks[A] = replace(
            world.beam.tasks[A], status=Status(status), created_at=created, started_at=started
        )
        await world.turn(60)
    await world.cancelling.cancel(HERE, [A], via="command", reason="the loss explodes")
    await world.turn()


async def test_a_task_is_told_from_its_beginning_with_who_cancelled_it_and_why(
    world: World,
) -> None:
    await live(world)
    history = await world.reports.of_task(HERE, A)
    assert story(history) == [
        "PENDING-RUNNING",
        "RUNNING-RETRY",
        "RETRY-RUNNING",
        "cancel cancelled",
        "RUNNING-CANCELLED",
    ]
    assert history is not None
    waited, _, retried, cancel, _ = history.events
    assert isinstance(waited, Change)
    assert isinstance(retried, Change)
    assert isinstance(cancel, CancelAsked)
    assert waited.spent is not None
    assert waited.spent.total_seconds() == 10
    assert retried.spent is not None
    assert retried.spent.total_seconds() > 60
    assert (cancel.actor_id, cancel.reason) == ("U1", "the loss explodes")
    assert cancel.outcome is CancelOutcome.CANCELLED
    message = task_history(A, history, world.clock())
    check(message)
    assert "`PENDING` → `RUNNING` after waiting 10 s" in message.text
    assert "<@U1> asked to cancel: cancelled" in message.text
    assert "the loss explodes" in message.text


async def test_other_channels_workspaces_and_accounts_see_nothing(world: World) -> None:
    await live(world)
    assert len(story(await world.reports.of_channel(HERE))) == 5
    assert story(await world.reports.of_channel(replace(HERE, channel_id="C2"))) == []
    for place in (Place("T2", "C1", "U1"), replace(HERE, account="other")):
        assert story(await world.reports.of_channel(place)) == []
        assert await world.reports.of_task(place, A) is None
    assert await world.reports.of_task(HERE, B) is None
    check(task_history(B, None, world.clock()))
    empty = channel_history(await world.reports.of_channel(Place("T2", "C1", "U1")))
    assert "Nothing has happened here yet" in empty.text


async def test_every_event_is_on_one_page_and_no_page_is_too_long(world: World) -> None:
    await live(world)
    number = many(400, 50_000)
    now = world.clock()

    def work(tx: Connection) -> None:
        values = {"team_id": "T1", "account": "default", "task_id": A, "seen_at": now}
        rows = [
            {**values, "seq": 100 + place, "old": "RETRY", "new": "RUNNING"}
            for place in range(number)
        ]
        tx.execute(insert(transitions), rows)
        # What other channels watch is passed over.
        other = {**values, "task_id": B, "old": "PENDING", "new": "RUNNING"}
        tx.execute(insert(transitions), [{**other, "seq": place} for place in range(number)])
        assert tx.execute(watches.select()).all()

    await world.database.write(work)
    began = time.monotonic()
    for page, read in ((page, read) for page in (1, 2, 26) for read in ("task", "channel")):
        history = (
            await world.reports.of_task(HERE, A, page)
            if read == "task"
            else await world.reports.of_channel(HERE, page)
        )
        assert history is not None
        assert len(history.events) == PAGE_EVENTS
        assert history.more
        for message in (task_history(A, history, now), channel_history(history)):
            check(message)
    assert time.monotonic() - began < 30
    seen = []
    if number == 400:
        page, more = 1, True
        while more:
            history = await world.reports.of_channel(HERE, page)
            seen += [(one.at, type(one), getattr(one, "new", "")) for one in history.events]
            page, more = page + 1, history.more
        assert len(seen) == number + 5
        assert [at for at, *_ in seen] == sorted((at for at, *_ in seen), reverse=True)


@pytest.mark.parametrize("outcome", [None, *CancelOutcome])
@pytest.mark.parametrize("name", ["x" * 300, "مرحبا" * 60, "<!channel> *b* `c`", "", "🧨" * 300])
def test_any_event_of_anything_is_taken(name: str, outcome: CancelOutcome | None) -> None:
    cancel = CancelAsked(NOW, A, name, "U2", outcome, name * 20, Status(name or "x"))
    change = Change(NOW, A, name, Status(name or "x"), Status(name or "y"), None)
    history = History((cancel, change) * (PAGE_EVENTS // 2), 2, True)
    for message in (channel_history(history), task_history(A, history, NOW)):
        fine(message)
        values = [item["value"] for item in message.blocks[-1]["elements"]]
        assert [value.rsplit(" ", 1)[-1] for value in values] == ["1", "3"]
