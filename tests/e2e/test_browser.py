"""A person's way through the main job, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.stack import OMAR, ROOT, Stack

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium"),
]
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
SHORT = 60_000
"""Milliseconds to wait for what must happen; a machine that is busy needs them, others do not."""
expect.set_options(timeout=SHORT)


@pytest.fixture
def page(socket_stack: Stack) -> Iterator[Page]:
    """The page of the workspace, which must log no error."""
    socket_stack.close_dialogs()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(SHORT)
        page.goto(socket_stack.slack)
        yield page
        browser.close()
        assert errors == []


def picture(page: Page, name: str, folder: Path) -> None:
    """Take a picture; into the documentation if ``PICTURES`` is set."""
    target = ROOT / "docs" / "images" if os.environ.get("PICTURES") else folder
    page.screenshot(path=target / f"{name}.png")


def send(page: Page, text: str) -> None:
    page.get_by_label("Message #training").fill(text)
    page.get_by_label("Message #training").press("Enter")


def become(page: Page, user: str) -> None:
    """Be another person, which opens the page anew; a click before that would be lost."""
    with page.expect_navigation(url=re.compile(f"user={user}")):
        page.locator("select#person").select_option(user)


def test_watch_see_it_change_cancel_and_see_the_truth(
    page: Page, socket_stack: Stack, tmp_path: Path
) -> None:
    task = socket_stack.task((0, "PENDING"), (600, "COMPLETE"))
    send(page, f"/beam watch {task}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task).first
    expect(card).to_contain_text("Waiting in the queue", timeout=SHORT)
    socket_stack.become(task, "RUNNING")
    expect(card).to_contain_text("Running", timeout=SHORT)
    expect(card).to_contain_text("1 reply", timeout=SHORT)
    card.locator(".replies").click()
    expect(page.locator(".thread-pane")).to_contain_text("PENDING → RUNNING", timeout=SHORT)
    picture(page, "watch", tmp_path)
    become(page, OMAR)
    card.get_by_text("Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    picture(page, "confirm", tmp_path)
    dialog.locator(".confirm-no").click()
    expect(dialog).to_have_count(0)
    card.get_by_text("Cancel", exact=True).click()
    page.locator(".confirm-yes").click()
    expect(card).to_contain_text("Cancelled", timeout=SHORT)
    expect(card.get_by_text("Cancel", exact=True)).to_have_count(0)
    card.locator(".replies").click()
    thread = page.locator(".thread-pane")
    expect(thread).to_contain_text("@omar asked to cancel", timeout=SHORT)
    expect(thread).to_contain_text("cancelled by @omar", timeout=SHORT)
    picture(page, "cancelled", tmp_path)


def test_a_task_is_cancelled_by_keyboard_alone(page: Page, socket_stack: Stack) -> None:
    task = socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    pressed: list[str] = []
    page.on("request", lambda one: pressed.append(one.url) if "/ui/act" in one.url else None)
    page.get_by_label("Message #training").focus()
    page.keyboard.insert_text(f"/beam watch {task}")
    page.keyboard.press("Enter")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task).first
    expect(card).to_contain_text("Running", timeout=SHORT)
    cancel = card.get_by_role("button", name="Cancel")
    tab_to(page, "Shift+Tab", cancel)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    # Enter once too often must not cancel.
    expect(dialog.locator(".confirm-no")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Tab", dialog.locator(".confirm-yes"))
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Cancelled", timeout=SHORT)
    expect(cancel).to_have_count(0)
    assert len(pressed) == 1, "Escape pressed the button too"


def tab_to(page: Page, key: str, wanted: Locator) -> None:
    """Press ``key`` until what is wanted has the focus; 60 times are enough for any page here."""
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not reach {wanted}")


def test_a_click_counts_although_the_channel_is_drawn_anew_meanwhile(
    page: Page, socket_stack: Stack
) -> None:
    task = socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    send(page, f"/beam watch {task}")
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task).first
    expect(card).to_contain_text("Running")
    card.get_by_role("button", name="Cancel").hover()
    page.mouse.down()
    with page.expect_response(re.compile("/ui/channel")) as drawn:
        socket_stack.say("Has anybody seen it?")
    drawn.value.finished()
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be undone")
    expect(page.locator("#messages")).to_contain_text("Has anybody seen it?")
    page.keyboard.press("Escape")


def test_help_and_status_are_for_the_caller_alone(
    page: Page, socket_stack: Stack, tmp_path: Path
) -> None:
    page.get_by_label("Message #training").type("/b")
    expect(page.locator(".completion")).to_contain_text("/beam")
    send(page, "/beam help")
    answer = page.locator("#messages .ephemeral").filter(has_text="Beambot looks after").last
    expect(answer).to_contain_text("Only visible to you", timeout=SHORT)
    expect(answer).not_to_contain_text("/beam connect")
    picture(page, "help", tmp_path)
    answer.get_by_text("Run list").click()
    last = page.locator("#messages .ephemeral").last
    expect(last).to_contain_text("in this channel", timeout=SHORT)
    task = socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    send(page, f"/beam {task}")
    card = page.locator("#messages .ephemeral").filter(has_text=task).last
    expect(card).to_contain_text("sdxl:render_poster", timeout=SHORT)
    picture(page, "status", tmp_path)
    card.get_by_text("Share", exact=True).click()
    shared = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task)
    expect(shared).to_contain_text("Shared by @ana", timeout=SHORT)


def test_the_home_tab_takes_the_channels_place_and_gives_it_back(page: Page) -> None:
    page.locator(".open-home").click()
    expect(page.locator("#messages")).to_contain_text("Watch a task", timeout=SHORT)
    page.locator('[data-channel="C0TRAINING"]').click()
    expect(page.locator("#messages .message").first).to_be_visible(timeout=SHORT)


def test_the_shortcut_opens_a_modal(page: Page, socket_stack: Stack) -> None:
    task = socket_stack.task()
    page.get_by_label("Shortcuts").click()
    page.get_by_text("Watch a Beam task").click()
    modal = page.get_by_role("dialog")
    modal.locator("textarea").fill("no id here")
    modal.locator(".modal-submit").click()
    expect(modal.locator(".error").first).to_contain_text("no task id", timeout=SHORT)
    modal.locator("textarea").fill(task)
    modal.locator(".modal-submit").click()
    expect(modal).to_have_count(0, timeout=SHORT)
    card = page.locator("#messages .message:not(.ephemeral)").filter(has_text=task)
    expect(card).to_be_visible(timeout=SHORT)
