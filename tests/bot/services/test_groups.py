"""A group is told by one card, its failures and milestones once each, and its end once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.services.ports import Outgoing, TryLater
from bot.tasks import Level, Status, TaskId
from bot.tasks.records import GroupNews, TransitionNews
from tests.bot.services.world import HERE, World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url)
    await made.open()
    yield made
    await made.close()


def ids(count: int) -> list[TaskId]:
    return [TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}") for number in range(count)]


def end(world: World, which: list[TaskId], status: str = "COMPLETE", ran: float = 60) -> None:
    for task_id in which:
        task = world.beam.tasks[task_id]
        assert task.started_at is not None
        over = task.started_at + timedelta(seconds=ran)
        world.beam.tasks[task_id] = replace(task, status=Status(status), ended_at=over)


async def group(world: World, count: int, level: Level | None = None) -> list[TaskId]:
    members = ids(count)
    for task_id in members:
        world.beam.put(task_id, "RUNNING")
        world.beam.tasks[task_id] = replace(world.beam.tasks[task_id], function="m:train")
    await world.watching.watch(HERE, members, level)
    return members


def told(message: Outgoing) -> list[str]:
    """Say in a word each what a reply tells."""
    news = message.news
    if isinstance(news, TransitionNews):
        return ["correction"]
    assert isinstance(news, GroupNews)
    parts = (news, *news.folded)
    return [
        "end" if one.end else f"{one.milestone} %" if one.milestone else "failed" for one in parts
    ]


async def test_half_and_nearly_all_are_told_once_and_the_end_is_broadcast(world: World) -> None:
    members = await group(world, 20)
    for upto in (9, 10, 17, 18, 19, 20):
        end(world, members[:upto])
        await world.turn(70)
    assert [told(one) for one in world.slack.news()] == [["50 %"], ["90 %"], ["end"]]
    assert [one.broadcast for one in world.slack.news()] == [False, False, True]


async def test_a_small_group_has_no_milestones(world: World) -> None:
    members = await group(world, 9)
    for upto in (5, 9):
        end(world, members[:upto])
        await world.turn(70)
    assert [told(one) for one in world.slack.news()] == [["end"]]


async def test_failures_and_a_milestone_that_come_together_are_one_reply(world: World) -> None:
    members = await group(world, 12)
    end(world, members[:2], "FAILED")
    end(world, members[2:8])
    await world.turn(70)
    (reply,) = world.slack.news()
    assert told(reply) == ["failed", "failed", "50 %"]


async def test_milestones_give_way_to_the_end_and_failures_do_not(world: World) -> None:
    members = await group(world, 12)
    world.slack.errors = [TryLater("ratelimited", retry_after=1)]
    end(world, members)
    await world.turn(70)
    assert [told(one) for one in world.slack.news()] == [["end"]]
    other = ids(24)[12:]
    for task_id in other:
        world.beam.put(task_id, "RUNNING")
    await world.watching.watch(HERE, other)
    end(world, other[:1], "FAILED")
    end(world, other[1:])
    await world.turn(70)
    assert [told(one) for one in world.slack.news()[1:]] == [["failed", "50 %"], ["end"]]


@pytest.mark.parametrize(
    ("level", "bad", "expected"),
    [
        (Level.ALL, 0, [["50 %"], ["end"]]),
        (Level.FINAL, 0, [["end"]]),
        (Level.FAILURES, 0, []),
        (Level.FINAL, 1, [["failed"], ["end"]]),
        (Level.FAILURES, 1, [["failed"], ["end"]]),
    ],
)
async def test_levels(world: World, level: Level, bad: int, expected: list[list[str]]) -> None:
    members = await group(world, 12, level)
    end(world, members[:bad], "FAILED")
    await world.turn(70)
    for upto in (8, 12):
        end(world, members[bad:upto])
        await world.turn(70)
    assert [told(one) for one in world.slack.news()] == expected


async def test_the_card_links_to_the_reply_that_told_of_a_failure(world: World) -> None:
    members = await group(world, 3)
    end(world, members[:1], "FAILED")
    await world.turn(70)
    assert [told(one) for one in world.slack.news()] == [["failed"]]
    at = f"100.{len(world.slack.posted):06d}"
    assert world.slack.edits[-1].replies == {members[0]: at}


async def test_the_card_knows_what_is_usual_of_those_that_go_on(world: World) -> None:
    members = await group(world, 8)
    end(world, members[:5], ran=60)
    await world.turn(70)
    usual = world.slack.edits[-1].usual
    assert usual["m:train"].run == timedelta(seconds=60)
    end(world, members[5:], ran=60)
    await world.turn(70)
    assert world.slack.edits[-1].usual == {}


async def test_a_member_that_is_taken_up_again_moves_the_card_and_ends_the_group_again(
    world: World,
) -> None:
    members = await group(world, 3)
    end(world, members[:1], "FAILED")
    end(world, members[1:])
    await world.turn(70)
    assert [told(one) for one in world.slack.news()] == [["failed"], ["end"]]
    world.beam.put(members[0], "RUNNING")
    await world.turn(70)
    assert str(world.slack.edits[-1].members[0].task.status) == "RUNNING"
    end(world, members[:1])
    await world.turn(70)
    assert [told(one) for one in world.slack.news()[2:]] == [["correction"], ["end"]]
    assert str(world.slack.edits[-1].members[0].task.status) == "COMPLETE"


async def test_a_corrected_member_moves_the_card(world: World) -> None:
    members = await group(world, 2)
    end(world, members, "TIMEOUT")
    await world.turn(70)
    end(world, members[:1])
    await world.turn(70)
    statuses = [str(known.task.status) for known in world.slack.edits[-1].members]
    assert statuses == ["COMPLETE", "TIMEOUT"]
    assert told(world.slack.news()[-1]) == ["correction"]
