"""Every place where people meet the bot, in a real browser: Home, threads, links, dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.e2e.test_browser import BROWSER, OPTIONS, SHORT, picture
from tests.stack import INFERENCE, OMAR, Stack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A workspace in which nothing was watched yet."""
    made = Stack(tmp_path_factory.mktemp("everywhere"), http=False)
    yield made
    made.stop()


@pytest.fixture
def page(stack: Stack) -> Iterator[Page]:
    """The page of the workspace, which must log no error."""
    stack.close_dialogs()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(SHORT)
        page.goto(stack.slack)
        yield page
        browser.close()
        assert errors == []


def send(page: Page, text: str, where: str = "#training") -> None:
    page.get_by_label(f"Message {where}").fill(text)
    page.get_by_label(f"Message {where}").press("Enter")


def home(page: Page) -> Locator:
    page.locator(".open-home").click()
    return page.locator("#messages")


def press(place: Locator, label: str, *, near: str) -> None:
    """Press the button that follows the paragraph with some words."""
    row = place.locator(".block.section", has_text=near).first
    row.locator("xpath=following-sibling::*[1]").get_by_text(label, exact=True).click()


def test_the_first_visit_starts_from_home_alone(page: Page, stack: Stack, tmp_path: Path) -> None:
    task = stack.task((0, "RUNNING"), (600, "COMPLETE"))
    shown = home(page)
    expect(shown).to_contain_text("Welcome to Beambot", timeout=SHORT)
    picture(page, "home-first", tmp_path)
    shown.get_by_text("Show help", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("/beam watch")
    dialog.locator("footer .modal-close").click()
    expect(dialog).to_have_count(0)
    shown.get_by_text("Watch a task", exact=True).first.click()
    dialog.locator("textarea").fill(f"2026-01-01 started {task} on gpu-3")
    dialog.locator("select").first.select_option(INFERENCE)
    dialog.locator(".modal-submit").click()
    expect(dialog).to_have_count(0)
    expect(shown).to_contain_text("My watches (1)", timeout=SHORT)
    expect(shown).to_contain_text(task)
    press(shown, "Unwatch", near=task)
    expect(shown).not_to_contain_text(task, timeout=SHORT)
    expect(shown).to_contain_text("Welcome to Beambot")


def test_home_shows_what_needs_attention_and_cancels(
    page: Page, stack: Stack, tmp_path: Path
) -> None:
    failed = stack.task((0, "RUNNING"), (600, "COMPLETE"))
    mine, theirs = stack.task(), stack.task()
    group = [stack.task() for _ in range(3)]
    stack.command(f"watch {failed}")
    stack.see(failed, "Watched by")
    stack.become(failed, "FAILED")
    stack.command(f"watch {mine}", channel=INFERENCE)
    stack.command(f"watch {theirs}", user=OMAR)
    stack.command(f"watch {' '.join(group)}")
    stack.see(failed, "FAILED", broadcast=True)
    stack.see("0 of 3 complete")
    stack.see(theirs, "RUNNING")
    shown = home(page)
    expect(shown).to_contain_text("Needs attention", timeout=SHORT)
    expect(shown).to_contain_text("1 failed in the last 24 h")
    expect(shown).to_contain_text("Group of 3 tasks")
    picture(page, "home", tmp_path)
    press(shown, "Cancel", near=theirs)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.locator(".confirm-yes").click()
    expect(shown).to_contain_text("@ana asked to cancel", timeout=SHORT)
    expect(shown.locator(".block.section", has_text=theirs)).to_have_count(0)
    press(shown, "Open card", near=mine)
    expect(page.locator("#title")).to_have_text("#inference", timeout=SHORT)
    expect(page.locator(".message.wanted")).to_contain_text(mine, timeout=SHORT)


def test_a_thread_is_answered_in_the_thread(page: Page, stack: Stack, tmp_path: Path) -> None:
    task = stack.task((0, "RUNNING"), (600, "COMPLETE"))
    send(page, "Is the nightly run through?")
    asked = page.locator("#messages .message", has_text="nightly run through").last
    asked.hover()
    asked.locator(".hover .open-thread").click()
    thread = page.locator(".thread-pane")
    page.get_by_label("Reply…").fill(f"@beambot watch {task}")
    page.get_by_label("Reply…").press("Enter")
    expect(thread).to_contain_text("Watched by @ana", timeout=SHORT)
    stack.become(task, "COMPLETE")
    expect(thread).to_contain_text("RUNNING → COMPLETE", timeout=SHORT)
    picture(page, "thread", tmp_path)
    end = page.locator("#messages .message", has_text="RUNNING → COMPLETE").last
    expect(end).to_contain_text("replied to a thread", timeout=SHORT)


def test_a_direct_message_needs_no_slash(page: Page, stack: Stack, tmp_path: Path) -> None:
    tasks = [stack.task() for _ in range(3)]
    page.locator('#channels a[data-name="Beambot"]').first.click()
    send(page, "hi", "Beambot")
    messages = page.locator("#messages")
    expect(messages).to_contain_text("Beambot looks after Beam tasks", timeout=SHORT)
    send(page, "INFO started: " + " ".join(tasks), "Beambot")
    messages.get_by_text("Watch 3 tasks").click()
    expect(messages).to_contain_text("0 of 3 complete", timeout=SHORT)
    picture(page, "direct", tmp_path)


def test_the_tasks_of_a_message_are_offered(page: Page, stack: Stack, tmp_path: Path) -> None:
    tasks = [stack.task() for _ in range(2)]
    send(page, f"Both crashed: {' and '.join(tasks)}")
    message = page.locator("#messages .message", has_text="Both crashed").last
    message.hover()
    message.locator(".hover .shortcut").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("names 2 tasks")
    expect(dialog.locator("input[type=checkbox]:checked")).to_have_count(2)
    dialog.get_by_label(tasks[1]).uncheck()
    picture(page, "shortcut", tmp_path)
    dialog.locator(".modal-submit").click()
    card = page.locator("#messages .message", has_text="Watched by @ana").last
    expect(card).to_contain_text(tasks[0], timeout=SHORT)


def test_a_link_shows_its_card_which_works(page: Page, stack: Stack, tmp_path: Path) -> None:
    task = stack.task((0, "RUNNING"), (600, "COMPLETE"))
    send(page, f"Look at https://platform.beam.cloud/tasks/{task}")
    card = page.locator("#messages .unfurl", has_text=task)
    expect(card).to_contain_text("Running", timeout=SHORT)
    picture(page, "unfurl", tmp_path)
    card.get_by_text("Watch", exact=True).click()
    expect(card).to_contain_text("Unwatch", timeout=SHORT)
    card.get_by_text("Cancel", exact=True).click()
    page.locator(".confirm-yes").click()
    expect(card).to_contain_text("Cancelled", timeout=SHORT)
    expect(card.get_by_text("Cancel", exact=True)).to_have_count(0)
