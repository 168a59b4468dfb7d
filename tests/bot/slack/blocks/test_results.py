"""What a task left behind is shown cut, opened by buttons while its links last, and in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.slack.blocks.message import check, check_view
from bot.slack.blocks.results import EXCERPT_MAX, full_text_modal, sorry_modal, waiting_modal
from bot.slack.blocks.task_card import NO_BUTTONS, CardButtons, task_card
from bot.tasks import Output, Status, Task, TaskId
from bot.tasks.records import KnownTask

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASK = Task(TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"), Status("COMPLETE"), function="m:f")
URL = "https://outputs.example/a?sig=1&x=<2>|"


def card(task: Task, age: int = 0, buttons: CardButtons | None = None) -> list[dict[str, Any]]:
    known = KnownTask(task, NOW - timedelta(seconds=age))
    shown = task_card(known, now=NOW, buttons=buttons or CardButtons.in_channel(watching=False))
    check(shown)
    return shown.blocks


def buttons_of(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for block in blocks:
        if block["type"] == "actions":
            for element in block["elements"]:
                yield element["text"]["text"], element.get("url")


def text_of(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(block["text"]["text"] for block in blocks if "text" in block)


def whole(view: dict[str, Any]) -> str:
    check_view(view)
    parts = [block for block in view["blocks"] if block["type"] == "rich_text"]
    return "".join(part["elements"][0]["elements"][0]["text"] for part in parts)


def test_links_are_buttons_with_their_expiry() -> None:
    outputs = (Output("poster.png", URL, 3600), Output(":x: <b>", URL, 1800), Output(" ", URL))
    blocks = card(replace(TASK, outputs=outputs))
    expected = [("poster.png", URL), (":x: <b>", URL), ("output", URL), ("Refresh links", None)]
    assert list(buttons_of(blocks)) == expected
    until = int((NOW + timedelta(seconds=1800)).timestamp())
    assert f"*3 outputs* · links work until <!date^{until}^" in text_of(blocks)
    assert "then press *Refresh links*" in text_of(blocks)


def test_a_lapsed_link_is_not_shown() -> None:
    task = replace(TASK, outputs=(Output("a", URL, 60), Output("b", URL, 3600)))
    assert [name for name, _ in buttons_of(card(task, age=59))] == ["a", "b", "Refresh links"]
    assert [name for name, _ in buttons_of(card(task, age=60))] == ["b", "Refresh links"]
    late = card(task, age=3600)
    assert list(buttons_of(late)) == [("Refresh links", None)]
    assert "the links have expired, press *Refresh links*\na, b" in text_of(late)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "https://x/" + "y" * 3_000])
def test_what_is_no_link_that_slack_takes_is_no_button(url: str) -> None:
    blocks = card(replace(TASK, outputs=(Output("a", url, 60),)))
    assert list(buttons_of(blocks)) == [("Refresh links", None)]
    assert "no links to show\na" in text_of(blocks)


def test_links_too_long_for_a_message_give_way_one_by_one() -> None:
    urls = ["https://x/" + "y" * length for length in (2_990, 2_980, 2_970, 2_960, 2_950)]
    outputs = tuple(Output(f"{n}", url, 60) for n, url in enumerate(urls))
    task = replace(TASK, outputs=outputs, result="r" * 9_000, failure_reason="f" * 9_000)
    assert [name for name, _ in buttons_of(card(task))][-2:] == ["4", "Refresh links"]


def test_a_long_result_keeps_its_start_and_its_end_and_is_shown_in_full() -> None:
    text = "begins " + "x" * 5_000 + "\nends"
    blocks = card(replace(TASK, result=text))
    shown = whole({"type": "modal", "title": {"text": "t"}, "blocks": blocks})
    assert len(shown) <= EXCERPT_MAX
    assert shown.startswith("begins x")
    assert shown.endswith("x\nends")
    assert ("Show in full", None) in list(buttons_of(blocks))
    assert whole(full_text_modal(replace(TASK, result=text))) == text


def test_a_short_result_needs_no_button() -> None:
    blocks = card(replace(TASK, result='{"images": 2}', failure_reason="none *really*"))
    assert [name for name, _ in buttons_of(blocks)] == ["Refresh"]
    assert "*Result*" in text_of(blocks)
    assert "*Failure reason*" in text_of(blocks)


def test_the_longest_texts_fit_in_a_modal_and_say_where_they_are_cut() -> None:
    long = "🧨" * 19_999 + "…"
    modal = full_text_modal(replace(TASK, result=long, failure_reason=long))
    assert whole(modal) == long * 2
    assert "as much as Beambot keeps" in str(modal)
    for view in (full_text_modal(TASK), waiting_modal(), sorry_modal("Beam did not answer.")):
        assert whole(view) == ""


def test_without_buttons_there_are_only_names() -> None:
    task = replace(TASK, outputs=(Output("a", URL, 60),), result="x" * 5_000)
    blocks = card(task, buttons=NO_BUTTONS)
    assert list(buttons_of(blocks)) == []
    assert "*1 output*\na" in text_of(blocks)
