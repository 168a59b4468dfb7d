"""One word when a task takes longer than usual: once, while it is true, to whom it fits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.beam.errors import Unavailable
from bot.services.ports import NeverDeliverable, TryLater
from bot.slack.blocks.nudge import nudge_message
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.nudge import NudgeKind
from bot.tasks.records import NudgeNews, TransitionNews
from bot.tasks.usual import LEAST_RUNS
from storage.history import note_run
from storage.tables import tasks
from tests.bot.services.world import HERE, A, B, World

MINUTE = 60.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "bot.db")
    await made.open()
    yield made
    await made.close()


async def past(
    world: World, runs: int = LEAST_RUNS, *, ran: float = 180, waited: float = 20
) -> None:
    """Have the function run before, so that it is known what is usual of it."""
    now = world.clock()

    def work(tx: object) -> None:
        for number in range(runs):
            started = now - timedelta(hours=number + 1)
            task = Task(
                TaskId(f"00000000-0000-4000-8000-{number:012d}"),
                Status("COMPLETE"),
                created_at=started - timedelta(seconds=waited),
                started_at=started,
                ended_at=started + timedelta(seconds=ran),
                function="app:f",
            )
            note_run(tx, "T1", "default", task, now)  # type: ignore[arg-type]

    await world.database.write(work)


def put(world: World, status: str, task_id: TaskId = A, timeout: int | None = None) -> None:
    world.beam.put(task_id, status)
    made = replace(world.beam.tasks[task_id], function="app:f", timeout_seconds=timeout)
    if status == "PENDING":
        made = replace(made, started_at=None)
    world.beam.tasks[task_id] = made


async def passes(world: World, seconds: float) -> None:
    """Let time pass as it does: the bot polls, nudges and delivers all the while."""
    until = world.clock() + timedelta(seconds=seconds)
    while world.clock() < until:
        await world.turn(20)
        await world.nudger.tick()
        await world.deliver(times=2)


def told(world: World) -> list[NudgeNews]:
    return [one.news for one in world.slack.posted if isinstance(one.news, NudgeNews)]


async def test_a_run_that_takes_twice_as_long_is_told_once_in_its_thread(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    await passes(world, 5 * MINUTE)
    assert told(world) == []
    edits = len(world.slack.edits)
    await passes(world, 10 * MINUTE)
    (news,) = told(world)
    assert news.kind is NudgeKind.RUN
    (posted,) = (one for one in world.slack.posted if one.news is news)
    assert posted.thread_ts == "100.000001"
    assert not posted.broadcast
    # The card says it too.
    assert len(world.slack.edits) > edits
    text = nudge_message(news).text
    assert "has been running for 6 min" in text
    assert "twice as long as usual (3 min)" in text
    assert "<@U1>" in text


async def test_a_long_wait_is_told_and_then_the_run_on_its_own(world: World) -> None:
    await past(world)
    put(world, "PENDING")
    await world.watching.watch(HERE, [A])
    await passes(world, 4 * MINUTE)
    assert [news.kind for news in told(world)] == [NudgeKind.WAIT]
    assert "usually 20 s" in nudge_message(told(world)[0]).text
    put(world, "RUNNING")
    await passes(world, 8 * MINUTE)
    assert [news.kind for news in told(world)] == [NudgeKind.WAIT, NudgeKind.RUN]


async def test_with_too_few_past_runs_only_the_timeout_is_told(world: World) -> None:
    await past(world, LEAST_RUNS - 1)
    put(world, "RUNNING", timeout=1200)
    await world.watching.watch(HERE, [A])
    await passes(world, 17 * MINUTE)
    assert told(world) == []
    await passes(world, 4 * MINUTE)
    assert [news.kind for news in told(world)] == [NudgeKind.TIMEOUT]
    assert "times out in " in nudge_message(told(world)[0]).text


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        (Level.ALL, {NudgeKind.RUN, NudgeKind.TIMEOUT}),
        (Level.FINAL, {NudgeKind.RUN, NudgeKind.TIMEOUT}),
        (Level.FAILURES, {NudgeKind.TIMEOUT}),
    ],
)
async def test_failures_only_hears_of_a_timeout_that_is_near(
    world: World, level: Level, kinds: set[NudgeKind]
) -> None:
    await past(world)
    put(world, "RUNNING", timeout=600)
    await world.watching.watch(HERE, [A], level)
    await passes(world, 9.8 * MINUTE)
    assert {news.kind for news in told(world)} == kinds


async def test_a_group_is_told_nothing(world: World) -> None:
    await past(world)
    put(world, "RUNNING", timeout=600)
    put(world, "RUNNING", B, timeout=600)
    await world.watching.watch(HERE, [A, B])
    await passes(world, 9.8 * MINUTE)
    assert told(world) == []


async def test_who_watches_what_already_takes_long_has_read_it_on_the_card(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    world.clock.advance(30 * MINUTE)
    await world.watching.watch(HERE, [A])
    await passes(world, 10 * MINUTE)
    assert told(world) == []


async def test_a_nudge_that_is_true_no_more_when_it_is_delivered_is_not_sent(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.clock.advance(7 * MINUTE)
    await world.nudger.tick()
    world.beam.put(A, "COMPLETE")
    await world.turn()
    assert told(world) == []
    kinds = [type(one.news) for one in world.slack.news()]
    assert kinds == [TransitionNews]


async def test_a_nudge_that_slack_takes_late_says_what_is_true_then(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.clock.advance(7 * MINUTE)
    await world.nudger.tick()
    world.slack.errors = [TryLater("ratelimited", retry_after=2 * MINUTE)]
    await world.deliver(seconds=30, times=8)
    (news,) = told(world)
    assert "has been running for 9 min" in nudge_message(news).text


async def test_a_told_nudge_loses_its_button_when_the_task_is_over(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    await passes(world, 7 * MINUTE)
    (news,) = told(world)
    assert "nudge.cancel" in str(nudge_message(news).blocks)
    world.beam.put(A, "COMPLETE")
    await passes(world, MINUTE)
    ((ts, amended),) = world.slack.amended
    assert isinstance(amended.news, NudgeNews)
    assert "nudge.cancel" not in str(nudge_message(amended.news).blocks)
    assert ts == next(
        f"100.{number:06d}"
        for number, one in enumerate(world.slack.posted, 1)
        if isinstance(one.news, NudgeNews)
    )


async def test_nothing_is_told_of_a_task_that_beam_does_not_answer_for(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.broken = Unavailable("no answer")
    await passes(world, 8 * MINUTE)
    assert told(world) == []
    world.beam.broken = None
    await passes(world, 5 * MINUTE)
    assert [news.kind for news in told(world)] == [NudgeKind.RUN]


async def test_several_copies_owe_a_nudge_once(database_url: str) -> None:
    world = World(database_url)
    await world.open()
    await past(world)
    put(world, "RUNNING")
    other = World(database_url, world.clock, world.beam, world.slack)
    await world.watching.watch(HERE, [A])
    world.clock.advance(7 * MINUTE)
    await asyncio.gather(*(one.nudger.tick() for one in (world, other, world, other)))
    await world.deliver()
    await other.deliver()
    for one in (world, other):
        await one.close()
    assert len(told(world)) == 1


async def test_a_nudge_that_slack_refuses_is_not_tried_for_ever(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.clock.advance(7 * MINUTE)
    await world.nudger.tick()
    world.slack.errors = [NeverDeliverable("invalid_blocks")]
    await passes(world, 5 * MINUTE)
    assert told(world) == []


async def test_what_is_over_or_unwatched_is_planned_no_more(world: World) -> None:
    await past(world)
    put(world, "RUNNING")
    put(world, "RUNNING", B)
    await world.watching.watch(HERE, [A])
    await world.watching.watch(HERE, [B])
    world.beam.put(A, "COMPLETE")
    await world.turn()
    await world.watching.unwatch(HERE, [B])
    await passes(world, 10 * MINUTE)
    planned = await world.database.read(
        lambda tx: tx.execute(select(tasks.c.nudge_at)).scalars().all()
    )
    assert planned == [None, None]
    assert told(world) == []
