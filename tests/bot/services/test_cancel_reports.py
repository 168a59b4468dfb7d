"""One cancel is sent, everybody learns the truth, and what belongs together is one message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from bot.errors import BadRequest
from bot.services.ports import CardGone, OutcomeUnknown, Outgoing
from bot.tasks.records import Cancelled, CancelOutcome, CancelReport, Place
from storage.cancels import CancelStore
from tests.bot.services.world import HERE, A, B, Clock, World

OTHER = Place("T1", "C1", "U2")


class Ticking(Clock):
    """Time that goes on: no two moments are the same."""

    def __call__(self) -> datetime:
        self.advance(0.001)
        return self.now


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = World(database_url, Ticking())
    await made.open()
    yield made
    await made.close()


def told(message: Outgoing) -> list[str]:
    """Return the tasks that a report tells of."""
    assert isinstance(message.news, CancelReport)
    reports = (message.news, *message.news.folded)
    return [result.task_id for report in reports for result in report.results]


async def test_two_who_cancel_at_once_send_one_cancel_and_both_learn_the_truth(
    world: World,
) -> None:
    world.beam.put(A, "RUNNING")
    reports = await asyncio.gather(
        world.cancelling.cancel(HERE, [A], via="button"),
        world.cancelling.cancel(OTHER, [A], via="button"),
    )
    assert world.beam.cancelled == [(A,)]
    first, second = sorted(reports, key=lambda report: not report.changed_something)
    assert first.results[0].outcome is CancelOutcome.CANCELLED
    late = second.results[0]
    assert late.outcome is CancelOutcome.UNDERWAY
    assert late.by == first.actor_id
    assert late.after is not None
    assert late.after.status == "CANCELLED"
    assert len(world.slack.posted) == 1


async def test_who_comes_later_learns_who_cancelled(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.cancelling.cancel(HERE, [A], via="button")
    world.clock.advance(60)
    late = (await world.cancelling.cancel(OTHER, [A], via="button")).results[0]
    assert (late.outcome, late.by) == (CancelOutcome.ALREADY_OVER, "U1")
    assert world.beam.cancelled == [(A,)]


async def test_a_cancel_whose_copy_died_keeps_nobody_from_stopping_a_task_for_long(
    world: World,
) -> None:
    world.beam.put(A, "RUNNING")
    sure = Cancelled(A, CancelOutcome.UNCONFIRMED, world.beam.tasks[A], None)
    await CancelStore(world.database).asked(HERE, [sure], "button", world.clock(), card_id=None)
    world.clock.advance(30)
    report = await world.cancelling.cancel(OTHER, [A], via="button")
    assert report.results[0].outcome is CancelOutcome.UNDERWAY
    world.clock.advance(31)
    report = await world.cancelling.cancel(OTHER, [A], via="button")
    assert report.results[0].outcome is CancelOutcome.CANCELLED


async def test_a_second_cancel_joins_the_report_before_it(world: World) -> None:
    for task_id in (A, B):
        world.beam.put(task_id, "RUNNING")
        await world.cancelling.cancel(HERE, [task_id], via="command")
        world.clock.advance(20)
    assert [told(one) for one in world.slack.posted] == [[A]]
    ((ts, whole),) = world.slack.amended
    assert ts == "100.000001"
    assert told(whole) == [A, B]


async def test_cancels_that_are_owed_together_are_one_message(world: World) -> None:
    world.beam.put(A, "RUNNING")
    world.beam.put(B, "RUNNING")
    world.slack.errors = [OutcomeUnknown("reset")]
    world.slack.readable = False
    await world.cancelling.cancel(HERE, [A], via="command")
    await world.cancelling.cancel(HERE, [B], via="command")
    await world.deliver(seconds=3)
    said = [told(one) for one in world.slack.posted]
    joined = [told(one) for _, one in world.slack.amended]
    # The first may have got through, so it goes alone; the second joins it.
    assert (said, joined) == ([[A]], [[A, B]])


@pytest.mark.parametrize("why", ["somebody else", "too late", "something between", "deleted"])
async def test_what_does_not_belong_together_is_told_apart(world: World, why: str) -> None:
    world.beam.put(A, "RUNNING")
    world.beam.put(B, "RUNNING")
    await world.cancelling.cancel(HERE, [A], via="command")
    world.clock.advance(121 if why == "too late" else 20)
    if why == "something between":
        await world.cancelling.cancel(OTHER, [B], via="command")
        world.beam.put(B, "RUNNING")
        world.clock.advance(20)
    if why == "deleted":
        world.slack.gone.add("100.000001")
    place = OTHER if why == "somebody else" else HERE
    await world.cancelling.cancel(place, [B], via="command")
    assert world.slack.amended == []
    assert told(world.slack.posted[-1]) == [B]


async def test_an_edit_that_may_have_got_through_is_repeated_not_posted(world: World) -> None:
    world.beam.put(A, "RUNNING")
    world.beam.put(B, "RUNNING")
    await world.cancelling.cancel(HERE, [A], via="command")
    world.clock.advance(10)
    world.slack.edit_errors = [OutcomeUnknown("reset")]
    await world.cancelling.cancel(HERE, [B], via="command")
    await world.deliver(seconds=3)
    assert [told(one) for one in world.slack.posted] == [[A]]
    assert [told(one) for _, one in world.slack.amended] == [[A, B]]
    assert await world.outbox.oldest_owed() is None


async def test_an_edit_that_may_have_got_through_long_ago_is_told_once_more_at_most(
    world: World,
) -> None:
    world.beam.put(A, "RUNNING")
    world.beam.put(B, "RUNNING")
    await world.cancelling.cancel(HERE, [A], via="command")
    world.clock.advance(10)
    world.slack.edit_errors = [OutcomeUnknown("reset")] * 2
    await world.cancelling.cancel(HERE, [B], via="command")
    world.clock.advance(130)
    await world.deliver(seconds=3)
    assert [told(one) for one in world.slack.posted] == [[A], [B]]
    assert world.slack.amended == []
    assert await world.outbox.oldest_owed() is None


async def test_a_reason_is_in_the_report_and_on_the_card(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    await world.cancelling.cancel(HERE, [A], via="command", reason="it hangs")
    await world.deliver()
    report = next(one.news for one in world.slack.posted if isinstance(one.news, CancelReport))
    assert report.reason == "it hangs"
    shown = world.slack.edits[-1].members[0]
    assert (shown.cancelled_by, shown.cancel_reason) == ("U1", "it hangs")


async def test_a_reason_that_is_given_later_is_shown_everywhere(world: World) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    report = await world.cancelling.cancel(HERE, [A], via="command")
    await world.deliver()
    with pytest.raises(BadRequest, match="Only the person"):
        await world.cancelling.require_own(OTHER, [report.key])
    with pytest.raises(BadRequest, match="Only the person"):
        await world.cancelling.explain(OTHER, [report.key], "not mine to say")
    await world.cancelling.require_own(HERE, [report.key])
    await world.cancelling.explain(HERE, [report.key], "it hangs")
    await world.deliver()
    posts = len(world.slack.posted)
    _, amended = world.slack.amended[-1]
    assert isinstance(amended.news, CancelReport)
    assert amended.news.reason == "it hangs"
    assert world.slack.edits[-1].members[0].cancel_reason == "it hangs"
    await world.deliver()
    assert len(world.slack.posted) == posts


async def test_a_reason_for_a_report_that_was_deleted_holds_up_nothing(world: World) -> None:
    world.beam.put(A, "RUNNING")
    report = await world.cancelling.cancel(HERE, [A], via="command")
    world.slack.edit_errors = [CardGone("message_not_found")]
    world.clock.advance(5)
    await world.cancelling.explain(HERE, [report.key], "it hangs")
    assert await world.outbox.oldest_owed() is None
    assert world.slack.amended == []


async def test_the_question_keeps_the_reason(world: World) -> None:
    world.beam.put(A, "RUNNING")
    question = await world.cancelling.ask(HERE, [A], "it hangs")
    report = await world.cancelling.answer(HERE, question)
    assert report.reason == "it hangs"


async def test_a_group_says_who_cancelled_the_rest(world: World) -> None:
    for task_id in (A, B):
        world.beam.put(task_id, "RUNNING")
    await world.watching.watch(HERE, [A, B])
    await world.cancelling.cancel(HERE, [A, B], via="button", reason="wrong data")
    await world.deliver()
    members = world.slack.edits[-1].members
    assert {(one.cancelled_by, one.cancel_reason) for one in members} == {("U1", "wrong data")}
