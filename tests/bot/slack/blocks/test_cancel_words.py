"""Before a cancel: what, whose, how long, on what. After it: who, what became of it, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.slack.blocks.cancel_ask import cancel_button, cancel_rest_button
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.group_card import group_card
from bot.slack.blocks.message import check
from bot.slack.blocks.task_card import CardButtons, task_card
from bot.tasks import Level, Status, Task, TaskId
from bot.tasks.records import (
    Cancelled,
    CancelOutcome,
    CancelReport,
    Card,
    CardKind,
    CardView,
    KnownTask,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = Task(
    TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"),
    Status("RUNNING"),
    created_at=NOW - timedelta(seconds=200),
    started_at=NOW - timedelta(seconds=192),
    function="sdxl:render_poster",
    gpu="A10G",
)
CANCELLED = replace(RUNNING, status=Status("CANCELLED"), ended_at=NOW)
LONG = "render_" * 50


def asked(button: dict[str, Any] | None) -> str:
    assert button is not None
    return str(button["confirm"]["text"]["text"])


def view(*tasks: Task) -> CardView:
    card = Card(1, "T1", "default", "C1", None, CardKind.GROUP, "U1", Level.ALL, "1", 1, 1, NOW)
    return CardView(card, tuple(KnownTask(task, NOW) for task in tasks), watching=True)


def report(*results: Cancelled, **more: Any) -> CancelReport:
    return CancelReport("U1", results, NOW, "cancel:7", **more)


DONE = Cancelled(RUNNING.id, CancelOutcome.CANCELLED, RUNNING, CANCELLED)


def test_the_dialog_says_what_whose_how_long_and_on_what() -> None:
    assert asked(cancel_button(RUNNING, NOW, until=NOW, owner="Ana Lopez")) == (
        "sdxl:render_poster (07ce4078), watched by Ana Lopez. Running on an A10G since 11:56 UTC,"
        " 3 min 12 s so far (at 12:00 UTC). A cancelled task cannot be resumed. This cannot be"
        " undone."
    )


@pytest.mark.parametrize(
    ("gpu", "said"), [("T4", "on a T4 since"), ("H100", "on an H100"), (None, "Running since")]
)
def test_gpus_are_called_as_people_call_them(gpu: str | None, said: str) -> None:
    assert said in asked(cancel_button(replace(RUNNING, gpu=gpu), NOW, until=NOW))


def test_the_dialog_says_less_rather_than_something_made_up() -> None:
    waits = replace(RUNNING, status=Status("PENDING"), started_at=None)
    assert "Waiting in the queue, 3 min 20 s so far" in asked(cancel_button(waits, NOW, until=NOW))
    bare = Task(RUNNING.id, Status("RUNNING"))
    assert asked(cancel_button(bare, NOW, until=NOW)).startswith("07ce4078 (07ce4078). Running. ")


@pytest.mark.parametrize("name", [LONG, "مهمة" * 80, "🧨" * 300, "<!here>" * 50])
def test_the_dialogs_are_never_cut_in_what_matters(name: str) -> None:
    task = replace(RUNNING, function=name, gpu="A100-80" * 10, started_at=NOW - timedelta(days=99))
    one = asked(cancel_button(task, NOW, until=NOW, owner=name))
    many = asked(cancel_rest_button(view(*[task] * 50), NOW, owner=name))
    for said in (one, many):
        assert len(said) <= 300
        assert said.endswith("This cannot be undone.")


def test_the_rest_of_a_group_is_counted_with_its_gpu_time() -> None:
    small = replace(RUNNING, gpu="T4")
    cpu = replace(RUNNING, gpu=None)
    said = asked(cancel_rest_button(view(RUNNING, RUNNING, small, cpu), NOW, owner="Ana"))
    assert said.startswith(
        "This cancels 4 tasks, sdxl:render_poster among them, watched by Ana. So far:"
        " 6 min 24 s on A10G, 3 min 12 s on T4, 3 min 12 s without a GPU (at 12:00 UTC)."
    )
    assert cancel_rest_button(view(CANCELLED), NOW) is None


def test_the_result_takes_the_buttons_place_on_the_card() -> None:
    known = KnownTask(CANCELLED, NOW, None, "U2", "the <!here> loss\nexploded")
    card = task_card(known, now=NOW, buttons=CardButtons.in_channel(watching=False), owner_id="U1")
    note = card.blocks[-2]["text"]["text"]
    assert note == (
        ":no_entry_sign: Cancelled by <@U2> after running for 3 min 12 s."
        "\n> the &lt;!here&gt; loss exploded"
    )
    assert card.blocks[-1]["type"] == "actions"
    still = replace(known, task=RUNNING)
    card = task_card(still, now=NOW, buttons=CardButtons.in_channel(watching=True), owner_id="U1")
    assert "<@U2> asked to cancel it; it has not stopped yet." in str(card.blocks[-2])


def test_a_groups_card_says_who_cancelled_the_rest_and_why() -> None:
    known = KnownTask(CANCELLED, NOW, None, "U2", "wrong data")
    group = replace(view(), members=(known, known))
    assert ":no_entry_sign: 2 tasks cancelled by <@U2>: wrong data" in str(group_card(group, NOW))


def test_a_report_asks_for_a_reason_until_there_is_one() -> None:
    said = cancel_result(report(DONE))
    assert said.blocks[-1]["elements"][0]["action_id"] == "cancel.reason"
    assert said.blocks[-1]["elements"][0]["value"] == "cancel:7"
    said = cancel_result(report(DONE, reason="*wrong* <@U9>"))
    assert "cancel.reason" not in str(said.blocks)
    assert "> *\u200bwrong*\u200b &lt;@U9&gt;" in said.blocks[0]["text"]["text"]
    nothing = Cancelled(RUNNING.id, CancelOutcome.ALREADY_OVER, CANCELLED, CANCELLED, "U2")
    said = cancel_result(report(nothing))
    assert "had already ended as `CANCELLED`, cancelled by <@U2>" in said.text
    assert "cancel.reason" not in str(said.blocks)


def test_who_was_second_is_told_what_the_first_did() -> None:
    late = Cancelled(RUNNING.id, CancelOutcome.UNDERWAY, RUNNING, CANCELLED, "U2")
    said = cancel_result(report(late)).text
    assert "<@U2> asked for that just before; one cancel was sent. It is now `CANCELLED`." in said


def test_several_cancels_are_one_report_with_each_ones_reason() -> None:
    other = replace(RUNNING, id=TaskId("8b747792-5303-4a42-b530-07ce40786a5f"), function="m:other")
    second = Cancelled(other.id, CancelOutcome.CANCELLED, other, replace(other, status=Status("X")))
    folded = replace(report(second, reason="wrong data"), key="cancel:8")
    said = cancel_result(report(DONE, folded=(folded,)))
    assert said.text.startswith("<@U1> asked to cancel 2 tasks: 2 cancelled.")
    assert "> *m:other* `8b747792`: wrong data" in said.text
    assert said.blocks[-1]["elements"][0]["value"] == "cancel:7"
    same = cancel_result(
        report(DONE, reason="it hangs", folded=(replace(folded, reason="it hangs"),))
    )
    assert same.text.count("it hangs") == 1


def test_fifty_cancels_with_every_outcome_and_reasons_fit() -> None:
    task = replace(RUNNING, function=LONG)
    every = [
        replace(
            report(Cancelled(task.id, outcome, task, task, "U2"), reason="<!here> & " * 60),
            key=f"cancel:{number}",
        )
        for number, outcome in enumerate(list(CancelOutcome) * 6)
    ]
    check(cancel_result(replace(every[0], folded=tuple(every[1:]))))
    check(
        cancel_result(replace(every[0], folded=tuple(replace(e, reason=None) for e in every[1:])))
    )
