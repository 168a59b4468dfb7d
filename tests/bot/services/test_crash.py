"""A copy is killed at every single point where it waits for something, one run a point."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.services.ports import Outgoing
from bot.tasks import Task, TaskId
from bot.tasks.records import CancelReport, CardView, TransitionNews
from storage.database import Database
from storage.migrate import migrate
from storage.tables import cancels, deliveries
from tests.bot.services.fuse import Fuse, FusedDatabase
from tests.bot.services.world import HERE, A, B, Clock, FakeBeam, FakeSlack, World
from tests.torture import many


class FusedSlack(FakeSlack):
    """Can die around every request to Slack."""

    fuse: Fuse

    async def post(self, message: Outgoing) -> str:
        return await self.fuse.around("post", lambda: super(FusedSlack, self).post(message))

    async def edit(self, view: CardView) -> None:
        return await self.fuse.around("edit", lambda: super(FusedSlack, self).edit(view))


class FusedBeam(FakeBeam):
    """Can die around every request to Beam."""

    fuse: Fuse

    async def get(self, task_id: TaskId) -> Task:
        return await self.fuse.around("get", lambda: super(FusedBeam, self).get(task_id))

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        return await self.fuse.around("cancel", lambda: super(FusedBeam, self).cancel(task_ids))


class Story:
    """Two tasks from the watch to the end, over copies that may die and be started again."""

    def __init__(self, path: Path, at: int | None, *, readable: bool) -> None:
        self.path = path
        self.fuse = Fuse(at)
        self.clock = Clock()
        self.beam, self.slack = FusedBeam(self.clock), FusedSlack(readable=readable)
        self.beam.fuse = self.slack.fuse = self.fuse
        self.real: dict[TaskId, list[str]] = {A: [], B: []}
        self.world = self.new_world()

    def new_world(self) -> World:
        world = World(self.path, self.clock, self.beam, self.slack, database=FusedDatabase)
        assert isinstance(world.database, FusedDatabase)
        world.database.fuse = self.fuse
        world.start()
        return world

    def put(self, task_id: TaskId, status: str) -> None:
        self.beam.put(task_id, status)
        self.real[task_id].append(status)

    async def tell(self) -> None:
        for _ in range(3):
            await self.world.turn(4)

    async def step(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Run a step; if the world dies in it, start another copy. Tell whether it lived."""
        task = asyncio.ensure_future(work())
        blown = asyncio.ensure_future(self.fuse.blown.wait())
        await asyncio.wait({task, blown}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            blown.cancel()
            await task
            return True
        self.world.kill()
        await asyncio.gather(task, return_exceptions=True)
        await self.world.database.engine.dispose()
        self.fuse.at = None
        self.fuse.blown = asyncio.Event()
        # Its leases must run out first.
        self.clock.advance(61)
        self.world = self.new_world()
        return False

    async def run(self) -> None:
        self.put(A, "PENDING")
        self.put(B, "RUNNING")
        for task_id in (A, B):

            async def watch(task_id: TaskId = task_id) -> None:
                await self.world.watching.watch(HERE, [task_id])

            if not await self.step(watch):
                # Nobody answered: the person types it again.
                await self.step(watch)
        await self.step(self.tell)
        for status in ("RUNNING", "FAILED"):
            self.put(A, status)
            await self.step(self.tell)
        cancel = lambda: self.world.cancelling.cancel(HERE, [B], via="command")  # noqa: E731
        self.cancelled = await self.step(cancel)
        await self.step(self.tell)
        self.put(A, "COMPLETE")
        self.clock.advance(301)
        await self.step(self.world.cancelling.resume)
        for _ in range(3):
            await self.step(self.tell)
            self.clock.advance(301)
        await self.step(self.tell)
        await self.world.close()


def heard(slack: FakeSlack, task_id: TaskId) -> list[str]:
    """Return the statuses of a task in the order in which the channel heard of them."""
    path: list[str] = []
    seen: set[str] = set()
    for message in slack.posted:
        news = message.news
        if isinstance(news, TransitionNews) and news.task.id == task_id and message.key not in seen:
            seen.add(message.key)
            for step in news.steps:
                if path:
                    assert step.old == path[-1], f"{path} then {step}"
                else:
                    path.append(str(step.old))
                path.append(str(step.new))
    return path


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


async def tell_story(empty: Path, folder: Path, at: int | None, *, readable: bool) -> Story:
    path = folder / f"{at}-{readable}.db"
    shutil.copy(empty, path)
    story = Story(path, at, readable=readable)
    await asyncio.wait_for(story.run(), 60)
    return story


@pytest.mark.parametrize("readable", [True, False])
async def test_whenever_it_is_killed_nothing_is_lost_and_at_most_one_message_doubled(
    empty: Path, tmp_path: Path, readable: bool
) -> None:
    points = (await tell_story(empty, tmp_path, None, readable=readable)).fuse.points
    assert len(points) > 100
    # A step that has no divisor in common with the rhythm of the points.
    tried = range(1, len(points) + 1, many(29, 1))
    doubled = 0
    for at in tried:
        story = await tell_story(empty, tmp_path, at, readable=readable)
        where = f"killed at {at}, {points[at - 1]}"
        slack = story.slack
        assert heard(slack, A)[-1] == "COMPLETE", where
        extra = sum(Counter(one.key for one in slack.posted).values()) - len(
            {one.key for one in slack.posted}
        )
        assert extra <= (0 if readable else 1), where
        doubled += extra
        # Between Slack's answer and the note of it, and nowhere else.
        if "after post" not in points[max(0, at - 2) : at]:
            assert extra == 0, where
        last = {view.members[0].task.id: view for view in slack.edits}
        assert last[A].members[0].task.status == "COMPLETE", where
        assert last[A].card.wanted == max(
            v.card.wanted for v in slack.edits if v.card.id == last[A].card.id
        )
        cancelled = len(story.beam.cancelled)
        assert cancelled <= 1, where

        async def left(story: Story = story) -> tuple[list[str | None], list[str]]:
            database = Database(f"sqlite+aiosqlite:///{story.path}")
            outcomes = select(cancels.c.outcome)
            states = select(deliveries.c.state)
            found = await database.read(
                lambda tx: (list(tx.scalars(outcomes)), list(tx.scalars(states)))
            )
            await database.close()
            return found

        outcomes, states = await left()
        assert None not in outcomes, where
        assert set(states) == {"sent"}, where
        if cancelled:
            assert any(isinstance(one.news, CancelReport) for one in slack.posted), where
            assert heard(slack, B)[-1:] == ["CANCELLED"], where
    print(f"{len(tried)} of {len(points)} points, readable={readable}, {doubled} doubled")
