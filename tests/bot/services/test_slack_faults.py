"""Slack fails in every way that it may: what is owed is told all the same, once and in order."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from bot.services.ports import (
    ChannelClosed,
    DeliveryError,
    NeverDeliverable,
    OutcomeUnknown,
    Outgoing,
    TryLater,
    WorkspaceClosed,
)
from bot.tasks import TaskId
from bot.tasks.records import CardView, ClosedNews, Place, TransitionNews
from tests.bot.services.world import HERE, A, B, Clock, FakeSlack, World
from tests.torture import many

THERE = Place("T1", "C2", "U1")
Fault = Callable[[str, str], DeliveryError | None]
"""By what is tried (``post``, ``edit``, ``find``) and the channel: what goes wrong, if it does."""


def task_id(number: int) -> TaskId:
    return TaskId(f"07ce4078-bccc-4a42-b530-{number:012x}")


class FaultySlack(FakeSlack):
    """Notes every attempt with its time, and fails where ``fault`` says so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.fault: Fault = lambda what, channel: None
        self.tried: list[tuple[str, str, datetime]] = []
        self.slow: dict[str, asyncio.Event] = {}
        """Channels that answer only once their event is set."""

    def _try(self, what: str, channel: str) -> None:
        self.tried.append((what, channel, self._clock()))
        if error := self.fault(what, channel):
            raise error

    async def post(self, message: Outgoing) -> str:
        if waiting := self.slow.get(message.channel_id):
            await waiting.wait()
        self._try("post", message.channel_id)
        return await super().post(message)

    async def edit(self, view: CardView) -> None:
        self._try("edit", view.card.channel_id)
        await super().edit(view)

    async def find(self, message: Outgoing) -> str | None:
        self._try("find", message.channel_id)
        return await super().find(message)

    def times(self, what: str, channel: str) -> list[datetime]:
        return [at for tried, where, at in self.tried if (tried, where) == (what, channel)]

    def told(self, channel: str = "C1") -> list[str]:
        """Return the changes that a channel was told, a reply each."""
        return [
            " → ".join([str(one.news.steps[0].old), *(str(step.new) for step in one.news.steps)])
            for one in self.posted
            if one.channel_id == channel and isinstance(one.news, TransitionNews)
        ]

    def direct(self) -> list[tuple[str, ClosedNews]]:
        return [
            (one.channel_id, one.news) for one in self.posted if isinstance(one.news, ClosedNews)
        ]


class FaultyWorld(World):
    """A world over a Slack that fails."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        clock = clock or Clock()
        self.faulty = FaultySlack(clock)
        super().__init__(path, clock, slack=self.faulty)

    async def until(self, done: Callable[[], bool], *, within: float, step: float = 1) -> None:
        """Let time pass until something holds."""
        passed = 0.0
        while not done():
            assert passed <= within, f"not within {within} s"
            await self.turn(step)
            passed += step + 2

    async def turn(self, seconds: float = 5) -> None:
        self.clock.advance(seconds)
        await self.poller.tick()
        await self.poller.settle()
        await self.deliver(times=2, seconds=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[FaultyWorld]:
    made = FaultyWorld(tmp_path / "test.db")
    await made.open()
    yield made
    await made.close()


async def watched(world: FaultyWorld, *places: Place) -> None:
    world.beam.put(A, "PENDING")
    for place in places or (HERE,):
        await world.watching.watch(place, [A])
    world.clock.advance(2)
    world.faulty.tried.clear()


@pytest.mark.parametrize("wait", [300.0, None])
async def test_a_429_of_an_edit_holds_edits_of_that_channel_alone(
    world: FaultyWorld, wait: float | None
) -> None:
    await watched(world, HERE, THERE)

    def fault(what: str, channel: str) -> DeliveryError | None:
        limited = (what, channel) == ("edit", "C1")
        return TryLater("ratelimited", retry_after=wait) if limited else None

    world.faulty.fault = fault
    world.beam.put(A, "RUNNING")
    began = world.clock()
    await world.until(lambda: bool(world.faulty.told()), within=15)
    assert world.faulty.told("C2") == ["PENDING → RUNNING"]
    assert len(world.faulty.edits) == 1
    if wait is not None:
        await world.until(lambda: world.clock() > began + timedelta(seconds=250), within=300)
        assert len(world.faulty.times("edit", "C1")) == 1
    world.faulty.fault = lambda what, channel: None
    await world.until(lambda: len(world.faulty.edits) == 2, within=320, step=5)


async def test_a_429_of_a_post_holds_posts_of_that_channel_alone_and_as_long_as_said(
    world: FaultyWorld,
) -> None:
    await watched(world, HERE, THERE)
    world.faulty.fault = lambda what, channel: (
        TryLater("ratelimited", retry_after=30.5) if (what, channel) == ("post", "C1") else None
    )
    world.beam.put(A, "RUNNING")
    await world.until(lambda: bool(world.faulty.times("post", "C1")), within=15)
    world.faulty.fault = lambda what, channel: None
    world.beam.put(A, "COMPLETE")
    await world.until(lambda: bool(world.faulty.told()), within=60)
    first, second, *_ = world.faulty.times("post", "C1")
    assert timedelta(seconds=30.5) <= second - first <= timedelta(seconds=36)
    assert world.faulty.told("C1") == ["PENDING → RUNNING → COMPLETE"]
    assert world.faulty.told("C2") == ["PENDING → RUNNING", "RUNNING → COMPLETE"]
    during = [at for at in world.faulty.times("edit", "C1") if first < at < second]
    assert during, "cards are edited while posts are held"


async def test_a_429_while_looking_for_a_doubtful_post_is_waited_for(world: FaultyWorld) -> None:
    await watched(world)
    world.beam.put(A, "RUNNING")
    world.slack.lost = [OutcomeUnknown("TimeoutError")]
    world.faulty.fault = lambda what, channel: (
        TryLater("ratelimited", retry_after=60) if what == "find" else None
    )
    await world.until(lambda: bool(world.faulty.times("find", "C1")), within=15)
    for _ in range(8):
        await world.turn(3)
    assert len(world.faulty.times("find", "C1")) == 1
    world.faulty.fault = lambda what, channel: None
    await world.until(lambda: len(world.faulty.times("find", "C1")) == 2, within=70)
    assert len(world.faulty.posted) == 2, "it had arrived"


@pytest.mark.parametrize("readable", [True, False])
async def test_a_post_that_may_still_arrive_stays_in_doubt_whatever_the_next_attempt_meets(
    world: FaultyWorld, readable: bool
) -> None:
    await watched(world)
    world.slack.readable = readable
    world.beam.put(A, "RUNNING")
    # Slack's answer is lost, and Slack takes the message only much later.
    errors = iter([OutcomeUnknown("TimeoutError"), TryLater("lease_over")])
    world.faulty.fault = lambda what, channel: next(errors, None) if what == "post" else None
    kept: list[Outgoing] = []
    post = world.faulty.post

    async def keep(message: Outgoing) -> str:
        kept.append(message)
        return await post(message)

    world.faulty.post = keep  # type: ignore[method-assign]
    await world.until(lambda: len(kept) == 2, within=30)
    world.faulty.posted.append(kept[0])
    world.beam.put(A, "COMPLETE")
    await world.until(lambda: "RUNNING → COMPLETE" in world.faulty.told(), within=30)
    again = 0 if readable else 1
    assert world.faulty.told() == ["PENDING → RUNNING"] * (1 + again) + ["RUNNING → COMPLETE"]


async def test_edits_that_fail_for_long_starve_no_post_and_are_tried_ever_less(
    world: FaultyWorld,
) -> None:
    await watched(world)
    world.faulty.fault = lambda what, channel: (
        OutcomeUnknown("internal_error") if what == "edit" else None
    )
    world.beam.put(A, "RUNNING")
    await world.until(lambda: bool(world.faulty.told()), within=15)
    for _ in range(60):
        await world.turn(8)
    assert len(world.faulty.times("edit", "C1")) <= 20
    world.beam.put(A, "COMPLETE")
    await world.until(lambda: len(world.faulty.told()) == 2, within=40)
    world.faulty.fault = lambda what, channel: None
    await world.until(lambda: bool(world.faulty.edits), within=70, step=5)
    assert str(world.faulty.edits[-1].members[0].task.status) == "COMPLETE"


@pytest.mark.parametrize(
    ("error", "channels", "replies"),
    [
        (TryLater("not_reached"), many(24, 50), ["PENDING → RUNNING → COMPLETE"]),
        # The first may have arrived before the outage was noticed, so it is repeated as it was.
        (OutcomeUnknown("TimeoutError"), 5, ["PENDING → RUNNING", "RUNNING → COMPLETE"]),
    ],
)
async def test_an_outage_of_an_hour_loses_nothing_and_what_piled_up_is_one_reply(
    world: FaultyWorld, error: DeliveryError, channels: int, replies: list[str]
) -> None:
    places = [Place("T1", f"C{number}", "U1") for number in range(1, channels + 1)]
    for number, place in enumerate(places):
        world.beam.put(task_id(number), "PENDING")
        await world.watching.watch(place, [task_id(number)])
    world.clock.advance(2)
    began = world.clock()
    world.faulty.fault = lambda what, channel: error
    for status in ("RUNNING", "COMPLETE"):
        for number in range(channels):
            world.beam.put(task_id(number), status)
        await world.turn(60)
        await world.deliver(seconds=1, times=2 + channels // 15)
    while world.clock() < began + timedelta(hours=1):
        await world.turn(900)
    assert not any(world.faulty.told(place.channel_id) for place in places)
    world.faulty.fault = lambda what, channel: None
    world.faulty.tried.clear()
    await world.until(
        lambda: all(len(world.faulty.told(p.channel_id)) == len(replies) for p in places),
        within=75,
    )
    assert {tuple(world.faulty.told(place.channel_id)) for place in places} == {tuple(replies)}
    await world.until(lambda: len(world.faulty.edits) >= channels, within=75)
    shown = {view.card.channel_id: str(view.members[0].task.status) for view in world.faulty.edits}
    assert shown == {place.channel_id: "COMPLETE" for place in places}
    for place in places:
        posts = world.faulty.times("post", place.channel_id)
        gaps = [later - sooner for sooner, later in pairwise(posts)]
        assert all(gap >= timedelta(seconds=1) for gap in gaps)


async def test_changes_sent_as_one_message_stay_one_when_its_answer_was_lost(
    world: FaultyWorld,
) -> None:
    await watched(world)
    world.faulty.fault = lambda what, channel: TryLater("service_unavailable")
    for status in ("RUNNING", "RETRY", "COMPLETE"):
        world.beam.put(A, status)
        await world.turn()
    world.faulty.fault = lambda what, channel: None
    world.slack.lost = [OutcomeUnknown("ServerDisconnectedError")]
    await world.until(lambda: bool(world.faulty.told()), within=20)
    for _ in range(10):
        await world.turn()
    assert world.faulty.told() == ["PENDING → RUNNING → RETRY → COMPLETE"]
    assert await world.outbox.oldest_owed() is None


async def test_no_channel_gets_more_than_one_post_a_second(world: FaultyWorld) -> None:
    world.beam.put(A, "PENDING")
    world.beam.put(B, "PENDING")
    await world.watching.watch(HERE, [A])
    await world.watching.watch(HERE, [B])
    for status in ("RUNNING", "COMPLETE"):
        for task in (A, B):
            world.beam.put(task, status)
        world.clock.advance(5)
        await world.poller.tick()
        await world.poller.settle()
        await world.deliver(seconds=0.25, times=20)
    posts = world.faulty.times("post", "C1")
    assert len(posts) == 6
    gaps = [later - sooner for sooner, later in pairwise(posts)]
    assert min(gaps) >= timedelta(seconds=1)


@pytest.mark.parametrize("what", ["post", "edit"])
@pytest.mark.parametrize("code", ["is_archived", "channel_not_found", "not_in_channel"])
async def test_a_closed_channel_ends_its_watches_and_tells_each_owner_once(
    world: FaultyWorld, code: str, what: str
) -> None:
    other = Place("T1", "C1", "U2")
    for number, place in enumerate((HERE, HERE, other)):
        world.beam.put(task_id(number), "RUNNING")
        await world.watching.watch(place, [task_id(number)])
        world.clock.advance(2)
    world.beam.put(A, "RUNNING")
    await world.watching.watch(THERE, [A])
    world.faulty.fault = lambda tried, channel: (
        ChannelClosed(code) if (tried, channel) == (what, "C1") else None
    )
    # The end of the task is the news that finds the channel closed.
    world.beam.put(task_id(0), "COMPLETE")
    await world.until(lambda: len(world.faulty.direct()) == 2, within=15)
    for _ in range(10):
        await world.turn()
    told = {
        where: {t.id: str(t.status) for t in news.tasks} for where, news in world.faulty.direct()
    }
    assert told == {
        "DU1": {task_id(0): "COMPLETE", task_id(1): "RUNNING"},
        "DU2": {task_id(2): "RUNNING"},
    }
    assert {news.reason for _, news in world.faulty.direct()} == {code}
    assert (await world.watching.page(HERE, 1)).total == 0
    assert (await world.watching.page(THERE, 1)).total == 1
    assert await world.outbox.oldest_owed() is None
    asked = world.beam.asked[task_id(1)]
    await world.turn(120)
    assert world.beam.asked[task_id(1)] == asked, "nobody watches it any more"


async def test_the_end_of_a_group_that_could_not_be_posted_is_told_directly(
    world: FaultyWorld,
) -> None:
    for task in (A, B):
        world.beam.put(task, "RUNNING")
    await world.watching.watch(HERE, [A, B])
    world.beam.put(A, "COMPLETE")
    await world.turn()
    world.faulty.fault = lambda what, channel: (
        ChannelClosed("is_archived") if channel == "C1" else None
    )
    world.beam.put(B, "FAILED")
    await world.until(lambda: bool(world.faulty.direct()), within=15)
    ((where, news),) = world.faulty.direct()
    assert where == "DU1"
    assert {t.id: str(t.status) for t in news.tasks} == {A: "COMPLETE", B: "FAILED"}


async def test_a_revoked_token_stops_the_work_quietly_and_it_resumes(world: FaultyWorld) -> None:
    await watched(world, HERE, THERE)
    world.faulty.fault = lambda what, channel: WorkspaceClosed("token_revoked")
    world.beam.put(A, "RUNNING")
    with structlog.testing.capture_logs() as logs:
        await world.turn()
        asked, tried = world.beam.asked[A], len(world.faulty.tried)
        for _ in range(60):
            await world.turn(58)
        loud = [line for line in logs if line["log_level"] in ("warning", "error")]
        assert [line["event"] for line in loud] == [
            "the workspace rejects our token; its work waits"
        ]
        assert len(logs) - len(loud) <= 2, "nothing else is said about it"
    assert world.beam.asked[A] == asked, "nobody could be told"
    assert len(world.faulty.tried) - tried <= 65, "one probe a minute"
    world.beam.put(A, "COMPLETE")
    world.faulty.fault = lambda what, channel: None
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: len(world.faulty.told("C2")) == 2, within=90)
        await world.until(lambda: len(world.faulty.told("C1")) == 2, within=10)
    again = [line for line in logs if line["event"] == "the workspace takes our token again"]
    assert len(again) == 1
    assert world.faulty.told() == ["PENDING → RUNNING", "RUNNING → COMPLETE"]


@pytest.mark.parametrize(
    "error", [ChannelClosed("is_archived"), NeverDeliverable("invalid_blocks")]
)
async def test_any_answer_of_slack_about_a_message_shows_that_the_token_works(
    world: FaultyWorld, error: DeliveryError
) -> None:
    await watched(world, HERE)
    world.beam.put(B, "RUNNING")
    await world.watching.watch(THERE, [B])
    world.clock.advance(2)
    # Only C1 is owed something, and what shows that the token works again is a refusal.
    world.faulty.fault = lambda what, channel: WorkspaceClosed("invalid_auth")
    world.beam.put(A, "RUNNING")
    await world.turn()
    world.faulty.fault = lambda what, channel: error if channel == "C1" else None
    for _ in range(10):
        await world.turn(20)
    assert world.workspaces.closed() == frozenset()
    world.beam.put(B, "COMPLETE")
    await world.until(lambda: world.faulty.told("C2") == ["RUNNING → COMPLETE"], within=60)


async def test_a_copy_takes_up_its_work_when_another_has_sent_what_was_owed(
    world: FaultyWorld, tmp_path: Path
) -> None:
    other = World(tmp_path / "test.db", world.clock, world.beam, world.slack)
    await other.open()
    await watched(world, HERE)
    world.faulty.fault = lambda what, channel: WorkspaceClosed("invalid_auth")
    world.beam.put(A, "RUNNING")
    await world.turn()
    world.faulty.fault = lambda what, channel: None
    await other.deliver()
    await other.close()
    world.beam.put(A, "COMPLETE")
    await world.until(lambda: world.faulty.told()[1:] == ["RUNNING → COMPLETE"], within=90)


async def test_a_message_that_can_never_be_sent_is_set_aside_and_what_follows_goes_on(
    world: FaultyWorld,
) -> None:
    await watched(world)
    world.faulty.fault = lambda what, channel: (
        NeverDeliverable("msg_too_long") if what == "post" else None
    )
    world.beam.put(A, "RUNNING")
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: bool(world.faulty.times("post", "C1")), within=15)
        world.faulty.fault = lambda what, channel: None
        for _ in range(10):
            await world.turn()
    about = [line for line in logs if line.get("reason") == "msg_too_long"]
    assert [line["event"] for line in about] == ["message set aside"]
    assert world.meter.counts["post dead"] == 1
    assert len(world.faulty.times("post", "C1")) == 1
    world.beam.put(A, "COMPLETE")
    await world.until(lambda: world.faulty.told() == ["RUNNING → COMPLETE"], within=15)


async def test_a_card_that_can_never_be_posted_leaves_nothing_owed_behind(
    world: FaultyWorld,
) -> None:
    world.beam.put(A, "PENDING")
    world.faulty.fault = lambda what, channel: TryLater("service_unavailable")
    done = await world.watching.watch(HERE, [A])
    assert not done.posted
    world.beam.put(A, "RUNNING")
    await world.turn()
    world.faulty.fault = lambda what, channel: NeverDeliverable("no_permission")
    for _ in range(10):
        await world.turn(10)
    assert await world.outbox.oldest_owed() is None
    assert (await world.watching.page(HERE, 1)).total == 0
    asked = world.beam.asked[A]
    await world.turn(120)
    assert world.beam.asked[A] == asked


async def test_slow_channels_delay_no_other_as_long_as_one_place_is_free(
    world: FaultyWorld,
) -> None:
    places = [Place("T1", f"C{number}", "U1") for number in range(1, 17)]
    for number, place in enumerate(places):
        world.beam.put(task_id(number), "PENDING")
        await world.watching.watch(place, [task_id(number)])
    world.clock.advance(2)
    answers = asyncio.Event()
    world.faulty.slow = {place.channel_id: answers for place in places[:15]}
    for number in range(16):
        world.beam.put(task_id(number), "RUNNING")
    world.clock.advance(5)
    await world.poller.tick()
    await world.poller.settle()
    async with asyncio.timeout(60):
        while world.faulty.told("C16") != ["PENDING → RUNNING"]:
            await world.deliverer.tick()
            world.clock.advance(0.25)
            await asyncio.sleep(0.01)
    told: Counter[str] = Counter(one.channel_id for one in world.faulty.news())
    assert told == {"C16": 1}
    answers.set()
    await world.deliverer.settle()
    # On a busy machine the clock above went far, and some wait for their next attempt.
    for _ in range(600):
        await world.deliverer.tick()
        await world.deliverer.settle()
        world.clock.advance(0.25)
    replies: dict[str, list[str]] = defaultdict(list)
    for place in places:
        replies[place.channel_id] = world.faulty.told(place.channel_id)
    assert set(map(tuple, replies.values())) == {("PENDING → RUNNING",)}
