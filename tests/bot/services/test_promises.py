"""Nothing lost, nothing doubled, nothing made up: the services over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.beam.errors import Unavailable
from bot.errors import NotAllowed, SlackRefused
from bot.services.ports import ChannelClosed, OutcomeUnknown, TryLater
from bot.settings import CancelPolicy
from bot.tasks import Level
from bot.tasks.records import CancelOutcome, Place, TransitionNews, Trouble
from tests.bot.services.world import HERE, A, B, World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url)
    await made.open()
    yield made
    await made.close()


async def test_each_change_is_told_once_and_the_last_is_broadcast(world: World) -> None:
    world.beam.put(A, "PENDING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "RUNNING")
    await world.turn()
    await world.turn()
    world.beam.put(A, "COMPLETE")
    await world.turn()
    await world.turn()
    told = world.slack.news()
    assert [one.broadcast for one in told] == [False, True]
    last = told[-1].news
    assert isinstance(last, TransitionNews)
    assert last.mention == "U1"
    assert len(world.slack.posted) == 3


async def test_a_task_watched_in_many_channels_is_polled_once(world: World) -> None:
    world.beam.put(A, "RUNNING")
    for channel in ("C1", "C2", "C3"):
        await world.watching.watch(Place("T1", channel, "U1"), [A])
    before = world.beam.asked[A]
    await world.turn(4)
    assert world.beam.asked[A] == before + 1


async def test_a_task_that_ended_since_it_was_found_is_not_watched_for_ever(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    there = Place("T1", "C2", "U2")
    found = (await world.look_up.look(there, [A])).found
    world.beam.put(A, "COMPLETE")
    await world.turn()
    added = await world.watches.add(
        there,
        found,
        None,
        now=world.clock(),
        start=lambda known, before: world.look_up.start(there, known, before),
    )
    assert await world.watches.active(there, [A]) == {}
    assert [known.task.status for known in added.finished] == ["COMPLETE"]


async def test_two_copies_share_the_work_and_tell_once(world: World, database_url: str) -> None:
    other = World(database_url, world.clock, world.beam, world.slack)
    await other.open()
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "FAILED")
    before = world.beam.asked[A]
    world.clock.advance(5)
    for copy in (world, other):
        await copy.poller.tick()
    for copy in (world, other):
        await copy.poller.settle()
    await world.deliver()
    await other.deliver()
    assert world.beam.asked[A] == before + 1
    assert len(world.slack.news()) == 1
    await other.close()


async def test_what_was_owed_before_a_crash_is_told_after_it(
    world: World, database_url: str
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "COMPLETE")
    world.clock.advance(5)
    await world.poller.tick()
    await world.poller.settle()
    assert world.slack.news() == []
    after = World(database_url, world.clock, world.beam, world.slack)
    await after.open()
    await after.deliver()
    assert len(world.slack.news()) == 1
    await after.close()


async def test_a_post_whose_answer_was_lost_is_looked_for_before_it_is_repeated(
    world: World,
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "COMPLETE")
    world.slack.lost = [OutcomeUnknown("timeout")]
    await world.turn()
    await world.deliver(seconds=10)
    assert world.slack.searches == 1
    assert len(world.slack.news()) == 1


@pytest.mark.parametrize("readable", [True, False])
async def test_changes_told_in_one_reply_stay_one_reply_when_its_answer_is_lost(
    world: World, readable: bool
) -> None:
    world.slack.readable = readable
    world.beam.put(A, "PENDING")
    await world.watching.watch(HERE, [A])
    world.slack.errors = [TryLater("ratelimited", retry_after=7)]
    world.beam.put(A, "RUNNING")
    await world.turn()
    world.slack.lost = [OutcomeUnknown("timeout")]
    world.beam.put(A, "COMPLETE")
    await world.turn()
    for _ in range(4):
        await world.deliver(seconds=10)
    told = [one.news for one in world.slack.news()]
    changes = [news.steps for news in told if isinstance(news, TransitionNews)]
    steps = [[str(step.new) for step in part] for part in changes]
    assert steps == [["RUNNING", "COMPLETE"]] * (1 if readable else 2)


async def test_a_card_that_is_found_again_is_brought_up_to_date(world: World) -> None:
    world.beam.put(A, "PENDING")
    world.slack.lost = [OutcomeUnknown("timeout")]
    found = world.slack.find
    # Until the task is over nobody comes to look for the card: the copy that posted it died.
    world.slack.__dict__["find"] = _not_reached
    await world.watching.watch(HERE, [A], Level.FAILURES)
    world.beam.put(A, "COMPLETE")
    await world.turn()
    world.slack.__dict__["find"] = found
    for _ in range(4):
        await world.deliver(seconds=90)
    assert world.slack.searches == 1
    assert [str(view.members[0].task.status) for view in world.slack.edits][-1:] == ["COMPLETE"]


async def _not_reached(_message: object) -> str | None:
    raise TryLater("not_reached")


async def test_a_refusal_for_now_is_tried_again_in_order(world: World) -> None:
    world.beam.put(A, "PENDING")
    await world.watching.watch(HERE, [A])
    world.slack.errors = [TryLater("ratelimited", retry_after=7)]
    world.beam.put(A, "RUNNING")
    await world.turn()
    world.beam.put(A, "COMPLETE")
    await world.turn()
    await world.deliver(seconds=10)
    told = [one.news for one in world.slack.news()]
    changes = [news.steps for news in told if isinstance(news, TransitionNews)]
    steps = [str(step.new) for part in changes for step in part]
    assert steps == ["RUNNING", "COMPLETE"]


async def test_a_closed_channel_ends_its_watches(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.slack.errors = [ChannelClosed("is_archived")]
    world.beam.put(A, "COMPLETE")
    await world.turn()
    assert (await world.watching.page(HERE, 1)).total == 0


async def test_a_watch_where_nothing_can_be_posted_is_refused(world: World) -> None:
    world.beam.put(A, "RUNNING")
    world.slack.errors = [ChannelClosed("not_in_channel")]
    with pytest.raises(SlackRefused, match="/invite"):
        await world.watching.watch(HERE, [A])
    assert (await world.watching.page(HERE, 1)).total == 0


async def test_an_outage_never_changes_the_status_and_is_shown(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.broken = Unavailable("down")
    for _ in range(4):
        await world.turn(60)
    shown = world.slack.edits[-1].members[0]
    assert (str(shown.task.status), shown.trouble) == ("RUNNING", Trouble.UNREACHABLE)
    edits = len(world.slack.edits)
    await world.turn(60)
    assert len(world.slack.edits) == edits
    world.beam.broken = None
    await world.turn(120)
    assert world.slack.edits[-1].members[0].trouble is None
    assert world.slack.news() == []


@pytest.mark.parametrize(
    ("level", "end", "told"),
    [
        (Level.ALL, "COMPLETE", 2),
        (Level.FINAL, "COMPLETE", 1),
        (Level.FAILURES, "COMPLETE", 0),
        (Level.FAILURES, "FAILED", 1),
    ],
)
async def test_levels(world: World, level: Level, end: str, told: int) -> None:
    world.beam.put(A, "PENDING")
    await world.watching.watch(HERE, [A], level)
    for status in ("RUNNING", end):
        world.beam.put(A, status)
        await world.turn()
    assert len(world.slack.news()) == told


async def test_a_final_status_that_changes_is_corrected(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "CANCELLED")
    await world.turn()
    world.beam.put(A, "COMPLETE")
    await world.turn(70)
    last = world.slack.news()[-1].news
    assert isinstance(last, TransitionNews)
    assert last.steps[-1].correction


async def test_a_cancel_is_reported_from_what_was_found_afterwards(world: World) -> None:
    world.beam.put(A, "RUNNING")
    world.beam.put(B, "COMPLETE")
    report = await world.cancelling.cancel(HERE, [A, B], via="command")
    outcomes = [one.outcome for one in report.results]
    assert outcomes == [CancelOutcome.CANCELLED, CancelOutcome.ALREADY_OVER]
    assert world.beam.cancelled == [(A,)]
    world.beam.put(A, "RUNNING")
    world.beam.cancels_work = False
    report = await world.cancelling.cancel(HERE, [A], via="command")
    assert report.results[0].outcome is CancelOutcome.STILL_STOPPING


async def test_a_report_that_the_channel_refuses_is_known_to_be_untold(world: World) -> None:
    world.beam.put(A, "RUNNING")
    world.slack.errors = [ChannelClosed("not_in_channel")]
    report = await world.cancelling.cancel(HERE, [A], via="command")
    assert not await world.cancelling.told(HERE, report)
    world.beam.put(A, "RUNNING")
    report = await world.cancelling.cancel(HERE, [A], via="command")
    assert await world.cancelling.told(HERE, report)


async def test_a_question_is_answered_once_and_only_by_whom_it_was_asked(world: World) -> None:
    world.beam.put(A, "RUNNING")
    question = await world.cancelling.ask(HERE, [A])
    assert not await world.cancelling.dismiss(Place("T1", "C1", "U2"), question)
    assert (await world.cancelling.answer(HERE, question)).results[0].task_id == A
    assert not await world.cancelling.dismiss(HERE, question)


@pytest.mark.parametrize(
    ("policy", "user", "allowed"),
    [
        (CancelPolicy.MEMBERS, "U1", True),
        (CancelPolicy.MEMBERS, "UGUEST", False),
        (CancelPolicy.MEMBERS, "USTRANGER", False),
        (CancelPolicy.WATCHERS, "U1", False),
        (CancelPolicy.WATCHERS, "UADMIN", True),
        (CancelPolicy.ADMINS, "U1", False),
        (CancelPolicy.ADMINS, "UADMIN", True),
    ],
)
async def test_policies(tmp_path: Path, policy: CancelPolicy, user: str, allowed: bool) -> None:
    world = World(tmp_path / "test.db", policy=policy)
    await world.open()
    world.beam.put(A, "RUNNING")
    place = Place("T1", "C1", user)
    if allowed:
        await world.cancelling.cancel(place, [A], via="command")
    else:
        with pytest.raises(NotAllowed):
            await world.cancelling.cancel(place, [A], via="command")
    assert bool(world.beam.cancelled) is allowed
    await world.close()
