"""Output links and reasons over both transports."""

from __future__ import annotations

from tests.stack import ANA, OMAR, Stack, eventually


def test_refresh_links_fetches_them_anew_and_a_click_on_one_is_ignored(stack: Stack) -> None:
    task = stack.task((0, "RUNNING"), (0.2, "COMPLETE"))
    stack.command(f"watch {task}")
    card = stack.see(task, "output.open", ephemeral_to=None, thread_ts=None)
    asked = f"{stack.beam}/_control/log"
    before = len([one for one in stack.client.get(asked).json() if task in one["task_ids"]])
    assert stack.press(card, "output.open")["status"] == 200
    assert stack.press(card, "task.links")["status"] == 200
    eventually(
        lambda: (
            len([one for one in stack.client.get(asked).json() if task in one["task_ids"]]) > before
        ),
        "the task was looked up again",
    )
    assert stack.find("older version", ephemeral_to=ANA) == []


def test_only_who_cancelled_gives_the_reason(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"cancel {task}")
    report = stack.see(task, "asked to cancel", ephemeral_to=None)
    stack.press(report, "cancel.reason", user=OMAR)
    stack.see("Only the person who cancelled", ephemeral_to=OMAR)


def test_a_click_on_what_is_over_says_so_and_refreshes_the_card(stack: Stack) -> None:
    task = stack.task()
    stack.command(task, user=OMAR)
    card = stack.see(task, "task.cancel", ephemeral_to=OMAR)
    over = {"status": "COMPLETE"}
    stack.client.post(f"{stack.beam}/_control/tasks/{task}", json=over).raise_for_status()
    stack.press(card, "task.cancel", user=OMAR)
    stack.see(task, "had already ended", "COMPLETE", ephemeral_to=OMAR)
    stack.see(task, "output.open", ephemeral_to=OMAR)
