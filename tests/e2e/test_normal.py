"""What is normal, and what was: a nudge, a history and statistics in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_browser import SHORT, page, picture, pytestmark, send
from tests.e2e.test_cards import start
from tests.stack import Stack

__all__ = ["page", "pytestmark"]

NUDGED = 60_000
"""Milliseconds: the task is a quarter of a minute from its nudge, which is looked for every ten."""


def past(
    stack: Stack, handler: str, count: int, minutes: float, end: str = "COMPLETE"
) -> list[str]:
    """Have a function run before, now and then over the last days; return the ids."""
    life = [[0, "PENDING"], [20, "RUNNING"], [20 + minutes * 60, end]]
    given = {"handler": handler, "count": count, "ago": 7_200, "apart": 540_000 / count}
    answer = stack.client.post(f"{stack.beam}/_control/tasks", json={**given, "life": life})
    return [row["id"] for row in answer.raise_for_status().json()]


def test_a_slow_run_is_told_with_cancel_at_hand_and_all_of_it_is_history(
    page: Page, socket_stack: Stack, tmp_path: Path
) -> None:
    ids = [
        *past(socket_stack, "train:finetune_lora", 24, 3),
        *past(socket_stack, "train:finetune_lora", 3, 1, "FAILED"),
        *past(socket_stack, "eval:score_a_function_of_a_name_that_goes_on_and_on", 12, 11),
        *past(socket_stack, "eval:مرحبا", 4, 1, "TIMEOUT"),
    ]
    send(page, "/beam watch " + " ".join(ids))
    group = page.locator("#messages .message").filter(has_text="36 of 43 complete").first
    expect(group).to_be_visible(timeout=SHORT)
    # It has run for 5 min 40 s; twice as long as usual is 6 min.
    slow = start(
        socket_stack,
        handler="train:finetune_lora",
        timeout=3_600,
        gpu="A10G",
        ago=360,
        life=[[0, "PENDING"], [20, "RUNNING"], [6_000, "COMPLETE"]],
    )
    send(page, f"/beam watch {slow}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=slow).first
    expect(card).to_contain_text("Usually 3 min", timeout=SHORT)
    expect(card).to_contain_text("1 reply", timeout=NUDGED)
    expect(card).to_contain_text("Running twice as long as usual (3 min)", timeout=SHORT)
    card.locator(".replies").click()
    thread = page.locator(".thread-pane")
    nudge = thread.locator(".message").filter(has_text="has been running for 6 min")
    expect(nudge).to_contain_text("twice as long as usual (3 min)", timeout=SHORT)
    expect(nudge).to_contain_text("@ana")
    picture(page, "nudge", tmp_path)
    nudge.get_by_text("Cancel", exact=True).click()
    page.locator(".confirm-yes").click()
    expect(card).to_contain_text("Cancelled by @ana", timeout=SHORT)
    expect(thread).to_contain_text("@ana asked to cancel", timeout=SHORT)
    expect(nudge.get_by_text("Cancel", exact=True)).to_have_count(0, timeout=SHORT)
    page.locator(".thread-close").click()
    send(page, f"/beam history {slow}")
    history = page.locator("#messages .ephemeral").filter(has_text="History of").last
    expect(history).to_contain_text("RUNNING → CANCELLED after running 6 min", timeout=SHORT)
    expect(history).to_contain_text("@ana asked to cancel: cancelled")
    picture(page, "history", tmp_path)
    send(page, "/beam history")
    lately = page.locator("#messages .ephemeral").filter(has_text="Latest changes").last
    expect(lately).to_contain_text("asked to cancel: cancelled", timeout=SHORT)
    send(page, "/beam stats")
    stats = page.locator("#messages .ephemeral").filter(has_text="ended in the last").last
    expect(stats).to_contain_text("44 tasks ended in the last 7 days", timeout=SHORT)
    expect(stats).to_contain_text("runs 3 min (p50)")
    expect(stats).to_contain_text("3 of 28 ended badly (11 %)")
    expect(stats.locator(".chart .mark")).to_have_count(7)
    stats.scroll_into_view_if_needed()
    picture(page, "stats", tmp_path)
    stats.get_by_role("button", name="Show the last 24 hours").dispatch_event("click")
    stats = page.locator("#messages .ephemeral").filter(has_text="ended in the last").last
    expect(stats).to_contain_text("in the last 24 hours", timeout=SHORT)
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=tmp_path / "stats-phone.png")
