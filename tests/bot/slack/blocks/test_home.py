"""Home keeps Slack's limits whatever is watched, and says what matters first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from bot.slack.blocks.home import SHOWN, help_modal, home_view, problem_view
from bot.slack.blocks.message import action_name, check_view
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.home import Attention, Concern, Counts, HomePage
from bot.tasks.records import CardKind, KnownTask, WatchPage, WatchRow
from tests.bot.slack.blocks.test_limits import HOSTILE, NOW, card, formatted, many

NOBODY = WatchPage((), 1, 1, 0)
TASK = Task(TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"), Status("RUNNING"), created_at=NOW)
RUNNING = KnownTask(TASK, NOW)
LINK = "https://acme.slack.com/archives/C1/p1"


def row(*members: KnownTask, owner: str = "U1") -> WatchRow:
    kind = CardKind.TASK if len(members) == 1 else CardKind.GROUP
    return WatchRow(card(kind), members, owner, Level.ALL, NOW, LINK)


def page(*rows: WatchRow, **rest: Any) -> HomePage:
    mine = WatchPage(rows, 1, 1, len(rows))
    base = HomePage("U1", NOW, Counts(running=len(rows)), (), mine, NOBODY)
    return replace(base, **rest)


def buttons(view: dict[str, Any]) -> list[str]:
    return [
        element["action_id"]
        for block in view["blocks"]
        for element in [*block.get("elements", ()), block.get("accessory") or {}]
        if element.get("type") == "button"
    ]


def texts(view: dict[str, Any]) -> str:
    return json.dumps(view, ensure_ascii=False)


@settings(max_examples=25, deadline=None)
@given(many(4, 4))
def test_a_full_home_of_anything(few: tuple[KnownTask, ...]) -> None:
    attention = tuple(
        Attention(concern, known, card(CardKind.TASK), LINK) for concern in Concern for known in few
    )
    mine = WatchPage((*map(row, few * 2), *[row(*few * 12)] * 4), 2, 3, 24)
    others = WatchPage(tuple(row(known, owner="U0ANA") for known in few * 3), 2, 9, 70)
    full = HomePage("U1", NOW, Counts(9, 9, 9, 9, 9), attention, mine, others)
    view = home_view(full, NOW, notice="x" * 3_000)
    check_view(view)
    ids = buttons(view)
    assert len(ids) == len(set(ids))
    said = "\n".join(formatted(view["blocks"]))
    for hostile in ("<!channel>", "<!here>", "<https://evil.example"):
        assert hostile not in said


@pytest.mark.parametrize("name", [*HOSTILE, "ש" * 300, "train" * 60])
def test_names_of_300_characters_right_to_left_and_emoji(name: str) -> None:
    known = KnownTask(replace(TASK, function=name), NOW)
    check_view(home_view(page(*[row(known)] * 8), NOW))


def test_the_first_visit_shows_how_to_start_with_buttons_that_do_it() -> None:
    view = home_view(page(), NOW)
    check_view(view)
    assert "Welcome" in texts(view)
    assert buttons(view) == ["home.watch", "home.refresh", "home.help"]


def test_ones_own_rows_can_be_unwatched_and_those_of_others_not() -> None:
    others = WatchPage((row(RUNNING, owner="U2"),), 1, 1, 1)
    names = [action_name(one) for one in buttons(home_view(page(row(RUNNING), others=others), NOW))]
    start = ["home.watch", "home.refresh", "home.help"]
    assert names == [*start, "home.open", "home.unwatch", "home.cancel", "home.open", "home.cancel"]


def test_cancel_is_red_asks_first_and_is_gone_when_it_is_over() -> None:
    view = home_view(page(row(RUNNING)), NOW)
    [red] = [
        element
        for block in view["blocks"]
        for element in block.get("elements", ())
        if element.get("action_id") == "home.cancel"
    ]
    assert red["style"] == "danger"
    assert red["confirm"]["title"]["text"] == "Cancel this task?"
    assert red["value"] == f"1:{TASK.id}"
    over = replace(RUNNING, task=replace(TASK, status=Status("COMPLETE")))
    assert "home.cancel" not in buttons(home_view(page(row(over)), NOW))


def test_a_group_is_one_row_and_its_rest_is_cancelled() -> None:
    over = replace(RUNNING, task=replace(TASK, status=Status("COMPLETE")))
    text = texts(home_view(page(row(RUNNING, RUNNING, over)), NOW))
    assert "Group of 3 tasks" in text
    assert "Cancel the rest" in text
    assert "Cancel 2 tasks?" in text


def test_many_concerns_are_counted_not_listed() -> None:
    failed = KnownTask(replace(TASK, status=Status("FAILED"), failure_reason="boom"), NOW)
    one = Attention(Concern.FAILED, failed, card(CardKind.TASK), LINK)
    text = texts(home_view(page(attention=(one,) * (SHOWN + 3)), NOW))
    assert text.count("boom") == SHOWN
    assert "and 3 more" in text


def test_long_waiting_is_told_in_words_and_can_be_cancelled() -> None:
    waiting = replace(TASK, status=Status("PENDING"), created_at=NOW - timedelta(minutes=12))
    one = Attention(Concern.WAITING, KnownTask(waiting, NOW), card(CardKind.TASK), LINK)
    view = home_view(page(attention=(one,)), NOW)
    assert "has waited for 12 min" in texts(view)
    assert "home.cancel" in buttons(view)


def test_an_outage_is_one_line_not_a_list_of_tasks() -> None:
    stale = Attention(Concern.STALE, RUNNING, card(CardKind.TASK), LINK)
    down = page(row(RUNNING), attention=(stale,) * 6, counts=Counts(running=10, stale=10))
    text = texts(home_view(down, NOW))
    assert "Beam does not answer for 10 tasks" in text
    assert "Needs attention" not in text
    single = page(row(RUNNING), attention=(stale,), counts=Counts(running=10, stale=1))
    assert "Needs attention" in texts(home_view(single, NOW))


def test_what_is_wrong_stands_on_top_with_or_without_what_was_known() -> None:
    view = problem_view(":warning: No database.")
    check_view(view)
    assert view["blocks"][0]["text"]["text"] == ":warning: No database."
    assert buttons(view) == ["home.refresh"]
    view = home_view(page(row(RUNNING)), NOW, notice=":warning: No database.")
    assert view["blocks"][0]["text"]["text"] == ":warning: No database."
    assert TASK.id in texts(view)


def test_home_says_when_it_cannot_show_what_others_watch() -> None:
    assert "channels:read" in texts(home_view(page(row(RUNNING), channels_known=False), NOW))


def test_pages_turn_one_list_and_leave_the_other() -> None:
    mine, others = WatchPage((row(RUNNING),), 2, 3, 24), WatchPage((row(RUNNING),), 4, 5, 40)
    view = home_view(page(mine=mine, others=others), NOW)
    assert view["private_metadata"] == "2,4"
    values = {
        element["action_id"]: element["value"]
        for block in view["blocks"]
        for element in block.get("elements", ())
        if "er" in element.get("action_id", "").rpartition(".")[2]
    }
    assert values["home.own.newer"] == "1,4"
    assert values["home.own.older"] == "3,4"
    assert values["home.others.newer"] == "2,3"
    assert values["home.others.older"] == "2,5"


def test_the_help_dialog_has_no_buttons_that_could_not_answer() -> None:
    view = help_modal()
    check_view(view)
    assert buttons(view) == []
    assert "/beam watch" in texts(view)
