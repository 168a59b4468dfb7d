"""What every part of the bench needs: servers in processes of their own, a core each, rows."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot import log

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0
"""Seconds in which a program must be up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    other: str
    """What it is compared with, and that one's figure."""
    ratio: str
    target: str
    met: bool
    note: str = ""


def cores() -> tuple[set[int], set[int]] | None:
    """Return the core of whoever is measured and the cores of the rest; ``None`` if just one."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[0]}, set(usable[1:])) if len(usable) > 1 else None


def pin(pid: int, which: set[int] | None) -> None:
    """Keep a process to cores, where the system can."""
    if which is not None:
        os.sched_setaffinity(pid, which)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


@contextlib.contextmanager
def program(
    arguments: Sequence[str],
    *,
    which: set[int] | None,
    environment: dict[str, str] | None = None,
    log_file: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our programs; it ends with the block, whatever happens."""
    with log_file.open("ab") if log_file else open(os.devnull, "wb") as out:  # noqa: PTH123  # a device
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            pin(process.pid, which)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """The simulated Beam and Slack, running, and a folder for a database."""

    folder: Path
    beam: str
    slack: str

    def flip(self, ids: Sequence[str], status: str) -> None:
        """Change the status of tasks."""
        call(f"{self.beam}/_control/flip", {"ids": list(ids), "status": status})


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Start the simulated Beam and Slack, away from the core of whoever is measured."""
    rest = (cores() or (None, None))[1]
    beam, slack = free_ports(2)
    with (
        tempfile.TemporaryDirectory(prefix="beambot-bench-") as folder,
        program(["-m", "bench.beam", "--port", str(beam)], which=rest),
        program(["-m", "bench.slack", "--port", str(slack)], which=rest),
    ):
        for port in (beam, slack):
            wait_for(f"http://127.0.0.1:{port}/_control/state")
        yield Stage(Path(folder), f"http://127.0.0.1:{beam}", f"http://127.0.0.1:{slack}")


def wait_for(url: str, process: subprocess.Popen[bytes] | None = None) -> float:
    """Wait until ``url`` answers 200; return when it did, in monotonic seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            call(url)
            return time.monotonic()
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"a program ended with {process.returncode} before it was up")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} did not answer within {PATIENCE:g} s")
        time.sleep(0.01)


def call(url: str, given: object = None) -> Any:
    """GET ``url``, or POST ``given`` to it as JSON; return the JSON that it answers."""
    data = None if given is None else json.dumps(given).encode()
    with urllib.request.urlopen(url, data, timeout=PATIENCE) as answer:
        body = answer.read()
    return json.loads(body) if body[:1] in (b"{", b"[") else body


def report(measure: Callable[[bool], Coroutine[Any, Any, list[Row]]]) -> None:
    """Run a part of the bench as a program: print its rows as JSON."""
    # As the product logs, to where it costs the writing alone.
    with Path(os.devnull).open("w") as nowhere:
        log.configure("info", "json", nowhere)
        rows = asyncio.run(measure("quick" in sys.argv[1:]))
    print(json.dumps([dataclasses.asdict(row) for row in rows]))


def share(values: Sequence[float], part: float) -> float:
    """Return the value below which ``part`` of ``values`` lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
