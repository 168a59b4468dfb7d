"""A copy of the database that was taken while the bot ran is a database to go on from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.integration.nursery import QuickStack
from tests.stack import ROOT


def test_a_backup_taken_while_the_bot_runs_can_be_started_from(tmp_path: Path) -> None:
    stack = QuickStack(tmp_path, http=True, empty=True)
    try:
        task = stack.task((0, "PENDING"), (600, "COMPLETE"))
        busy = [stack.task(*((0.3 * n, ("RUNNING", "RETRY")[n % 2]) for n in range(100)))]
        stack.command(f"watch {task}")
        stack.command(f"watch {busy[0]}")
        card = stack.see(task, "PENDING", thread_ts=None)
        stack.see(busy[0], "RETRY")
        copies = []
        for number in range(3):
            copies.append(tmp_path / f"copy{number}.db")
            said = subprocess.run(
                [sys.executable, "app.py", "backup", str(copies[-1])],
                cwd=ROOT,
                env=stack.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            assert "checked" in said.stdout
        again = subprocess.run(
            [sys.executable, "app.py", "backup", str(copies[-1])],
            cwd=ROOT,
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (again.returncode, "exists already" in again.stderr) == (1, True)
        assert stack.stop_bot()[0] == 0
        stack.environment["DATABASE_URL"] = f"sqlite:///{copies[-1]}"
        stack.start_bot()
        stack.become(task, "COMPLETE")
        end = stack.see(task, "COMPLETE", thread_ts=card["ts"], broadcast=True)
        assert len(stack.find(task, "COMPLETE", broadcast=True)) == 1
        assert end["thread_ts"] == card["ts"]
    finally:
        stack.stop()
