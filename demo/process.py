"""One part of the demo as a process: started in a group of its own, heard, checked, ended."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
KEPT_LINES = 15


class PartFailed(Exception):
    """A part of the demo did not start, or ended by itself.

    Args:
        part: its name, as a person would say it.
        reason: what happened.
        output: its last lines.
    """

    def __init__(self, part: str, reason: str, output: Sequence[str] = ()) -> None:
        super().__init__(f"{part} {reason}")
        self.part, self.reason, self.output = part, reason, tuple(output)


@dataclass
class Part:
    """A program of the demo.

    `arguments` go to this interpreter; `environment` is all that it sees of the environment;
    `health` is the address that answers 200 once it works; `folder` is where it runs.
    """

    name: str
    arguments: Sequence[str]
    health: str
    environment: Mapping[str, str]
    folder: Path = ROOT
    process: asyncio.subprocess.Process | None = None
    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the program. A group of its own lets `stop` reach whatever it starts."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.arguments,
            cwd=self.folder,
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self.process))

    async def ready(self, deadline: float) -> None:
        """Wait until the health address answers 200.

        Args:
            deadline: seconds to wait at most.

        Raises:
            PartFailed: if it does not in time, or ends before.
        """
        last = "it did not listen"
        try:
            async with asyncio.timeout(deadline), httpx.AsyncClient(trust_env=False) as client:
                while True:
                    await self._check_running()
                    try:
                        answer = await client.get(self.health, timeout=2)
                    except httpx.HTTPError:
                        await asyncio.sleep(0.1)
                        continue
                    if answer.status_code == httpx.codes.OK:
                        return
                    last = f"it answered {answer.status_code}: {answer.text[:200]}"
                    await asyncio.sleep(0.2)
        except TimeoutError:
            reason = f"was not ready after {deadline:.0f} s ({last})"
            raise PartFailed(self.name, reason, self._lines) from None

    async def ended(self) -> PartFailed:
        """Wait until the program ends by itself, and say how."""
        if self.process is None:
            return PartFailed(self.name, "was never started")
        code = await self.process.wait()
        if self._reader is not None:
            await asyncio.wait({self._reader}, timeout=1)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return PartFailed(self.name, how, self._lines)

    async def stop(self, patience: float = 10.0) -> None:
        """End the program and everything in its group: politely, then by force.

        Args:
            patience: seconds between asking and forcing.
        """
        if self.process is None:
            return
        if self.process.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(patience):
                    await self.process.wait()
            except TimeoutError:
                pass
        # What the program itself started may outlive it; the group is its own, so this is safe.
        self._signal(signal.SIGKILL)
        await self.process.wait()
        if self._reader is not None:
            await asyncio.wait({self._reader}, timeout=1)

    async def _check_running(self) -> None:
        if self.process is not None and self.process.returncode is not None:
            raise await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        while chunk := await process.stdout.readline():
            self._lines.append(chunk.decode(errors="replace").rstrip())
