"""A group's card says what is asked of it at a glance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.slack.blocks.group_card import group_card
from bot.slack.blocks.group_news import group_news
from bot.slack.blocks.message import roughly
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.records import Card, CardKind, CardView, GroupNews, KnownTask, Step
from bot.tasks.usual import Usual

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def members(**counts: int) -> tuple[KnownTask, ...]:
    statuses = [status for status, count in counts.items() for _ in range(count)]
    return tuple(
        KnownTask(
            Task(
                TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}"),
                Status(status),
                created_at=NOW - 2 * MINUTE,
                started_at=None if status == "PENDING" else NOW - MINUTE,
                ended_at=NOW if status in ("COMPLETE", "FAILED") else None,
                function="thumbs:make",
                failure_reason="out of memory" if status == "FAILED" else None,
            ),
            NOW,
        )
        for number, status in enumerate(statuses)
    )


def view(shown: tuple[KnownTask, ...], **more: Any) -> CardView:
    card = Card(1, "T1", "default", "C1", None, CardKind.GROUP, "U1", Level.ALL, "1", 1, 1, NOW)
    return CardView(card, shown, watching=True, **more)


USUAL = {"thumbs:make": Usual(ran=(300.0,) * 5)}


def text_of(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(block["text"]["text"] for block in blocks if "text" in block)


def test_the_headline_says_how_many_how_bad_and_how_long() -> None:
    shown = group_card(view(members(COMPLETE=37, FAILED=2, RUNNING=11), usual=USUAL), NOW)
    assert "*37 of 50 complete, 2 failed, about 4 min left*" in text_of(shown.blocks)
    assert "▓▓▓▓▓▓▓▓░░ 78 % over · the last one ends about <!date^" in text_of(shown.blocks)
    assert shown.text.startswith("50 tasks: 37 of 50 complete, 2 failed. About 4 min left.")


def test_no_time_is_made_up() -> None:
    shown = group_card(view(members(COMPLETE=2, RUNNING=3)), NOW)
    assert "left" not in shown.text + text_of(shown.blocks)


def test_failures_link_to_where_they_were_told() -> None:
    both = members(FAILED=2)
    shown = group_card(view(both), NOW, links={both[0].task.id: "https://slack/p1?a=1&cid=C1"})
    said = text_of(shown.blocks)
    assert "*<https://slack/p1?a=1&amp;cid=C1|thumbs:make>* `07ce4078" in said
    assert said.count("<https://") == 1


def test_what_came_together_is_one_reply() -> None:
    every = members(COMPLETE=6, FAILED=2, RUNNING=4)
    step = Step(Status("RUNNING"), Status("FAILED"), None, MINUTE)
    failed = [GroupNews((), known.task, None, (step,)) for known in every[6:8]]
    half = GroupNews((), None, None, milestone=50)
    news = replace(failed[0], members=every, folded=(failed[1], half))
    said = group_news(news).text
    assert said.startswith("2 tasks failed: *thumbs:make* `07ce4078-bccc-4a42-b530-000000000006`")
    assert said.endswith("Half of the tasks are complete: 6 of 12 complete, 2 failed.")
    alone = group_news(replace(half, members=every))
    assert "Half of the tasks are complete" in text_of(alone.blocks)


def test_estimates_are_rounded() -> None:
    said = [roughly(timedelta(seconds=s)) for s in (0, 59, 60, 250, 5_000, 5_400, 9_000, 200_000)]
    assert said == [
        "less than a minute",
        "less than a minute",
        "about 1 min",
        "about 4 min",
        "about 83 min",
        "about 2 h",
        "about 2 h",
        "about 2 d",
    ]


def test_a_row_says_what_is_out_of_the_ordinary_and_only_that() -> None:
    quick = {"thumbs:make": Usual(ran=(10.0,) * 5)}
    shown = group_card(view(members(RUNNING=2), usual={"thumbs:make": Usual((40.0,) * 5)}), NOW)
    assert "usual" not in text_of(shown.blocks)
    later = NOW + 2 * MINUTE
    slow = group_card(view(members(RUNNING=2), usual=quick), later)
    assert text_of(slow.blocks).count("(running 18 times as long as usual (10 s))") == 2
