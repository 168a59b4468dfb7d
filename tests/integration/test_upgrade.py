"""Copies of two releases on one database: the schema grows under the old ones, which go on."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.versions import AT, NEEDS
from tests.databases import NewUrl
from tests.integration.siege import DIRECT, PUBLIC, Siege
from tests.processes import Copy, command
from tests.releases import KEPT, UNMEASURED, next_release, unpack
from tests.stack import ANA, INFERENCE, JSON, ROOT, Stack, eventually
from tests.torture import many

GIT = shutil.which("git") or "git"


class Somebody(threading.Thread):
    """Asks for the status of a task again and again, whichever copies there are.

    Args:
        stack: where.
        task: of which one.
    """

    def __init__(self, stack: Stack, task: str) -> None:
        super().__init__(daemon=True)
        self._stack, self._text = stack, f"status {task}"
        self._enough = threading.Event()
        self.asked = 0
        self.late: list[str] = []
        """When an acknowledgement did not come in time, which on a busy machine may be."""

    def run(self) -> None:
        while not self._enough.wait(0.2):
            said = self._stack.control("command", user=ANA, channel=INFERENCE, text=self._text)
            self.asked += 1
            if said["status"] != 200:
                self.late.append(f"{time.strftime('%H:%M:%S')} {said}")

    def answers(self) -> list[JSON]:
        """Return what the bot has answered so far."""
        return self._stack.find(ephemeral_to=ANA, channel=INFERENCE, is_bot=True)

    def stop(self) -> None:
        """Ask no more."""
        self._enough.set()
        self.join(30)


class Upgrade:
    """An old copy that a new one replaces, and the way back.

    After each step tasks go on to change until whoever is left has told some of it.

    Args:
        folder: for the logs.
        siege: a siege whose bot is the old copy.
        new: the code of the new one.
    """

    def __init__(self, folder: Path, siege: Siege, new: Path) -> None:
        self._folder, self._siege, self._code = folder, siege, new
        self.new: list[Copy] = []
        self.stops = 0

    def run(self) -> None:
        """Upgrade, and roll back."""
        for step in (self._new_beside_old, self._new_alone, self._old_beside_new, self._old_alone):
            step()

    def logs(self) -> str:
        """Return what all copies wrote."""
        return self._old() + "".join(copy.log for copy in self.new)

    def stop(self) -> None:
        """End everything."""
        for copy in self.new:
            copy.stop()
        self._siege.stack.stop()

    def _new_beside_old(self) -> None:
        usual = self._siege.stack.environment.items()
        settings = {name: value for name, value in usual if name not in ("HOST", "PORT")}
        self.new.append(Copy(self._folder, f"new{len(self.new)}", settings, code=self._code))
        self.new[-1].see_ready()
        self._tell(self._old)
        self._tell(self._newest)

    def _new_alone(self) -> None:
        self.stops += 1
        code, seconds = self._siege.stack.stop_bot()
        assert code == 0
        assert seconds < 10
        self._tell(self._newest)

    def _old_beside_new(self) -> None:
        self._siege.stack.start_bot()
        self._tell(self._old)

    def _old_alone(self) -> None:
        self.stops += 1
        assert self.new[-1].stop() == 0
        self._tell(self._old)

    def _old(self) -> str:
        return self._siege.stack.log_of("bot")

    def _newest(self) -> str:
        return self.new[-1].log

    def _tell(self, log: Callable[[], str]) -> None:
        def told() -> bool:
            # What was asked for and acknowledged is never asked for again: no stop may lose it.
            self._siege.top_up(again=False)
            return log().count("delivered ") >= enough

        enough = log().count("delivered ") + 2
        eventually(told, f"{log.__name__} tells", 60)


def test_old_and_new_share_the_work_and_nothing_is_lost_or_doubled(
    tmp_path: Path, new_url: NewUrl
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SEED={seed}")
    settings = {"DATABASE_URL": new_url(), "POLL_INTERVAL": "0.5", **UNMEASURED}
    old, new = unpack(KEPT[-1], tmp_path), next_release(tmp_path)
    siege = Siege(tmp_path, seed, 12, settings, functools.partial(Stack, code=old), http=False)
    # Where it may be read back what was posted, nothing at all may double.
    siege.channels = [*PUBLIC, *DIRECT]
    upgrade = Upgrade(tmp_path, siege, new)
    task = siege.stack.task()
    siege.ends[task] = "COMPLETE"
    somebody = Somebody(siege.stack, task)
    try:
        siege.top_up()
        somebody.start()
        for _ in range(many(1, 10)):
            upgrade.run()
        siege.end_soon()
        eventually(lambda: not siege.open_ends(), "all is told", patience=120)
        somebody.stop()
        # Slack cannot be told that a connection is about to close: what it sends there just then
        # goes unheard, and Slack says so to the person.
        least = somebody.asked - upgrade.stops
        eventually(lambda: len(somebody.answers()) >= least, f"answers; {somebody.late}")
        answers = somebody.answers()
        verdict = siege.judge()
        revisions = [siege.stack.rows(f"SELECT version_num FROM {name}") for name in (AT, NEEDS)]  # noqa: S608  # our own names
    finally:
        somebody.stop()
        upgrade.stop()
    print(verdict, f"commands={somebody.asked} unheard={somebody.asked - len(answers)}")
    assert (verdict.lost, verdict.wrong, verdict.doubled) == ([], [], [])
    assert verdict.changes > 10
    assert all(task in answer["text"] for answer in answers)
    assert "error_id" not in upgrade.logs()
    # The old copy ran on a schema that it did not know.
    assert revisions == [[("next",)], [("0005",)]]


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.stem)
def test_what_is_kept_of_a_release_is_what_its_commit_says(kept: Path) -> None:
    commit = zipfile.ZipFile(kept).comment.decode()
    anew = subprocess.run(
        [GIT, "archive", "--format=zip", commit, "app.py", "bot", "storage"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if anew.returncode:
        pytest.skip("this clone does not go back so far")
    assert contents(kept) == contents(io.BytesIO(anew.stdout))


def contents(file: Path | io.BytesIO) -> dict[str, bytes]:
    """Return what an archive holds."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_over_http_a_copy_that_stops_takes_nothing_that_it_will_not_answer(tmp_path: Path) -> None:
    stack = Stack(tmp_path, http=True)
    task = stack.task()
    stack.control("faults", method="chat.postMessage", kind="stall", delay=5)
    stack.command(f"watch {task}")
    sending = "SELECT id FROM deliveries WHERE state = 'sending'"
    eventually(lambda: stack.rows(sending), "a message that Slack is slow to take")
    # Whoever asks has to wait for the answer, which a copy that ends must wait for too.
    slow = {"kind": "404", "delay": 0.8}
    stack.client.post(f"{stack.beam}/_control/faults", json=slow).raise_for_status()
    ends = threading.Thread(target=stack.stop_bot)
    taken = 0
    try:
        for number in range(1_000):
            if number == 2:
                ends.start()
            if number > 2 and not ends.is_alive():
                break
            said = stack.control("command", user=ANA, channel=INFERENCE, text=f"status {task}")
            taken += said["status"] == 200
        ends.join()
        assert taken >= 2
        answers = stack.find(ephemeral_to=ANA, channel=INFERENCE, is_bot=True)
        assert len(answers) == taken
    finally:
        stack.stop()


def test_a_copy_says_once_that_the_schema_is_ahead_and_runs(
    socket_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "bot.db"
    usual = socket_stack.environment.items()
    settings = {name: value for name, value in usual if name not in ("HOST", "PORT")}
    settings["DATABASE_URL"] = f"sqlite:///{file}"
    assert command(settings, "migrate", code=next_release(tmp_path)).returncode == 0
    left = command(settings, "migrate")
    assert (left.returncode, left.stderr) == (0, "")
    assert (
        left.stdout == "The schema (next) is newer than this version of Beambot: left as it is.\n"
    )
    checked = command(settings, "check")
    assert checked.returncode == 0
    assert "ok    database: up to date; its schema (next) is newer than this" in checked.stdout
    copy = Copy(tmp_path, "copy", settings)
    try:
        copy.see_ready()
    finally:
        assert copy.stop() == 0
    assert copy.log.count("the schema is newer than this version") == 1


def test_a_copy_that_lacks_what_the_schema_needs_says_so_and_is_not_started_again(
    socket_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "bot.db"
    settings = {**socket_stack.environment, "DATABASE_URL": f"sqlite:///{file}", "PORT": "0"}
    assert command(settings, "migrate").returncode == 0
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        for table in (AT, NEEDS):
            database.execute(f"UPDATE {table} SET version_num = 'next'")  # noqa: S608  # our own
    why = "its schema (next) is for versions of Beambot that know revision next"
    for arguments, code in (((), 78), (("migrate",), 78), (("check",), 1)):
        done = command(settings, *arguments)
        assert done.returncode == code, done
        assert why in done.stdout + done.stderr
