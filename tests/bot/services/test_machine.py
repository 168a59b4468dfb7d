"""Whatever happens in whatever order, the last message is the last state, told once and in order.

Hypothesis makes up sequences of what people do, what tasks do and what breaks. Each sequence ends
with a world that is well again; the promises must hold by then, and some of them at every step.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from bot.errors import UserError
from bot.tasks import Level, TaskId
from bot.tasks.records import (
    Place,
)
from storage.database import Database
from storage.migrate import migrate
from tests.bot.services.audit import Audit
from tests.bot.services.outside import Copy, MoodyBeam, MoodySlack, SteppedClock, own_tasks
from tests.bot.services.world import World
from tests.torture import TORTURE, many

TASKS = [TaskId(f"07ce4078-bccc-4a42-b530-00000000000{n}") for n in range(4)]
STATUSES = [
    "PENDING",
    "RUNNING",
    "RETRY",
    "COMPLETE",
    "FAILED",
    "ERROR",
    "CANCELLED",
    "TIMEOUT",
    "EXPIRED",
    "PAUSED",
]
which_task = st.sampled_from(TASKS)
which_copy = st.integers(0, 1)
which_channel = st.sampled_from(["C1", "C2"])
which_level = st.sampled_from([None, None, Level.FINAL, Level.FAILURES])
slack_faults = st.tuples(
    st.sampled_from([None, None, *MoodySlack.FAULTS]), st.sampled_from([1, 1, 2, 50])
)
"""In which way Slack fails, and for how many requests."""


class Machine(RuleBasedStateMachine):
    """Two copies of the bot over one file, people, Beam and Slack."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        self.path = self.folder / "bot.db"
        shutil.copy(self.empty, self.path)
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(own_tasks)
        self.clock = SteppedClock()
        self.beam, self.slack = MoodyBeam(self.clock), MoodySlack(self.clock)
        self.copies: list[Copy] = []
        self.audit = Audit(self.path, self.beam, self.slack)
        self.followed: list[TaskId] = []
        self.healthy = True

    # What happens

    @initialize(
        watched=st.lists(which_task, min_size=1, max_size=4, unique=True),
        group=st.booleans(),
        unreadable=st.sets(which_channel),
        level=which_level,
    )
    def start(
        self, watched: list[TaskId], group: bool, unreadable: set[str], level: Level | None
    ) -> None:
        self.slack.unreadable = unreadable
        for task_id in TASKS:
            self.beam.put(task_id, "PENDING")
        for _ in range(2):
            self.copies.append(self.new_copy())
        place = Place("T1", "C1", "U1")
        for ids in [watched] if group else [[one] for one in watched]:
            self.clock.advance(1.3)
            self.watch_here(place, ids, level)

    @rule(
        copy=which_copy,
        tasks=st.lists(which_task, min_size=1, max_size=3, unique=True),
        channel=which_channel,
        level=st.sampled_from([None, *Level]),
        direct=st.booleans(),
    )
    def watch(
        self, copy: int, tasks: list[TaskId], channel: str, level: Level | None, direct: bool
    ) -> None:
        place = Place("T1", channel, "U1")
        self.do(copy, lambda world: world.watching.watch(place, tasks, level, direct=direct))

    @rule(copy=which_copy, task=which_task, channel=which_channel, level=which_level)
    def watch_one(self, copy: int, task: TaskId, channel: str, level: Level | None) -> None:
        place = Place("T1", channel, "U1")
        self.do(copy, lambda world: world.watching.watch(place, [task], level))

    @rule(
        copy=which_copy,
        tasks=st.none() | st.lists(which_task, min_size=1, max_size=2, unique=True),
        channel=st.sampled_from(["C1", "C2", "DU1"]),
    )
    def unwatch(self, copy: int, tasks: list[TaskId] | None, channel: str) -> None:
        place = Place("T1", channel, "U1")
        self.do(copy, lambda world: world.watching.unwatch(place, tasks))

    @rule(task=which_task, status=st.sampled_from(STATUSES))
    def change_unseen(self, task: TaskId, status: str) -> None:
        self.beam.put(task, status)

    @rule(seconds=st.sampled_from([0.3, 1, 4, 15, 61, 130, 301, 700, 4000]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.turn()

    @rule(task=which_task, status=st.sampled_from(STATUSES), faults=slack_faults)
    def change(self, task: TaskId, status: str, faults: tuple[str | None, int]) -> None:
        self.beam.put(task, status)
        self.slack.fault, self.slack.calls_left = faults
        self.clock.advance(61)
        self.turn()
        self.turn()

    @rule(
        task=which_task,
        statuses=st.lists(st.sampled_from(STATUSES), min_size=2, max_size=3),
        copy=which_copy,
        faults=slack_faults,
    )
    def changes_pile_up(
        self, task: TaskId, statuses: list[str], copy: int, faults: tuple[str | None, int]
    ) -> None:
        for status in statuses:
            self.beam.put(task, status)
            self.clock.advance(61)
            self.do(copy, _poll)
        self.slack.fault, self.slack.calls_left = faults
        self.turn()
        self.turn()

    @rule(
        copy=which_copy,
        tasks=st.lists(which_task, min_size=1, max_size=2, unique=True),
        channel=which_channel,
        works=st.booleans(),
    )
    def cancel(self, copy: int, tasks: list[TaskId], channel: str, works: bool) -> None:
        self.beam.cancels_work = works
        place = Place("T1", channel, "U1")
        self.do(copy, lambda world: world.cancelling.cancel(place, tasks, via="command"))

    @rule(copy=which_copy, nth=st.integers(0, 5))
    def refresh(self, copy: int, nth: int) -> None:
        async def work(world: World) -> None:
            found = await world.watches.card(nth + 1)
            if found is not None:
                card = found[0].card
                place = Place(card.team_id, card.channel_id, "U1")
                await world.watching.refresh(place, found[0])

        self.do(copy, work)

    @rule(copy=which_copy)
    def resume(self, copy: int) -> None:
        self.do(copy, lambda world: world.cancelling.resume())

    # What breaks

    @rule(copy=which_copy, points=st.integers(0, 25))
    def kill(self, copy: int, points: int) -> None:
        """Kill a copy now, or when it has waited for something so many times."""
        fuse = self.copies[copy].fuse
        fuse.at = len(fuse.points) + points
        if points == 0:
            self.loop.run_until_complete(self.copies[copy].kill())
            self.copies[copy] = self.new_copy()

    @rule(fault=st.sampled_from([*MoodyBeam.FAULTS]), turns=st.integers(0, 4), stays=st.booleans())
    def beam_fails(self, fault: str, turns: int, stays: bool) -> None:
        self.beam.fault = fault
        for _ in range(turns):
            self.clock.advance(31)
            self.turn()
        self.beam.fault = fault if stays else None

    @rule(channel=st.sampled_from(["C1", "C2", "DU1"]), stays=st.booleans())
    def channel_closes(self, channel: str, stays: bool) -> None:
        self.slack.closed.add(channel)
        self.turn()
        if not stays:
            self.slack.closed.discard(channel)

    @rule(stays=st.booleans())
    def token_is_revoked(self, stays: bool) -> None:
        self.slack.revoked = True
        self.turn()
        self.slack.revoked = stays

    @rule(nth=st.integers(1, 6))
    def card_is_deleted(self, nth: int) -> None:
        for (ts,) in self.audit.query("SELECT ts FROM cards WHERE id = ? AND ts IS NOT NULL", nth):
            self.slack.gone.add(ts)

    @rule()
    def all_is_well(self) -> None:
        self.slack.heal()
        self.beam.fault = None

    @rule(seconds=st.sampled_from([-7200, -3600, -30, -3, 30, 3600]))
    def clock_is_set(self, seconds: float) -> None:
        self.clock.step(seconds)

    # How

    def new_copy(self) -> Copy:
        copy = Copy(self.path, self.clock, self.beam, self.slack)

        async def start(world: World) -> None:
            world.start()

        assert self.loop.run_until_complete(copy.run(start))
        return copy

    def do(self, which: int, work: Callable[[World], Awaitable[object]]) -> None:
        """Have a copy do something; if it dies of it, start another."""

        async def answered() -> bool:
            with contextlib.suppress(UserError):
                return await self.copies[which].run(work)
            return True

        self.healthy = False
        if not self.loop.run_until_complete(answered()):
            self.copies[which] = self.new_copy()
        self.audit.step(copy.world.meter for copy in self.copies)
        self.healthy = True

    def watch_here(self, place: Place, ids: list[TaskId], level: Level | None) -> None:
        self.do(0, lambda world: world.watching.watch(place, ids, level))

    def turn(self, seconds: float = 1.3) -> None:
        """Have every copy poll, side by side, and then deliver."""
        for work in (_take, _settle, _send):
            for which in range(2):
                self.do(which, work)
        self.clock.advance(seconds)

    def teardown(self) -> None:
        try:
            if self.copies and self.healthy:
                self.get_well()
                self.audit.end(self.followed)
        finally:
            for copy in self.copies:
                self.loop.run_until_complete(copy.kill())
            self.loop.close()
            shutil.rmtree(self.folder)

    def get_well(self) -> None:
        self.all_is_well()
        for copy in self.copies:
            copy.fuse.at = None
        # What is watched, or was told to be over a short while ago.
        followed = "SELECT task_id FROM tasks WHERE next_check_at IS NOT NULL"
        self.followed = [TaskId(one) for (one,) in self.audit.query(followed)]
        # First what was held back is due again, then the looks after an end, then what they owe.
        for seconds in (61, 61, 301, 301, 61, 700, 700, 61):
            self.clock.advance(seconds)
            self.resume(0)
            self.turn()
        for _ in range(60):
            if not self.owes():
                break
            self.turn()

    def owes(self) -> bool:
        return bool(self.audit.query("SELECT 1 FROM channels WHERE due_at IS NOT NULL"))


async def _take(world: World) -> None:
    await world.poller.tick()


async def _settle(world: World) -> None:
    await world.poller.settle()


async def _send(world: World) -> None:
    await world.deliverer.tick()
    await world.deliverer.settle()


async def _poll(world: World) -> None:
    await _take(world)
    await _settle(world)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its schema, to start from."""
    path = tmp_path_factory.mktemp("empty") / "bot.db"

    async def make() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return path


def test_whatever_happens_the_last_message_is_the_last_state(empty: Path) -> None:
    Machine.empty = empty
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=many(25, 10_000),
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=not TORTURE,
            suppress_health_check=list(HealthCheck),
            # To make a sequence shorter takes minutes; the seed repeats it as it is.
            phases=[Phase.generate],
            print_blob=False,
        ),
    )
