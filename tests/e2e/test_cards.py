"""Groups, cancels and results in a real browser, with pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.test_browser import SHORT, become, page, picture, pytestmark, send
from tests.stack import OMAR, Stack

__all__ = ["page", "pytestmark"]


def start(stack: Stack, **given: Any) -> str:
    """Start a simulated task as it is described; return its id."""
    answer = stack.client.post(f"{stack.beam}/_control/tasks", json=given).raise_for_status()
    return str(answer.json()[0]["id"])


def test_a_group_of_twelve_with_failures_to_its_end(
    page: Page, socket_stack: Stack, tmp_path: Path
) -> None:
    bad = {"failure_reason": "UnidentifiedImageError: cannot identify image file"}
    ids = [
        start(
            socket_stack,
            handler=f"thumbs:make_{'thumbnail' if number else 'thumbnail_of_a_long_name_' * 4}",
            gpu="A10G",
            # Three at a time, for four seconds and a little; the last three until told.
            life=[
                [0, "PENDING"],
                [began := 0.2 + number // 3 * 4, "RUNNING"],
                [
                    began + 4 + number % 3 / 4 if number < 9 else 600,
                    *(("FAILED", bad) if number in (3, 8) else ("COMPLETE",)),
                ],
            ],
        )
        for number in range(12)
    ]
    send(page, "/beam watch the run of last night:\n" + "\n".join(f"INFO {i} up" for i in ids))
    card = (
        page.locator("#messages .message:not(.ephemeral)").filter(has_text="of 12 complete").first
    )
    expect(card).to_contain_text("Cancel the rest", timeout=SHORT)
    expect(card).to_contain_text("1 failed", timeout=SHORT)
    expect(card).to_contain_text("left", timeout=SHORT)
    link = card.locator("a", has_text="thumbs:make_thumbnail").first
    expect(link).to_be_visible(timeout=SHORT)
    picture(page, "group", tmp_path)
    card.get_by_text("Cancel the rest").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    picture(page, "group-confirm", tmp_path)
    dialog.locator(".confirm-no").click()
    for task in ids[9:]:
        socket_stack.become(task, "COMPLETE")
    expect(card).to_contain_text("10 of 12 complete, 2 failed", timeout=SHORT)
    expect(card.get_by_text("Cancel the rest")).to_have_count(0)
    last = page.locator("#messages .message").filter(has_text="All 12 tasks are over")
    expect(last).to_contain_text("10 of 12 complete, 2 failed", timeout=SHORT)
    expect(last).to_contain_text("@ana")
    expect(last).to_have_count(1)
    card.locator(".replies").click()
    thread = page.locator(".thread-pane")
    expect(thread).to_contain_text("Half of the tasks are complete", timeout=SHORT)
    expect(card.locator("a", has_text="thumbs:make_thumbnail")).to_have_count(2, timeout=SHORT)
    picture(page, "group-over", tmp_path)
    with page.context.expect_page() as opened:
        link.click()
    told = opened.value
    expect(told.locator(".wanted").first).to_contain_text("RUNNING → FAILED", timeout=SHORT)


def test_a_cancel_with_a_reason(page: Page, socket_stack: Stack, tmp_path: Path) -> None:
    life = [[0, "PENDING"], [0.2, "RUNNING"], [600, "COMPLETE"]]
    first, second = (
        start(socket_stack, handler=f"train:{name}", gpu="A10G", life=life)
        for name in ("sweep_worker", "finetune_lora")
    )
    send(page, f"/beam watch {first}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=first).first
    expect(card).to_contain_text("Running", timeout=SHORT)
    become(page, OMAR)
    card.get_by_text("Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("train:sweep_worker")
    expect(dialog).to_contain_text("watched by ana")
    expect(dialog).to_contain_text("Running on an A10G since")
    picture(page, "cancel-ask", tmp_path)
    dialog.locator(".confirm-yes").click()
    expect(card).to_contain_text("Cancelled by @omar after running for", timeout=SHORT)
    card.locator(".replies").click()
    report = page.locator(".thread-pane .message").filter(has_text="asked to cancel").first
    report.get_by_text("Give a reason").click(timeout=SHORT)
    modal = page.get_by_role("dialog")
    modal.locator("textarea").fill("the loss exploded after epoch 3 <!channel>")
    picture(page, "cancel-reason", tmp_path)
    modal.locator(".modal-submit").click()
    expect(modal).to_have_count(0, timeout=SHORT)
    expect(report).to_contain_text("the loss exploded after epoch 3 <!channel>", timeout=SHORT)
    expect(report.get_by_text("Give a reason")).to_have_count(0)
    expect(card).to_contain_text("the loss exploded after epoch 3", timeout=SHORT)
    send(page, f"/beam cancel {second} because it waits for the first")
    told = page.locator("#messages .message").filter(has_text="train:finetune_lora").last
    expect(told).to_contain_text("it waits for the first", timeout=SHORT)
    third = start(socket_stack, handler="train:last_one", gpu="T4", life=life)
    send(page, f"/beam cancel {third} reason: and so does this")
    expect(told).to_contain_text("asked to cancel 2 tasks", timeout=SHORT)
    expect(told).to_contain_text("and so does this")
    picture(page, "cancelled-with-reason", tmp_path)


def test_results_in_short_and_in_full(page: Page, socket_stack: Stack, tmp_path: Path) -> None:
    result = {"documents": 48_211, "shards": [{"shard": n, "vectors": 4_018} for n in range(40)]}
    task = start(
        socket_stack,
        kind="image",
        life=[[0, "PENDING"], [0.2, "RUNNING"], [1, "COMPLETE"]],
        result=result,
    )
    send(page, f"/beam watch {task}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task).first
    expect(card).to_contain_text("2 outputs · links work until", timeout=SHORT)
    expect(card.get_by_text("Refresh", exact=True)).to_have_count(0)
    page.locator("#messages").evaluate("messages => { messages.scrollTop = 1e9; }")
    picture(page, "results", tmp_path)
    page.evaluate("window.open = (url) => { window.opened = `${url}`; }")
    # The page draws all messages anew when one changes, also between a press and its release.
    card.get_by_text("poster.png", exact=True).dispatch_event("click")
    page.wait_for_function("window.opened !== undefined")
    opened = page.evaluate("`${window.opened}`")
    assert opened.startswith(socket_stack.beam), opened
    assert f"Simulated output of task {task}" in socket_stack.client.get(opened).text
    card.locator("button", has_text="Refresh links").dispatch_event("click")
    card.get_by_text("Show in full").dispatch_event("click")
    modal = page.get_by_role("dialog")
    expect(modal).to_contain_text('{"shard": 39, "vectors": 4018}', timeout=SHORT)
    picture(page, "result-in-full", tmp_path)
    modal.get_by_text("Close", exact=True).click()
    expect(modal).to_have_count(0)
    # A click on a link is told to the bot as well; nobody is bothered with it.
    expect(page.locator("#messages .ephemeral").filter(has_text="older version")).to_have_count(0)
