"""The promises, checked against what is stored, what Slack shows and what Beam said."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bot.tasks import Level, Status, TaskId
from bot.tasks.records import GroupNews, Step, TransitionNews
from tests.bot.services.outside import MoodyBeam, MoodySlack
from tests.bot.services.world import CountingMeter


class Audit:
    """Looks at a database, a Slack and a Beam from outside.

    Args:
        path: the database.
        beam: what is true.
        slack: what people see.
    """

    def __init__(self, path: Path, beam: MoodyBeam, slack: MoodySlack) -> None:
        self._path = path
        self._beam = beam
        self._slack = slack
        self._levels: dict[int, set[Level]] = defaultdict(set)
        self._began: dict[tuple[int, str], str] = {}
        """What a card's task was when the card was made."""
        self._checked = 0

    def query(self, statement: str, *values: object) -> list[Any]:
        """Return what a statement finds."""
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(statement, values).fetchall()

    def step(self, meters: Iterable[CountingMeter]) -> None:
        """Check what must hold at any moment."""
        assert not self._slack.complaints
        for meter in meters:
            assert not [what for what in meter.counts if what.startswith("failed")]
        for card_id, level in self.query("SELECT id, level FROM cards"):
            self._levels[card_id].add(Level(level))
        for card_id, task_id, status in self.query(
            "SELECT w.card_id, w.task_id, t.status FROM watches w"
            " JOIN tasks t ON t.task_id = w.task_id"
        ):
            self._began.setdefault((card_id, task_id), status)
        for message in self._slack.posted[self._checked :]:
            news, view = message.news, message.view
            if isinstance(news, TransitionNews) and view is not None:
                asked = self._levels[view.card.id]
                for step in news.steps:
                    assert any(_wants(level, step) for level in asked), (asked, step)
        self._checked = len(self._slack.posted)
        for shown in self._slack.shown.values():
            for task_id, status in shown.statuses.items():
                assert status in self._beam.had[task_id]

    def end(self, followed: Sequence[TaskId]) -> None:
        """Check what must hold once all is well again."""
        stored = dict(self.query("SELECT task_id, status FROM tasks"))
        for task_id in followed:
            assert stored[task_id] == self._beam.tasks[task_id].status, task_id
        assert not self.query("SELECT id FROM deliveries WHERE state NOT IN ('sent', 'dead')")
        assert not self.query("SELECT id FROM cancels WHERE outcome IS NULL")
        dead = "SELECT error FROM deliveries WHERE state = 'dead'"
        assert {error for (error,) in self.query(dead)} <= {"is_archived"}
        stale = "SELECT id FROM cards WHERE wanted > shown AND refused IS NULL"
        assert not self.query(stale)
        self._cards(stored)
        self._told(stored)

    def _cards(self, stored: dict[str, str]) -> None:
        watched = set(self.query("SELECT card_id, task_id FROM watches WHERE ended_at IS NULL"))
        for card_id, kind in self.query("SELECT id, kind FROM cards WHERE refused IS NULL"):
            shown = self._slack.shown[card_id]
            if shown.view.card.ts in self._slack.gone and not shown.view.watching:
                continue
            on_card = {task for card, task in watched if card == card_id}
            assert shown.view.watching == bool(on_card), (card_id, kind)
            for task_id in on_card:
                assert shown.statuses[TaskId(task_id)] == stored[task_id]
            assert all(one.trouble is None for one in shown.view.members if one.task.id in on_card)

    def _told(self, stored: dict[str, str]) -> None:
        told: dict[tuple[int, str], list[Step]] = defaultdict(list)
        keys: set[str] = set()
        for message in self._slack.posted:
            if message.key in keys:
                assert message.key in self._slack.blind, f"{message.key} was told twice"
                continue
            keys.add(message.key)
            news, view = message.news, message.view
            if view is not None and isinstance(news, TransitionNews):
                told[view.card.id, news.task.id].extend(news.steps)
            elif view is not None and isinstance(news, GroupNews):
                for one in (news, *news.folded):
                    if one.failed is not None:
                        told[view.card.id, one.failed.id].extend(one.steps)
        rows = self.query(
            "SELECT c.id, c.kind, w.task_id, w.ended_at IS NULL, w.end_reason FROM watches w"
            " JOIN cards c ON c.id = w.card_id WHERE c.refused IS NULL AND c.id NOT IN"
            # What a closed channel was owed is owed no more.
            " (SELECT card_id FROM deliveries WHERE state = 'dead' AND card_id IS NOT NULL)"
        )
        for card_id, kind, task_id, active, reason in rows:
            steps = told[card_id, task_id]
            if self._levels[card_id] == {Level.ALL} and kind == "task":
                chain = [self._began[card_id, task_id], *(str(step.new) for step in steps)]
                assert [str(step.old) for step in steps] == chain[:-1]
                # A run of retries is told with what ends it.
                folding = chain.count("RETRY") >= 2 and Status(stored[task_id]).in_flight
                if (active or reason == "final") and not folding:
                    assert chain[-1] == stored[task_id], (card_id, chain)
            if reason == "final" and (kind == "task" or Status(stored[task_id]).bad):
                wanted = [level.wants(Status(stored[task_id])) for level in self._levels[card_id]]
                if all(wanted):
                    assert str(steps[-1].new) == stored[task_id], (card_id, steps)


def _wants(level: Level, step: Step) -> bool:
    # Where an end was told, its correction is told.
    return level.wants(step.new) or (step.old.final and level.wants(step.old))
