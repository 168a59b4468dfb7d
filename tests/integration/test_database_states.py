"""The database is locked, gone or full for a while: the bot says so and loses nothing."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.nursery import QuickStack
from tests.stack import ANA, INFERENCE, JSON, TRAINING, Stack, eventually

ACK_MS = 3_000
SENTENCE = "Beambot cannot use its database just now"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("states")
    (folder / "data").mkdir()
    url = f"sqlite:///{folder / 'data' / 'beambot.db'}"
    made = QuickStack(folder, http=True, settings={"DATABASE_URL": url})
    yield made
    made.stop()


def file_of(stack: Stack) -> Path:
    return Path(stack.environment["DATABASE_URL"].removeprefix("sqlite:///"))


@contextlib.contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Another process is in a transaction that does not end."""
    with contextlib.closing(sqlite3.connect(file_of(stack), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def gone(stack: Stack) -> Iterator[None]:
    """The volume with the database is not there."""
    folder = file_of(stack).parent
    away = folder.rename(folder.with_name("away"))
    try:
        yield
    finally:
        away.rename(folder)


@contextlib.contextmanager
def full(stack: Stack) -> Iterator[None]:
    """No file may grow, the log included."""
    pid = stack.pid("bot")
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (locked, "locked"),
        (gone, "its file is gone"),
        pytest.param(
            full,
            "full|disk I/O",
            marks=pytest.mark.skipif(
                not hasattr(resource, "prlimit"), reason="limits of others can be set on Linux only"
            ),
        ),
    ],
)
def test_a_database_that_fails_for_a_while_is_said_and_nothing_is_lost(
    stack: Stack, fault: Callable[[Stack], AbstractContextManager[None]], why: str
) -> None:
    task = stack.task((0, "PENDING"), (600, "COMPLETE"))
    stack.command(f"watch {task}")
    card = stack.see(task, "PENDING", thread_ts=None)
    # A post that cannot be noted any more is another matter: it may be sent again.
    eventually(lambda: (card["ts"],) in stack.rows("SELECT ts FROM cards"), "the card is noted")
    with fault(stack):
        stack.become(task, "RUNNING")
        # On a busy machine it may say first that there was no write for a while.
        eventually(lambda: says(unready(stack), why), "readyz says so")
        told = len(stack.find(SENTENCE, channel=INFERENCE))
        said = stack.command(f"status {task}", channel=INFERENCE)
        assert said["ack_ms"] < ACK_MS
        eventually(
            lambda: len(stack.find(SENTENCE, channel=INFERENCE, ephemeral_to=ANA)) > told,
            "a plain sentence",
            patience=60,
        )
        assert stack.client.get(f"{stack.bot}/healthz").status_code == 200
        assert "beambot_database_up 0.0" in stack.client.get(f"{stack.bot}/metrics").text
    eventually(lambda: unready(stack) is None, "it recovers by itself", patience=60)
    stack.see(task, "RUNNING", thread_ts=card["ts"])
    stack.become(task, "COMPLETE")
    stack.see(task, "COMPLETE", thread_ts=card["ts"], broadcast=True)
    replies = stack.find(task, thread_ts=card["ts"], channel=TRAINING)
    paths = [post["text"].partition("`")[2].partition("` after")[0] for post in replies]
    steps = [part for path in paths for part in path.replace("`", "").split(" → ")]
    assert list(dict.fromkeys(steps)) == ["PENDING", "RUNNING", "COMPLETE"]
    assert sum(post["broadcast"] for post in replies) == 1
    assert stack.rows("PRAGMA integrity_check") == [("ok",)]


def says(broken: JSON | None, why: str) -> bool:
    """Tell whether the database is what is not ready, and one of the reasons why."""
    if broken is None or broken["not_ready"][0] != "database":
        return False
    return any(word in broken["why"]["database"] for word in why.split("|"))


def unready(stack: Stack) -> JSON | None:
    """Return what is not ready."""
    answer = stack.client.get(f"{stack.bot}/readyz")
    return answer.json() if answer.status_code == 503 else None
