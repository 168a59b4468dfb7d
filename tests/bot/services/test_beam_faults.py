"""Beam fails in every way that it may: no status is made up, no end is missed, nobody is nagged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from bot.beam.errors import (
    BadAnswer,
    BeamError,
    RateLimited,
    TaskNotFound,
    Unauthorized,
    Unavailable,
)
from bot.tasks import Level, Task, TaskId
from bot.tasks.records import GoneNews, GroupNews, Place, TransitionNews, Trouble
from tests.bot.services.world import HERE, A, B, Clock, FakeBeam, World


class FaultyBeam(FakeBeam):
    """Notes when it is asked, and fails where ``fault`` says so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.fault: Callable[[TaskId], BeamError | None] = lambda task_id: None
        self.times: list[tuple[TaskId, datetime]] = []

    async def get(self, task_id: TaskId) -> Task:
        self.times.append((task_id, self._clock()))
        # Others ask before this one is answered.
        await asyncio.sleep(0)
        if error := self.fault(task_id):
            raise error
        return await super().get(task_id)

    def break_with(self, error: BeamError | None) -> None:
        self.fault = lambda task_id: error


class FaultyWorld(World):
    """A world over a Beam that fails."""

    def __init__(self, path: Path) -> None:
        clock = Clock()
        self.faulty = FaultyBeam(clock)
        super().__init__(path, clock, beam=self.faulty)

    async def turn(self, seconds: float = 5) -> None:
        self.clock.advance(seconds)
        await self.poller.tick()
        await self.poller.settle()
        await self.deliver(seconds=0.5, times=2)

    async def pass_time(self, seconds: float, step: float = 10) -> None:
        """Let time pass in steps."""
        end = self.clock() + timedelta(seconds=seconds)
        while self.clock() < end:
            await self.turn(step)

    def told(self) -> list[str]:
        """Return all that was told beside cards, a line a message."""
        lines = []
        for one in self.slack.news():
            match one.news:
                case TransitionNews(steps=steps):
                    mark = "corrected " if steps[0].correction else ""
                    chain = [str(steps[0].old), *(str(step.new) for step in steps)]
                    lines.append(mark + " → ".join(chain))
                case GroupNews(failed=None, members=members):
                    lines.append("all over: " + " ".join(str(k.task.status) for k in members))
                case GroupNews(failed=failed):
                    lines.append(f"failed: {failed.status}" if failed else "")
                case GoneNews():
                    lines.append("gone")
        return lines

    def shown(self, channel: str = "C1") -> tuple[str, Trouble | None]:
        """Return what the card in a channel shows now of its first task."""
        member = next(e for e in reversed(self.slack.edits) if e.card.channel_id == channel)
        return str(member.members[0].task.status), member.members[0].trouble


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[FaultyWorld]:
    made = FaultyWorld(tmp_path / "test.db")
    await made.open()
    yield made
    await made.close()


def task_id(number: int) -> TaskId:
    return TaskId(f"07ce4078-bccc-4a42-b530-{number:012x}")


async def many_watched(world: FaultyWorld, count: int, *, apart: float = 0) -> None:
    for number in range(count):
        world.beam.put(task_id(number), "RUNNING")
        await world.watching.watch(Place("T1", f"C{number}", "U1"), [task_id(number)])
        # Each has a time of its own at which it is due.
        world.clock.advance(apart)


@pytest.mark.parametrize(
    "error", [Unavailable("down"), BadAnswer("<html>"), RateLimited("slow", retry_after=30.0)]
)
async def test_an_outage_is_shown_and_logged_once_and_so_is_its_end(
    world: FaultyWorld, error: BeamError
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.faulty.break_with(error)
    with structlog.testing.capture_logs() as logs:
        await world.pass_time(1_800, step=60)
        assert world.shown() == ("RUNNING", Trouble.UNREACHABLE)
        assert len(world.slack.edits) == 1
        world.faulty.break_with(None)
        await world.pass_time(80)
    assert world.shown() == ("RUNNING", None)
    assert len(world.slack.edits) == 2
    assert world.told() == []
    events = [line["event"] for line in logs]
    assert events.count("Beam does not answer") == events.count("Beam answers again") == 1


async def test_what_changed_during_an_outage_is_told_after_it(world: FaultyWorld) -> None:
    world.beam.put(A, "PENDING")
    await world.watching.watch(HERE, [A])
    world.faulty.break_with(Unavailable("down"))
    await world.pass_time(600, step=60)
    world.beam.put(A, "COMPLETE")
    world.faulty.break_with(None)
    await world.pass_time(80)
    assert world.told() == ["PENDING → COMPLETE"]


async def test_retry_after_of_beam_is_honoured(world: FaultyWorld) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.faulty.break_with(RateLimited("slow down", retry_after=200.5))
    await world.turn()
    world.faulty.break_with(None)
    asked = len(world.faulty.times)
    began = world.faulty.times[-1][1]
    await world.pass_time(230)
    waited = world.faulty.times[asked][1] - began
    assert timedelta(seconds=200.5) <= waited <= timedelta(seconds=210)


async def test_a_rejected_token_slows_polling_to_a_probe_and_says_so_once(
    world: FaultyWorld,
) -> None:
    await many_watched(world, 6)
    world.faulty.break_with(Unauthorized("401"))
    asked = len(world.faulty.times)
    with structlog.testing.capture_logs() as logs:
        await world.pass_time(1_800, step=20)
    probes = len(world.faulty.times) - asked
    assert 25 <= probes <= 6 + 35, "the first of each task, then about one a minute"
    assert {world.shown(f"C{number}") for number in range(6)} == {("RUNNING", Trouble.UNAUTHORIZED)}
    assert len(world.slack.edits) == 6, "each card says so once"
    rejected = [line for line in logs if line["log_level"] in ("warning", "error")]
    assert [line["event"] for line in rejected] == [
        "Beam rejects the token; one probe now and then"
    ]
    assert world.told() == []


async def test_all_cards_are_fresh_within_seconds_once_a_probe_gets_through(
    world: FaultyWorld,
) -> None:
    await many_watched(world, 6, apart=7)
    world.faulty.break_with(Unauthorized("401"))
    await world.pass_time(1_800, step=3)
    world.faulty.break_with(None)
    healed, asked = world.clock(), len(world.faulty.times)
    with structlog.testing.capture_logs() as logs:
        while len(world.faulty.times) == asked:
            await world.turn(1)
            assert world.clock() - healed < timedelta(seconds=65), "a probe a minute at least"
        through = world.clock()
        while {world.shown(f"C{number}")[1] for number in range(6)} != {None}:
            await world.turn(0.5)
            assert world.clock() - through < timedelta(seconds=12)
    events = [line["event"] for line in logs]
    assert events.count("Beam takes the token again") == 1


async def test_many_rejections_at_once_leave_the_first_probe_where_it_belongs(
    world: FaultyWorld,
) -> None:
    await many_watched(world, 30)
    world.faulty.break_with(Unauthorized("401"))
    await world.turn(10)
    world.faulty.break_with(None)
    asked = len(world.faulty.times)
    await world.pass_time(12, step=1)
    assert len(world.faulty.times) > asked, "the first probe comes after 5 s"


@pytest.mark.parametrize(
    "error", [Unavailable("down"), BadAnswer("<html>"), RateLimited("slow down")]
)
async def test_no_answer_is_no_sign_that_the_token_works_again(
    world: FaultyWorld, error: BeamError
) -> None:
    await many_watched(world, 5)
    world.faulty.break_with(Unauthorized("401"))
    await world.pass_time(300, step=20)
    edits, asked = len(world.slack.edits), len(world.faulty.times)
    world.faulty.break_with(error)
    with structlog.testing.capture_logs() as logs:
        await world.pass_time(600, step=20)
    assert len(world.faulty.times) - asked <= 12, "still a probe a minute"
    assert "Beam takes the token again" not in [line["event"] for line in logs]
    assert len(world.slack.edits) == edits


async def test_a_task_that_beam_forgot_ends_its_watch_with_a_sentence_after_a_minute(
    world: FaultyWorld,
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    del world.beam.tasks[A]
    asked = len(world.faulty.times)
    await world.turn()
    first = world.clock()
    while not world.told():
        await world.turn(1)
        assert world.clock() - first < timedelta(seconds=130)
    looks = [at for _, at in world.faulty.times[asked:]]
    assert len(looks) >= 3
    assert looks[-1] - looks[0] >= timedelta(seconds=60)
    assert world.told() == ["gone"]
    assert (await world.watching.page(HERE, 1)).total == 0
    asked = len(world.faulty.times)
    await world.pass_time(300, step=20)
    assert len(world.faulty.times) == asked


async def test_many_404s_within_a_minute_are_not_yet_the_end(world: FaultyWorld) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    there = world.beam.tasks.pop(A)
    await world.pass_time(40, step=1)
    assert world.told() == []
    world.beam.tasks[A] = there
    await world.pass_time(60)
    assert world.told() == []
    assert (await world.watching.page(HERE, 1)).total == 1


@pytest.mark.parametrize(
    "between", [Unavailable("down"), BadAnswer("404, but a web page"), Unauthorized("401")]
)
async def test_a_404_amid_an_outage_does_not_count(world: FaultyWorld, between: BeamError) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    answers = [TaskNotFound("404"), TaskNotFound("404"), between] * 200
    world.faulty.fault = lambda task_id: answers.pop(0)
    await world.pass_time(600, step=15)
    assert len(answers) < 585, "it was asked for"
    assert world.told() == []
    assert (await world.watching.page(HERE, 1)).total == 1
    world.faulty.break_with(BadAnswer("404, but a web page"))
    await world.pass_time(600, step=60)
    assert (await world.watching.page(HERE, 1)).total == 1


async def looks_after(world: FaultyWorld, end: str) -> list[float]:
    """Return how many seconds after its end a task is looked at."""
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, end)
    await world.turn()
    ended, asked = world.faulty.times[-1][1], len(world.faulty.times)
    await world.pass_time(700, step=10)
    await world.pass_time(3_600, step=120)
    return [(at - ended).total_seconds() for _, at in world.faulty.times[asked:]]


@pytest.mark.parametrize("end", ["FAILED", "ERROR", "CANCELLED", "TIMEOUT", "EXPIRED"])
async def test_an_end_is_looked_at_again_after_one_and_ten_minutes_and_no_more(
    world: FaultyWorld, end: str
) -> None:
    first, second = await looks_after(world, end)
    assert 60 <= first <= 75
    assert 600 <= second <= 630
    assert world.told() == [f"RUNNING → {end}"]


async def test_complete_is_the_end(world: FaultyWorld) -> None:
    assert await looks_after(world, "COMPLETE") == []


@pytest.mark.parametrize("after", [30, 300])
@pytest.mark.parametrize(("end", "truth"), [("CANCELLED", "COMPLETE"), ("FAILED", "TIMEOUT")])
async def test_an_end_that_moved_is_corrected_in_the_thread_and_on_the_card(
    world: FaultyWorld, end: str, truth: str, after: float
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, end)
    await world.turn()
    await world.pass_time(after)
    world.beam.put(A, truth)
    await world.pass_time(640, step=10)
    assert world.told() == [f"RUNNING → {end}", f"corrected {end} → {truth}"]
    assert world.shown() == (truth, None)


async def test_a_task_that_runs_on_after_all_is_followed_to_its_new_end(
    world: FaultyWorld,
) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "FAILED")
    await world.turn()
    world.beam.put(A, "RUNNING")
    await world.pass_time(80)
    assert (await world.watching.page(HERE, 1)).total == 1
    assert world.shown() == ("RUNNING", None)
    world.beam.put(A, "COMPLETE")
    await world.pass_time(60)
    assert world.told() == ["RUNNING → FAILED", "corrected FAILED → RUNNING", "RUNNING → COMPLETE"]
    assert world.slack.news()[-1].broadcast
    assert world.shown() == ("COMPLETE", None)


async def test_a_corrected_member_of_a_group_is_told_and_the_new_end_too(
    world: FaultyWorld,
) -> None:
    for task in (A, B):
        world.beam.put(task, "RUNNING")
    await world.watching.watch(HERE, [A, B])
    world.beam.put(A, "COMPLETE")
    world.beam.put(B, "FAILED")
    await world.pass_time(20)
    first = ["failed: FAILED", "all over: COMPLETE FAILED"]
    assert world.told() == first
    world.beam.put(B, "RUNNING")
    await world.pass_time(80)
    corrected = [*first, "corrected FAILED → RUNNING"]
    assert world.told() == corrected
    world.beam.put(B, "COMPLETE")
    await world.pass_time(60)
    assert world.told() == [*corrected, "all over: COMPLETE COMPLETE"]
    last = world.slack.edits[-1]
    assert [str(known.task.status) for known in last.members] == ["COMPLETE", "COMPLETE"]


async def test_a_group_whose_end_moved_straight_to_another_is_corrected_once(
    world: FaultyWorld,
) -> None:
    for task in (A, B):
        world.beam.put(task, "RUNNING")
    await world.watching.watch(HERE, [A, B])
    world.beam.put(A, "COMPLETE")
    world.beam.put(B, "CANCELLED")
    await world.pass_time(20)
    before = world.told()
    world.beam.put(B, "COMPLETE")
    await world.pass_time(640, step=10)
    assert world.told() == [*before, "corrected CANCELLED → COMPLETE"]
    assert [str(known.task.status) for known in world.slack.edits[-1].members] == [
        "COMPLETE",
        "COMPLETE",
    ]


async def test_a_correction_is_told_where_the_end_was_told(world: FaultyWorld) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A], Level.FAILURES)
    world.beam.put(A, "FAILED")
    await world.turn()
    world.beam.put(A, "COMPLETE")
    await world.pass_time(80)
    assert world.told() == ["RUNNING → FAILED", "corrected FAILED → COMPLETE"]


async def test_the_second_look_at_an_end_waits_out_an_outage(world: FaultyWorld) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "CANCELLED")
    await world.turn()
    world.faulty.break_with(Unavailable("down"))
    world.beam.put(A, "COMPLETE")
    await world.pass_time(1_800, step=60)
    assert world.told() == ["RUNNING → CANCELLED"]
    world.faulty.break_with(None)
    await world.pass_time(80)
    assert world.told() == ["RUNNING → CANCELLED", "corrected CANCELLED → COMPLETE"]


async def test_that_beam_forgets_a_task_that_is_over_is_no_news(world: FaultyWorld) -> None:
    world.beam.put(A, "RUNNING")
    await world.watching.watch(HERE, [A])
    world.beam.put(A, "FAILED")
    await world.turn()
    del world.beam.tasks[A]
    await world.pass_time(1_200, step=40)
    assert world.told() == ["RUNNING → FAILED"]
    assert world.shown() == ("FAILED", None)
    asked = len(world.faulty.times)
    await world.pass_time(1_200, step=60)
    assert len(world.faulty.times) == asked
