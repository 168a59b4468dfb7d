"""The bot as one of several real processes, each with a port and a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from demo.launcher import clean_environment
from tests.stack import ROOT, eventually, free_ports


class Copy:
    """One `python app.py`.

    Args:
        folder: for its log.
        name: of its log.
        settings: its environment, beside host and port.
        program: the bot, as arguments of Python.
        code: the folder of the bot's code.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        settings: Mapping[str, str],
        program: Sequence[str] = ("app.py",),
        code: Path = ROOT,
    ) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = folder / f"{name}.log"
        self.settings = {
            **clean_environment(os.environ),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            **settings,
        }
        self.client = httpx.Client(trust_env=False, timeout=60)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=code,
                env=self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """What it wrote."""
        return self.log_file.read_text()

    def see_ready(self) -> None:
        """Wait until it is ready."""
        eventually(self._ready, "the bot is ready", 60)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; return its exit code."""
        if self.process.poll() is None:
            # A process that is paused takes nothing but SIGKILL.
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        self.client.close()
        return self.process.wait(60)

    def _ready(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self.log[-2000:]}"
        try:
            return self.client.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


def command(
    settings: Mapping[str, str], *arguments: str, code: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run `python app.py` with arguments, to its end."""
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=code,
        env={**clean_environment(os.environ), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
