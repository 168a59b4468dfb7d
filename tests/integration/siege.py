"""A siege: watched tasks that change all the time, and a bot that is killed again and again."""

from __future__ import annotations

import itertools
import random
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.beam.life import FINAL
from demo.workspace.model import BOT_USER_ID
from tests.integration.nursery import QuickStack
from tests.stack import ANA, OMAR, Stack, eventually

PUBLIC = tuple(f"C0SIEGE{number}" for number in range(5))
PRIVATE = tuple(f"G0SIEGE{number}" for number in range(5))
ENDS = ("COMPLETE", "FAILED", "TIMEOUT", "EXPIRED", "ERROR")
DIRECT = ("D0ANA", "D0OMAR")
READABLE = ("C", "D")
"""What kinds of channels the bot may read back in a siege: not the private ones."""
LATE = 0.25
"""Seconds: a post that lay in a socket when its sender was killed is taken after the kill."""
REPORTED = 50
"""Kills between two lines that say how far it is."""

_PATH = re.compile(r"`([A-Z]+)`(?= →)|(?<=→ )`([A-Z]+)`")


@dataclass(slots=True)
class Verdict:
    """What a siege came to."""

    kills: int = 0
    posts: int = 0
    changes: int = 0
    cancels: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    """Keys of messages that were posted again, once for each time."""

    def __str__(self) -> str:
        return (
            f"kills={self.kills} posts={self.posts} changes={self.changes} cancels={self.cancels}"
            f" lost={len(self.lost)} wrong={len(self.wrong)} doubled={len(self.doubled)}"
        )


class Siege:
    """Besieges a bot.

    Args:
        folder: for the database and the logs.
        seed: decides what happens when, as far as processes obey.
        watched: how many tasks are in flight at a time.
        settings: of the bot, beside and instead of the usual ones.
        new_stack: makes the three programs.
        http: whether Slack reaches the bot over HTTP.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        watched: int = 20,
        settings: dict[str, str] | None = None,
        new_stack: Callable[..., Stack] = QuickStack,
        *,
        http: bool = True,
    ) -> None:
        self.dice = random.Random(seed)
        self.watched = watched
        self.channels = [*PUBLIC, *PRIVATE, *DIRECT]
        self.stack = new_stack(
            folder, http=http, settings=settings, scopes=("channels:history",), empty=True
        )
        members = [ANA, OMAR, BOT_USER_ID]
        self.stack.control("channels", ids=[*PUBLIC, *PRIVATE], members=members)
        self.places: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.killed_at: list[float] = []
        self.cancelled: set[str] = set()

    def run(self, kills: int) -> Verdict:
        """Kill the bot so often, let it heal, and judge what is left."""
        began = time.monotonic()
        for number in range(1, kills + 1):
            self._round()
            if number % REPORTED == 0:
                took = time.monotonic() - began
                print(f"kills={number} of {kills} seconds={took:.0f}", file=sys.stderr, flush=True)
        self.stack.start_bot()
        self.top_up(new=False)
        self.end_soon()
        eventually(lambda: not self.open_ends(), "it heals", patience=300)
        return self.judge()

    def _round(self) -> None:
        process = self.stack.start_bot(wait=False) if self.killed_at else None
        if process is not None and self.dice.random() < 0.25:
            time.sleep(self.dice.uniform(0, 0.6))
        else:
            self.stack.see_ready()
            self.top_up()
            time.sleep(self.dice.uniform(0, 1.2))
            if self.dice.random() < 0.3:
                self._cancel_one()
                time.sleep(self.dice.uniform(0, 0.5))
        self.stack.stop_bot(signal.SIGKILL)
        self.killed_at.append(time.time())

    def top_up(self, *, new: bool = True, again: bool = True) -> None:
        """Have as many tasks watched as there should be.

        Args:
            new: whether to start any.
            again: whether to ask again for what a kill may have swallowed.
        """
        known = dict(self.stack.rows("SELECT task_id, ended_at IS NULL FROM watches"))
        for task, channel in self.places.items():
            if again and task not in known:
                self._watch(task, channel)
        spare = self.watched - sum(known.values()) - len(self.places.keys() - known.keys())
        for _ in range(spare if new else 0):
            life = self._life()
            task = self.stack.task(*life)
            self.ends[task] = life[-1][1]
            self.places[task] = self.dice.choice(self.channels)
            self._watch(task, self.places[task])

    def _life(self) -> list[tuple[float, str]]:
        at, life = 0.0, [(0.0, "PENDING")]
        for number in range(self.dice.randint(3, 9)):
            at += self.dice.uniform(0.3, 2.5)
            life.append((at, "RETRY" if number % 2 else "RUNNING"))
        return [*life, (at + self.dice.uniform(0.3, 2.5), self.dice.choice(ENDS))]

    def end_soon(self) -> None:
        for row in self.stack.client.get(f"{self.stack.beam}/_control/tasks").json():
            if not row["simulation"]["over"]:
                # Its own end: it may have come to that since we asked.
                end = [[self.dice.uniform(0, 2), self.ends[row["id"]]]]
                url = f"{self.stack.beam}/_control/tasks/{row['id']}"
                self.stack.client.post(url, json={"life": end}).raise_for_status()

    def _watch(self, task: str, channel: str) -> None:
        self._say(f"watch {task}", channel)

    def _cancel_one(self) -> None:
        live = self.stack.rows("SELECT task_id FROM watches WHERE ended_at IS NULL ORDER BY id")
        if live:
            (task,) = self.dice.choice(live)
            self.cancelled.add(task)
            self._say(f"cancel {task}", self.places[task])

    def _say(self, text: str, channel: str) -> None:
        user = OMAR if channel == "D0OMAR" else ANA
        self.stack.command(text, user=user, channel=channel)

    def open_ends(self) -> list[Any]:
        """Return what is still owed, watched, to be shown or to be settled."""
        known = {row[0] for row in self.stack.rows("SELECT task_id FROM watches")}
        return [
            *(self.places.keys() - known),
            *self.stack.rows("SELECT id FROM watches WHERE ended_at IS NULL"),
            *self.stack.rows("SELECT id, state FROM deliveries WHERE state <> 'sent'"),
            *self.stack.rows("SELECT id, refused FROM cards WHERE ts IS NULL OR shown <> wanted"),
            *self.stack.rows("SELECT id FROM cancels WHERE outcome IS NULL"),
        ]

    def judge(self) -> Verdict:
        """Compare what Slack has with what happened."""
        verdict = Verdict(kills=len(self.killed_at))
        posts = sorted(self.stack.posts(), key=lambda post: float(post["ts"]))
        verdict.posts = len(posts)
        # What was posted again may say more than before: what was owed since is in it too.
        lasts: dict[str, dict[str, Any]] = {}
        excused: set[tuple[float, str]] = set()
        latest: dict[str, float] = {}
        for post in posts:
            key, at, channel = post["metadata"]["key"], float(post["ts"]), post["channel"]
            if key in lasts:
                verdict.doubled.append(f"{key} in {channel}")
                between = [kill for kill in self.killed_at if latest[key] - LATE < kill < at]
                hit = (between[0], channel) if between else None
                # A kill excuses one post in flight a channel, and only where nothing can be read.
                if hit is None or hit in excused or channel.startswith(READABLE):
                    verdict.wrong.append(f"{key} was posted again in {channel} at {at}")
                else:
                    excused.add(hit)
            lasts[key] = post
            latest[key] = at
        there = {(post["channel"], post["ts"]) for post in posts}
        for row in self.stack.rows("SELECT id, channel_id, state, ts, kind, data FROM deliveries"):
            if row[2] != "sent" or (row[1], row[3]) not in there:
                verdict.lost.append(f"delivery {row[:5]}")
        self._judge_threads(list(lasts.values()), verdict)
        verdict.cancels = len(self.cancelled)
        return verdict

    def _judge_threads(self, posts: list[dict[str, Any]], verdict: Verdict) -> None:
        threads: dict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
        for post in posts:
            threads[post["channel"], post["thread_ts"]].append(post)
        rows = self.stack.client.get(f"{self.stack.beam}/_control/tasks").raise_for_status().json()
        last = {row["id"]: row["simulation"]["status"] for row in rows}
        cards = self.stack.rows(
            "SELECT w.task_id, c.channel_id, c.ts, w.end_reason FROM watches w"
            " JOIN cards c ON c.id = w.card_id"
        )
        shown = {(post["channel"], post["ts"]): post for post in self.stack.posts()}
        if sorted(task for task, *_ in cards) != sorted(self.places):
            verdict.wrong.append("not every task has one watch")
        for task, channel, ts, reason in cards:
            replies = threads[channel, ts]
            told = [_PATH.findall(post["text"]) for post in replies]
            paths = [[one or other for one, other in path] for path in told]
            changes = self.stack.rows(
                f"SELECT old, new FROM transitions WHERE task_id = '{task}' ORDER BY seq"  # noqa: S608  # our own id
            )
            verdict.changes += len(changes)
            steps = [pair for path in paths for pair in itertools.pairwise(path)]
            if steps != changes:
                verdict.wrong.append(f"{task} was told {paths}, saw {changes}")
            if any(one[1] != two[0] for one, two in itertools.pairwise(steps)):
                verdict.wrong.append(f"the chain of {task} is broken: {paths}")
            ends = [post for post in replies if post["broadcast"]]
            if len(ends) != (reason == "final"):
                verdict.wrong.append(f"{task} ({reason}) has {len(ends)} broadcasts")
            end = changes[-1][1] if changes else last[task]
            if last[task] not in FINAL or end != last[task]:
                verdict.wrong.append(f"{task} is {last[task]} and was told as {end}")
            if last[task] not in shown[channel, ts]["text"]:
                verdict.wrong.append(f"the card of {task} shows {shown[channel, ts]['text']}")
