"""A bot that starts in a moment: its modules are read once, and each process is a fork of that.

What is killed is a process of its own all the same, with its own sockets and its own connections
to the database. The modules of `python app.py` take over a second to read, which is most of what
a kill would cost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import app
from tests.integration import quick_leases
from tests.stack import Stack

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload([quick_leases.__name__])


def live(environment: Mapping[str, str], log: Path) -> None:
    """Be the bot: `python app.py` from here on."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["app.py"]
    quick_leases.shorten()
    app.main()


class Forked:
    """A bot that was forked, handled like one that was started."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._process = _fork.Process(target=live, args=(dict(environment), log), daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """Return the exit code, ``None`` while it lives."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def wait(self, patience: float) -> int:
        """Wait until it has ended; return the exit code."""
        self._process.join(patience)
        code = self.poll()
        assert code is not None, f"it did not end within {patience:g} s"
        return code


class QuickStack(Stack):
    """Three programs; the bot starts in a moment, and its leases are short."""

    def _start(self, name: str, arguments: list[str]) -> None:
        if name == "bot":
            self._running[name] = Forked(self.environment, self.folder / "bot.log")
        else:
            super()._start(name, arguments)
