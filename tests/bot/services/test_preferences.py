"""A channel is told what it chose, and once a silence is over, what it missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.errors import NotAllowed
from bot.services.ports import OutcomeUnknown, Outgoing
from bot.services.preferences import Asked
from bot.tasks import Level, TaskId
from bot.tasks.preferences import Manner, Mention, Mute, Preferences, QuietHours, Whom
from bot.tasks.records import SummaryNews, TransitionNews
from bot.tasks.report import Digest
from storage.tables import audit, deliveries
from tests.bot.services.world import HERE, A, B, World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url)
    await made.open()
    yield made
    await made.close()


async def choose(world: World, mute: Mute = Mute.KEEP, **wanted: object) -> None:
    asked = Asked(replace(Preferences(time_zone="UTC"), **wanted), mute)  # type: ignore[arg-type]
    await world.preferences.change(HERE, asked)


async def watch(world: World, task_id: TaskId = A, level: Level | None = None) -> None:
    world.beam.put(task_id, "RUNNING")
    await world.watching.watch(HERE, [task_id], level)


async def become(world: World, *statuses: str, task_id: TaskId = A) -> None:
    for status in statuses:
        world.beam.put(task_id, status)
        await world.turn(70)


def path(message: Outgoing) -> list[str]:
    assert isinstance(message.news, TransitionNews)
    return [str(message.news.steps[0].old), *(str(step.new) for step in message.news.steps)]


def summaries(world: World) -> list[SummaryNews]:
    return [one.news for one in world.slack.posted if isinstance(one.news, SummaryNews)]


async def test_the_third_retry_and_those_after_it_are_told_with_what_ends_them(
    world: World,
) -> None:
    await watch(world)
    await become(world, "RETRY", "RUNNING", "RETRY", "RUNNING", "RETRY", "RUNNING", "RETRY")
    assert [path(one) for one in world.slack.news()] == [
        ["RUNNING", "RETRY"],
        ["RETRY", "RUNNING"],
        ["RUNNING", "RETRY"],
        ["RETRY", "RUNNING"],
    ]
    assert str(world.slack.edits[-1].members[0].task.status) == "RETRY"
    await become(world, "COMPLETE")
    assert path(world.slack.news()[-1]) == ["RUNNING", "RETRY", "RUNNING", "RETRY", "COMPLETE"]
    assert len(world.slack.news()) == 5
    assert world.slack.news()[-1].broadcast


async def test_a_watch_that_names_no_level_takes_the_channels(world: World) -> None:
    await choose(world, level=Level.FAILURES)
    await watch(world)
    await watch(world, B, Level.ALL)
    await become(world, "COMPLETE")
    await become(world, "COMPLETE", task_id=B)
    assert [
        one.news.task.id for one in world.slack.news() if isinstance(one.news, TransitionNews)
    ] == [B]


@pytest.mark.parametrize(
    ("manner", "threaded", "broadcast"),
    [
        (Manner(), True, True),
        (Manner(broadcast=False), True, False),
        (Manner(threads=False), False, True),
    ],
)
async def test_the_manner_is_the_channels(
    world: World, manner: Manner, threaded: bool, broadcast: bool
) -> None:
    await choose(world, manner=manner)
    await watch(world)
    await become(world, "COMPLETE")
    (told,) = world.slack.news()
    assert (told.thread_ts is not None, told.broadcast) == (threaded, broadcast)


@pytest.mark.parametrize(
    ("mention", "status", "expected"),
    [
        (Mention(), "FAILED", ("U1", ())),
        (Mention(Whom.PEOPLE, ("U7", "U8")), "FAILED", (None, ("U7", "U8"))),
        (Mention(Whom.PEOPLE, ("U7", "U8")), "COMPLETE", ("U1", ())),
        (Mention(Whom.GROUP, ("S0123ABCD",)), "TIMEOUT", (None, ("S0123ABCD",))),
        (Mention(Whom.NOBODY), "FAILED", (None, ())),
        (Mention(Whom.NOBODY), "COMPLETE", (None, ())),
    ],
)
async def test_whom_an_end_mentions(
    world: World, mention: Mention, status: str, expected: tuple[str | None, tuple[str, ...]]
) -> None:
    await choose(world, mention=mention)
    await watch(world)
    await become(world, status)
    (told,) = world.slack.news()
    assert isinstance(told.news, TransitionNews)
    assert (told.news.mention, told.news.call) == expected


async def test_a_mute_keeps_cards_up_to_date_and_tells_what_ended_in_one_message(
    world: World,
) -> None:
    await watch(world)
    await choose(world, Mute.HOUR)
    await watch(world, B)
    cards = [one for one in world.slack.posted if one.news is None]
    assert len(cards) == 2, "a watch made while muted posts its card"
    assert cards[1].view is not None
    assert cards[1].view.muted_until is not None
    await become(world, "RETRY", "RUNNING", "FAILED")
    await become(world, "COMPLETE", task_id=B)
    assert world.slack.news() == []
    assert {str(view.members[0].task.status) for view in world.slack.edits[-2:]} == {
        "FAILED",
        "COMPLETE",
    }
    await world.turn(3600)
    await world.turn(70)
    (summary,) = summaries(world)
    assert [(str(line.status), line.task_id, line.call) for line in summary.lines] == [
        ("FAILED", A, ("U1",)),
        ("COMPLETE", B, ("U1",)),
    ]
    assert all(line.ts for line in summary.lines)
    assert len(world.slack.news()) == 1


async def test_after_a_mute_changes_are_told_again_on_the_way_they_took(world: World) -> None:
    await watch(world)
    await become(world, "RETRY")
    await choose(world, Mute.FOREVER)
    await become(world, "RUNNING")
    assert len(world.slack.news()) == 1
    await world.turn(400 * 24 * 3600)
    assert len(world.slack.news()) == 1
    await world.preferences.unmute(HERE)
    assert summaries(world) == [], "nothing ended, so there is nothing to sum up"
    await become(world, "COMPLETE")
    assert path(world.slack.news()[-1]) == ["RETRY", "RUNNING", "COMPLETE"]


async def test_unmuting_tells_at_once_and_cards_say_so(world: World) -> None:
    await watch(world)
    await choose(world, Mute.FOREVER)
    await world.deliver()
    assert world.slack.edits[-1].muted_until is not None
    await become(world, "FAILED")
    await watch(world, B)
    await world.preferences.unmute(HERE)
    await world.deliver()
    assert len(summaries(world)) == 1
    last = {view.card.id: view for view in world.slack.edits}
    assert len(last) == 2
    assert [view.muted_until for view in last.values()] == [None, None]
    await world.preferences.unmute(HERE)
    await world.turn(70)
    assert len(summaries(world)) == 1


async def test_quiet_hours_end_with_one_summary_also_over_midnight(world: World) -> None:
    await watch(world)
    await choose(world, quiet=QuietHours(11 * 60, 8 * 60), time_zone="UTC")
    await become(world, "FAILED")
    assert world.slack.news() == []
    world.clock.now = datetime(2026, 1, 2, 7, 59, tzinfo=UTC)
    await world.turn(5)
    assert world.slack.news() == []
    world.clock.now = datetime(2026, 1, 2, 8, 0, 1, tzinfo=UTC)
    await world.turn(5)
    assert len(summaries(world)) == 1
    await watch(world, B)
    await become(world, "COMPLETE", task_id=B)
    assert isinstance(world.slack.news()[-1].news, TransitionNews)


async def test_two_copies_and_a_lost_answer_make_one_summary(world: World) -> None:
    await watch(world)
    await choose(world, Mute.HOUR)
    await become(world, "FAILED")
    world.clock.advance(3600)
    await asyncio.gather(*(world.preferences.tick() for _ in range(5)))
    world.slack.lost = [OutcomeUnknown("timeout")]
    await world.deliver(times=8)
    assert len(summaries(world)) == 1


async def test_a_correction_in_a_mute_is_summed_up_as_it_is_in_the_end(world: World) -> None:
    await watch(world)
    await choose(world, Mute.FOREVER)
    await become(world, "TIMEOUT", "COMPLETE")
    await world.preferences.unmute(HERE)
    await world.deliver()
    (summary,) = summaries(world)
    assert [str(line.status) for line in summary.lines] == ["COMPLETE"]


async def test_a_group_that_is_over_is_one_line(world: World) -> None:
    for task_id in (A, B):
        world.beam.put(task_id, "RUNNING")
    await world.watching.watch(HERE, [A, B])
    await choose(world, Mute.FOREVER)
    await become(world, "FAILED")
    await become(world, "COMPLETE", task_id=B)
    await world.preferences.unmute(HERE)
    await world.deliver()
    (summary,) = summaries(world)
    (line,) = summary.lines
    assert line.task_id is None
    assert sorted(map(str, line.members)) == ["COMPLETE", "FAILED"]


async def test_another_channel_hears_as_ever(world: World) -> None:
    await choose(world, Mute.FOREVER)
    await watch(world)
    await world.watching.watch(replace(HERE, channel_id="C2"), [A])
    await become(world, "FAILED")
    assert [one.channel_id for one in world.slack.news()] == ["C2"]


@pytest.mark.parametrize("who", ["UGUEST", "USTRANGER"])
async def test_only_members_change_settings(world: World, who: str) -> None:
    place = replace(HERE, user_id=who)
    for work in (
        world.preferences.open(place),
        world.preferences.change(place, Asked(Preferences(), Mute.FOREVER)),
        world.preferences.unmute(place),
    ):
        with pytest.raises(NotAllowed):
            await work
    assert (await world.preferences.open(HERE))[0] == Preferences()


async def test_who_changed_what_is_in_the_trail_and_held_news_is_not_forgotten(
    world: World,
) -> None:
    await watch(world)
    await choose(world, Mute.FOREVER, mention=Mention(Whom.GROUP, ("S0123ABCD",)))
    rows = await world.database.read(lambda tx: tx.execute(select(audit)).all())
    (noted,) = [row for row in rows if row.action == "settings"]
    assert noted.actor_id == "U1"
    assert "S0123ABCD" in json.loads(noted.details)["mention"]
    await become(world, "FAILED")
    world.clock.advance(40 * 24 * 3600)
    await world.outbox.purge(world.clock())
    held = select(deliveries.c.state).where(deliveries.c.kind == "transition")
    assert await world.database.read(lambda tx: tx.execute(held).scalars().all()) == ["held"]
    await world.preferences.unmute(HERE)
    await world.deliver()
    assert len(summaries(world)) == 1


async def test_a_weekly_digest_comes_once_on_monday_and_waits_for_the_end_of_a_mute(
    world: World,
) -> None:
    await choose(world, digest=True)
    await watch(world)
    await complete(world, A)
    # The first Monday of that year, at nine: nothing before.
    world.clock.now = datetime(2026, 1, 5, 8, 59, tzinfo=UTC)
    await world.preferences.tick()
    await world.deliver(0)
    assert digests(world) == []
    world.clock.now = datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)
    await asyncio.gather(*(world.preferences.tick() for _ in range(5)))
    await world.deliver()
    (digest,) = digests(world)
    assert (digest.channel_id, digest.stats.total) == ("C1", 1)
    await world.turn(60)
    assert len(digests(world)) == 1
    # A week in which nothing ended is no news.
    world.clock.now = datetime(2026, 1, 12, 9, 0, 1, tzinfo=UTC)
    await world.turn(60)
    assert len(digests(world)) == 1
    await watch(world, B)
    await complete(world, B)
    world.clock.now = datetime(2026, 1, 19, 8, 30, tzinfo=UTC)
    await choose(world, Mute.HOUR, digest=True)
    world.clock.now = datetime(2026, 1, 19, 9, 10, tzinfo=UTC)
    await world.turn(60)
    assert len(digests(world)) == 1
    world.clock.now = datetime(2026, 1, 19, 9, 31, tzinfo=UTC)
    await world.turn(60)
    assert len(digests(world)) == 2


async def complete(world: World, task_id: TaskId) -> None:
    """End a task of a function: others are in no figures."""
    world.beam.put(task_id, "COMPLETE")
    world.beam.tasks[task_id] = replace(world.beam.tasks[task_id], function="m:train")
    await world.turn(70)


def digests(world: World) -> list[Digest]:
    return [one.news for one in world.slack.posted if isinstance(one.news, Digest)]
