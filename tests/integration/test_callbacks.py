"""Beam's callbacks on the real process: the end of a task is told long before the next poll."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.callbacks import signed
from tests.integration.nursery import QuickStack
from tests.stack import JSON, Stack, eventually

KEY = "callback-key-canary"
FAR = 60.0
"""Seconds to the next poll."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A bot that polls once a minute."""
    settings = {"BEAM_CALLBACK_KEY": KEY, "POLL_INTERVAL": str(FAR), "POLL_MAX_INTERVAL": str(FAR)}
    made = QuickStack(tmp_path_factory.mktemp("slow"), http=True, settings=settings, empty=True)
    yield made
    made.stop()


def call_back(
    stack: Stack, task: str, *, key: str = KEY, at: float | None = None
) -> tuple[httpx.Response, dict[str, str]]:
    """Say that a task has ended, as Beam does."""
    body, headers = signed(task, key, at)
    return stack.client.post(f"{stack.bot}/beam/callback", content=body, headers=headers), headers


def asked(stack: Stack, task: str) -> int:
    log: list[JSON] = stack.client.get(f"{stack.beam}/_control/log").raise_for_status().json()
    return sum(task in one["task_ids"] for one in log)


def test_an_end_is_told_at_once_and_what_is_forged_or_repeated_costs_nothing(slow: Stack) -> None:
    task = slow.task((0, "RUNNING"), (600, "COMPLETE"))
    slow.command(f"watch {task}")
    slow.see("RUNNING")
    url = f"{slow.beam}/_control/tasks/{task}"
    slow.client.post(url, json={"life": [[0, "COMPLETE"]]}).raise_for_status()
    before = asked(slow, task)
    assert call_back(slow, task, key="guessed")[0].status_code == 401
    assert call_back(slow, task, at=time.time() - 100_000)[0].status_code == 401
    assert slow.client.post(f"{slow.bot}/beam/callback").status_code == 401
    assert call_back(slow, "00000000-0000-4000-8000-000000000000")[0].status_code == 204
    assert asked(slow, task) == before
    began = time.monotonic()
    said, headers = call_back(slow, task)
    assert said.status_code == 204
    slow.see("COMPLETE", thread_ts=None, broadcast=False)
    eventually(lambda: slow.find("COMPLETE", broadcast=True), "the end is told", FAR / 4)
    took = time.monotonic() - began
    print(f"told {took:.2f} s after the callback, {FAR:.0f} s before the next poll")
    once = asked(slow, task)
    body, _ = signed(task, KEY)
    for _ in range(5):
        again = slow.client.post(f"{slow.bot}/beam/callback", content=body, headers=headers)
        assert again.status_code == 204
    assert once == before + 1
    assert asked(slow, task) == once
    assert KEY not in slow.log_of("bot")
