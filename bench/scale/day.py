"""A day of one workspace: its tasks are followed, told and paced by the product's own rules."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bench.scale.channel import Channel
from bench.scale.lives import Life, Request, functions, moment, requests, time_of_day
from bench.scale.load import Days, Load
from bench.scale.model import Model, Size, sizes
from bot.services.news import tell
from bot.services.share import Share
from bot.tasks import Level
from bot.tasks.follow import Look, Pace, Tracked, follow
from bot.tasks.records import DEFAULT_ACCOUNT, Card, CardKind, Watch
from storage.codec import News
from storage.outbox import Delivery
from storage.tasks import Told

OWNER = "U1"


class Budget:
    """The account's requests: evenly spaced slots, as ``bot/beam/limiter.py`` hands them out."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.used = 0
        self._free = float("-inf")

    def allows(self, seconds: float) -> float:
        """Return how many requests the next ``seconds`` have room for."""
        return seconds * self.rate

    def slot(self, now: float) -> float:
        """Take the next slot; return when it is."""
        at = max(now, self._free)
        self._free = at + 1 / self.rate
        self.used += 1
        return at


@dataclass(slots=True)
class _Group:
    """A card and what it shows."""

    card: Card
    channel: Channel
    members: dict[str, Tracked]
    active: int


@dataclass(slots=True)
class _Followed:
    life: Life
    group: _Group
    watch: Watch
    pace: Pace
    since: float


class Workspace:
    """One workspace, from the commands that watch to what Slack shows.

    Args:
        model: the assumptions.
        size: how large it is.
        seed: of its dice.
    """

    def __init__(self, model: Model, size: Size, seed: int) -> None:
        self._model, self._size = model, size
        self._dice = random.Random(f"{seed}-{size.kind}-{size.number}")
        self._budget = Budget(model.beam_limit)
        self._share = Share(self._budget)
        self._channels = [Channel(f"C{number}") for number in range(size.channels)]
        self._asked: Counter[int] = Counter()
        self._hours: Counter[int] = Counter()
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._ids = itertools.count(1)
        self.load = Load()

    def run(self) -> Load:
        """Let a day pass; return what it asked for."""
        known = functions(self._model, self._size, self._dice)
        paces = [
            Pace(
                self._model.poll_interval,
                self._model.poll_max_interval,
                self._dice.random,
                usual=one.usual,
            )
            for one in known
        ]
        for one in requests(self._model, self._size, known, self._dice):
            pace = paces[one.function]
            self._at(one.at, lambda now, one=one, pace=pace: self._watch(one, pace, now))  # type: ignore[misc]
        for _ in range(round(self._size.people * self._model.requests)):
            self._at(time_of_day(self._model, self._dice), self._request)
        while self._heap:
            now, _, step = heapq.heappop(self._heap)
            step(now)
        for name, counted in (
            ("channel posts", [one.posts for one in self._channels]),
            ("channel edits", [one.edits for one in self._channels]),
            ("workspace posts", [sum((one.posts for one in self._channels), Counter())]),
            ("workspace edits", [sum((one.edits for one in self._channels), Counter())]),
            ("account", [self._asked]),
            ("workspace hour", [self._hours]),
        ):
            self.load.note(name, max((one for each in counted for one in each.values()), default=0))
        return self.load

    def _at(self, when: float, step: Callable[[float], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), step))

    def _request(self, now: float) -> None:
        self.load.count("requests", now)
        self._hours[int(now // 3600)] += 1
        self.load.rows["requests_seen"] += 1
        if self._dice.random() < self._model.asks:
            self._ask(now)

    def _ask(self, now: float) -> float:
        """Send one request to Beam as soon as the budget has room; return when."""
        at = self._budget.slot(now)
        self.load.count("beam", at)
        self._asked[int(at // 60)] += 1
        return at

    def _watch(self, asked: Request, pace: Pace, now: float) -> None:
        self.load.count("watches", now)
        self.load.count("requests", now)
        self._hours[int(now // 3600)] += 1
        self.load.rows.update(requests_seen=1, cards=1, deliveries=1)
        kind = CardKind.GROUP if len(asked.lives) > 1 else CardKind.TASK
        channel, when = self._channels[asked.channel], moment(now)
        place = ("T1", DEFAULT_ACCOUNT, channel.name)
        card = Card(next(self._ids), *place, None, kind, OWNER, Level.ALL, str(now), 1, 0, when)
        group = _Group(card, channel, {}, len(asked.lives))
        for life in asked.lives:
            task = life.at(self._ask(now))
            self.load.rows.update(tasks=1, watches=1)
            watch = Watch(next(self._ids), *place, task.id, card.id, OWNER, Level.ALL, when)
            tracked = Tracked("T1", DEFAULT_ACCOUNT, task, when)
            group.members[task.id] = tracked
            one = _Followed(life, group, watch, pace, now)
            if task.status.final:
                group.active -= 1
                continue
            first = when + self._stretched(pace).interval(task, when)
            self._plan(one, replace(tracked, next_check_at=first))
        self._owe(group, None, when)
        self._serve(channel, now)

    def _stretched(self, pace: Pace) -> Pace:
        factor = self._share.factor()
        return replace(pace, stretch=factor) if factor > 1 else pace

    def _plan(self, one: _Followed, tracked: Tracked) -> None:
        one.group.members[tracked.task.id] = tracked
        if tracked.next_check_at is not None:
            at = (tracked.next_check_at - _EPOCH).total_seconds()
            self._at(at, lambda now: self._check(one, now))

    def _check(self, one: _Followed, due: float) -> None:
        at = self._ask(due)
        self.load.note("look late", at - due)
        if at > due:
            # The budget is short: the look waits for its slot, and so do those behind it.
            self._at(at, lambda now: self._look(one, now))
        else:
            self._look(one, at)

    def _look(self, one: _Followed, at: float) -> None:
        self.load.count("checks", at)
        tracked = one.group.members[one.watch.task_id]
        now = moment(at)
        planned = tracked.next_check_at or now
        self._share.looked(
            gap=(now - tracked.known_at).total_seconds(),
            planned=(planned - tracked.known_at).total_seconds(),
            wanted=one.pace.wanted(tracked.task, now).total_seconds(),
            now=now,
        )
        self.load.note("stretch", self._share.factor())
        pace = self._stretched(one.pace)
        followed = follow(tracked, Look(now, one.life.at(at)), now=now, pace=pace)
        if followed is None:
            raise AssertionError("a look that is newer than all before it was not taken")
        self._plan(one, followed.tracked)
        if followed.transition is None:
            return
        self.load.count("found", at)
        self.load.rows["transitions"] += 1
        group, status = one.group, followed.tracked.task.status
        if status.final:
            group.active -= 1
            self.load.rows["runs"] += 1
            self.load.lasted(one.since, at)
        members = tuple(each.known for each in group.members.values())
        told = Told(
            one.watch,
            group.card,
            members if group.card.kind is CardKind.GROUP else (),
            group.active,
        )
        for owed in tell(told, followed):
            self.load.rows["deliveries"] += 1
            self._owe(group, owed.news, now)
        if followed.card_changed:
            group.channel.stale.add(group.card.id)
        self._serve(group.channel, at)

    def _owe(self, group: _Group, news: News | None, now: datetime) -> None:
        card = group.card
        group.channel.owed.append(
            Delivery(
                next(self._ids),
                card.team_id,
                card.channel_id,
                card,
                news,
                False,
                0,
                now,
            )
        )

    def _serve(self, channel: Channel, now: float) -> None:
        before = channel.due
        channel.serve(now, self.load)
        if channel.due is not None and channel.due != before:
            self._at(channel.due, lambda then: self._turn(channel, then))

    def _turn(self, channel: Channel, now: float) -> None:
        # A turn that was planned before another one came in between is none any more.
        if channel.due is not None and now >= channel.due:
            channel.due = None
            self._serve(channel, now)


_EPOCH = moment(0.0)


def simulate(model: Model, count: int, *, seed: int = 1, days: int = 1, exact: int = 100) -> Days:
    """Return a day of ``count`` workspaces, or several.

    Args:
        model: the assumptions.
        count: how many workspaces.
        seed: of all dice.
        days: how many days, each with other dice.
        exact: how many workspaces are simulated one by one at most; see ``sizes``.
    """
    loads = []
    for day in range(days):
        whole = Load()
        for size in sizes(model, count, exact=exact):
            whole.add(Workspace(model, size, seed + day).run(), size.weight)
        loads.append(whole)
    return Days(tuple(loads))
