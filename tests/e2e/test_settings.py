"""The settings of a channel, a mute and what is told after it, in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_browser import SHORT, page, picture, pytestmark, send
from tests.stack import Stack

__all__ = ["page", "pytestmark"]


def test_settings_mute_and_the_summary_afterwards(
    page: Page, socket_stack: Stack, tmp_path: Path
) -> None:
    task = socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    send(page, f"/beam watch {task}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task).first
    expect(card).to_contain_text("Running", timeout=SHORT)
    send(page, "/beam settings")
    modal = page.get_by_role("dialog")
    expect(modal).to_contain_text("What to tell of a watch that names no level", timeout=SHORT)
    picture(page, "settings", tmp_path)
    modal.get_by_text("The people chosen below").click()
    modal.locator("[data-block=quiet_from] input").fill("22:00")
    modal.locator(".modal-submit").click()
    expect(modal.locator("[data-block=people] .error")).to_contain_text("Choose somebody")
    expect(modal.locator("[data-block=quiet_to] .error")).to_contain_text("need both times")
    modal.locator("[data-block=people]").scroll_into_view_if_needed()
    picture(page, "settings-wrong", tmp_path)
    modal.locator("[data-block=people] select").select_option("U0OMAR")
    modal.locator("[data-block=quiet_from] input").fill("")
    modal.locator("[data-block=mute] select").select_option("forever")
    modal.locator("[data-block=time_zone]").scroll_into_view_if_needed()
    picture(page, "settings-below", tmp_path)
    modal.locator(".modal-submit").click()
    expect(modal).to_have_count(0, timeout=SHORT)
    saved = page.locator("#messages .ephemeral").filter(has_text="Saved for").last
    expect(saved).to_contain_text("muted until somebody unmutes it", timeout=SHORT)
    expect(card).to_contain_text("This channel is muted", timeout=SHORT)
    socket_stack.become(task, "FAILED")
    expect(card).to_contain_text("Failed", timeout=SHORT)
    expect(card.locator(".replies")).to_have_count(0)
    picture(page, "muted", tmp_path)
    card.get_by_text("Unmute", exact=True).click()
    summary = page.locator("#messages .message").filter(has_text="While it was quiet").last
    expect(summary).to_contain_text("1 failed", timeout=SHORT)
    expect(summary).to_contain_text("@omar")
    expect(card).not_to_contain_text("This channel is muted", timeout=SHORT)
    summary.scroll_into_view_if_needed()
    picture(page, "summary", tmp_path)
    # The dialog opens with what was chosen; in a direct message a button opens it.
    send(page, "/beam settings")
    expect(modal.locator("[data-block=people] select")).to_have_values(["U0OMAR"], timeout=SHORT)
    modal.get_by_text("Whoever asked for the watch").click()
    modal.locator(".modal-submit").click()
    expect(modal).to_have_count(0, timeout=SHORT)
    send(page, "@Beambot settings")
    offer = page.locator("#messages .message").filter(has_text="open in a dialog").last
    offer.get_by_text("Open settings").click(timeout=SHORT)
    expect(modal).to_contain_text("Quiet hours", timeout=SHORT)
    # An open dialog would meet whoever opens the page next.
    page.keyboard.press("Escape")
    expect(modal).to_have_count(0)
