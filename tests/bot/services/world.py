"""The services over a real SQLite file, with hand-written fakes of Beam and Slack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.beam.errors import BeamError, TaskNotFound
from bot.errors import SlackUnavailable
from bot.services.accounts import OneAccount
from bot.services.cancel import Cancelling
from bot.services.deliver import Deliverer
from bot.services.doors import Doors
from bot.services.home import HomePages
from bot.services.look_up import LookUp
from bot.services.nudge import Nudger
from bot.services.policy import Policy
from bot.services.poll import Poller
from bot.services.ports import CardGone, DeliveryError, Outgoing, Person
from bot.services.preferences import ChannelPreferences
from bot.services.previews import Previews
from bot.services.report import Reports
from bot.services.watch import Watching
from bot.settings import CancelPolicy
from bot.tasks import Status, Task, TaskId
from bot.tasks.follow import Pace
from bot.tasks.records import Card, CardView, Place
from storage.cancels import CancelStore
from storage.database import Database
from storage.home import HomeStore
from storage.migrate import migrate
from storage.nudges import NudgeStore
from storage.outbox import Outbox
from storage.preferences import PreferenceStore
from storage.report import ReportStore
from storage.shown import ShownStore
from storage.tasks import TaskStore
from storage.timeline import TimelineStore
from storage.watches import WatchStore
from tests.bot.services.fuse import UnsyncedDatabase
from tests.databases import with_driver

A = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
B = TaskId("8b747792-5303-4a42-b530-07ce40786a5f")
HERE = Place("T1", "C1", "U1")


class Clock:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class FakeBeam:
    """Tasks by id; ``broken`` is raised instead of every answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tasks: dict[TaskId, Task] = {}
        self.asked: Counter[TaskId] = Counter()
        self.cancelled: list[tuple[TaskId, ...]] = []
        self.broken: BeamError | None = None
        self.cancels_work = True

    def put(self, task_id: TaskId, status: str) -> None:
        now = self._clock()
        self.tasks[task_id] = Task(task_id, Status(status), created_at=now, started_at=now)

    async def get(self, task_id: TaskId) -> Task:
        self.asked[task_id] += 1
        if self.broken is not None:
            raise self.broken
        if task_id not in self.tasks:
            raise TaskNotFound("no such task")
        return self.tasks[task_id]

    async def cancel(self, task_ids: Sequence[TaskId]) -> None:
        self.cancelled.append(tuple(task_ids))
        for task_id in task_ids if self.cancels_work else ():
            self.tasks[task_id] = replace(self.tasks[task_id], status=Status("CANCELLED"))


@dataclass
class FakeSlack:
    """Takes messages; ``errors`` are raised first, ``lost`` ones after the message was taken."""

    posted: list[Outgoing] = field(default_factory=list)
    edits: list[CardView] = field(default_factory=list)
    amended: list[tuple[str, Outgoing]] = field(default_factory=list)
    errors: list[DeliveryError] = field(default_factory=list)
    edit_errors: list[DeliveryError] = field(default_factory=list)
    lost: list[DeliveryError] = field(default_factory=list)
    searches: int = 0
    readable: bool = True
    """Whether what was posted can be found again (history may be read)."""
    public: set[str] = field(default_factory=set)
    guest_channels: set[str] = field(default_factory=set)
    """Public channels that the guest is in."""
    channels_unknown: bool = False
    gone: set[str] = field(default_factory=set)
    """Messages that somebody deleted."""

    async def post(self, message: Outgoing) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.posted.append(message)
        if self.lost:
            raise self.lost.pop(0)
        return f"100.{len(self.posted):06d}"

    async def find(self, message: Outgoing) -> str | None:
        self.searches += 1
        if not self.readable:
            return None
        keys = [one.key for one in self.posted]
        return f"100.{keys.index(message.key) + 1:06d}" if message.key in keys else None

    async def edit(self, view: CardView) -> None:
        if self.edit_errors:
            raise self.edit_errors.pop(0)
        if view.card.ts in self.gone:
            raise CardGone("message_not_found")
        self.edits.append(view)

    async def amend(self, message: Outgoing, ts: str) -> None:
        if self.edit_errors:
            raise self.edit_errors.pop(0)
        if ts in self.gone:
            raise CardGone("message_not_found")
        self.amended.append((ts, message))

    async def permalink(self, card: Card) -> str | None:
        return f"https://slack/{card.ts}"

    async def open_dm(self, team_id: str, user_id: str) -> str:
        return f"D{user_id}"

    async def open_to(self, team_id: str, person: Person) -> frozenset[str]:
        if self.channels_unknown:
            raise SlackUnavailable("Slack did not say.")
        return frozenset(self.guest_channels if person.guest else self.public)

    async def person(self, team_id: str, user_id: str) -> Person:
        return Person(
            user_id,
            admin=user_id == "UADMIN",
            guest=user_id == "UGUEST",
            stranger=user_id == "USTRANGER",
        )

    def news(self) -> list[Outgoing]:
        """Return the messages that are no cards."""
        return [one for one in self.posted if one.news is not None]


class CountingMeter:
    """Counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def polled(self, result: str) -> None:
        self.counts[f"polled {result}"] += 1

    def behind(self, seconds: float) -> None:
        self.counts["behind"] += 1

    def transitions(self, count: int) -> None:
        self.counts["transitions"] += count

    def delivered(self, kind: str, result: str) -> None:
        self.counts[f"{kind} {result}"] += 1

    def failed(self, where: str) -> None:
        self.counts[f"failed {where}"] += 1

    def database(self, *, up: bool) -> None:
        self.counts["database up" if up else "database down"] += 1

    def stored(self, *, watched: int, overdue: float, oldest_owed: float) -> None:
        self.counts["watched"] = watched


class World:
    """One copy of the bot's services, over a file or a URL. Two over the same are two copies."""

    def __init__(
        self,
        path: Path | str,
        clock: Clock | None = None,
        beam: FakeBeam | None = None,
        slack: FakeSlack | None = None,
        policy: CancelPolicy = CancelPolicy.MEMBERS,
        database: Callable[[str], Database] | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.beam = beam or FakeBeam(self.clock)
        self.slack = slack or FakeSlack()
        self.meter = CountingMeter()
        url = path if isinstance(path, str) else f"sqlite:///{path}"
        self.database = (database or UnsyncedDatabase)(with_driver(url))
        pace = Pace(3, 60, jitter=lambda: 0.5)
        self.tasks, self.watches = TaskStore(self.database), WatchStore(self.database)
        self.accounts = OneAccount(self.beam)
        self.look_up = LookUp(self.accounts, self.tasks, self.watches, self.clock, pace)
        self.outbox = Outbox(self.database)
        self.workspaces = Doors()
        self.deliverer = Deliverer(
            self.outbox,
            self.watches,
            self.slack,
            self.clock,
            self.meter,
            self.workspaces,
            sleep=self.sleep,
        )
        self.watching = Watching(
            self.look_up, self.watches, self.deliverer, self.slack, self.clock, self.sleep
        )
        self.policy = Policy(self.slack, self.watches, policy)
        self.cancelling = Cancelling(
            self.accounts,
            self.look_up,
            CancelStore(self.database),
            self.policy,
            self.deliverer,
            self.clock,
            self.sleep,
        )
        self.reports = Reports(ReportStore(self.database), TimelineStore(self.database), self.clock)
        self.nudger = Nudger(NudgeStore(self.database), self.clock)
        self.previews = Previews(self.look_up, ShownStore(self.database), self.clock)
        self.preferences = ChannelPreferences(
            PreferenceStore(self.database),
            self.policy,
            self.deliverer,
            self.accounts,
            self.reports,
            self.clock,
        )
        self.home = HomePages(
            HomeStore(self.database), self.slack, self.slack, self.look_up, self.clock
        )
        self.poller = Poller(
            self.look_up, self.tasks, self.clock, self.meter, pace, self.workspaces
        )

    async def open(self) -> None:
        await migrate(self.database)
        self.start()

    def start(self) -> None:
        """Start over a database that has its schema."""
        self._outside = asyncio.all_tasks()
        self.poller.start()

    def kill(self) -> None:
        """End like a process that is killed: nothing is finished, nothing more is written."""
        for task in asyncio.all_tasks() - self._outside - {asyncio.current_task()}:
            task.cancel()

    async def close(self) -> None:
        await self.poller.stop(5)
        await self.deliverer.stop()
        await self.database.close()

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def turn(self, seconds: float = 5) -> None:
        """Let time pass, poll what is due, end what silence is over, deliver what is owed."""
        self.clock.advance(seconds)
        await self.poller.tick()
        await self.poller.settle()
        await self.preferences.tick()
        await self.deliver()

    async def deliver(self, seconds: float = 2, times: int = 4) -> None:
        """Deliver as time passes: a channel takes a message a second."""
        for _ in range(times):
            await self.deliverer.tick()
            await self.deliverer.settle()
            self.clock.advance(seconds)
