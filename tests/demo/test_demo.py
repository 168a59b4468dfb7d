"""`make demo` as a program: it starts, shows something, and stops altogether."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stack import ROOT, eventually, free_ports


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "demo.log"


def start(log: Path, *options: str) -> subprocess.Popen[bytes]:
    port = str(free_ports(1)[0])
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "demo", "--port", port, "--speed", "10", *options],
            cwd=ROOT,
            env=os.environ,
            stdout=out,
            stderr=out,
        )


@pytest.fixture
def demo(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(log)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def refused(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.ConnectError:
        return True
    return False


def test_the_demo_shows_something_and_stops_altogether(
    demo: subprocess.Popen[bytes], log: Path
) -> None:
    eventually(lambda: "Ctrl-C stops everything." in log.read_text(), "it is up", patience=60)
    page = re.findall(r"http://127\.0\.0\.1:\d+/", log.read_text())[0]
    assert len(re.findall(r"/beam (?:status|watch|cancel) [0-9a-f-]{36}", log.read_text())) == 3
    channel = f"{page}ui/channel?user=U0ANA&channel=C0TRAINING"
    eventually(lambda: "Watched by" in httpx.get(channel).text, "a card is there")
    eventually(lambda: "replied to a" in httpx.get(channel).text, "an end is told", patience=60)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0
    assert "Everything has stopped." in log.read_text()
    assert refused(page)


def test_a_part_that_does_not_start_is_named(log: Path, tmp_path: Path) -> None:
    broken = tmp_path / "app.py"
    broken.write_text("raise SystemExit('no manifest today')")
    process = start(log, "--app", str(broken))
    assert process.wait(60) == 1
    said = log.read_text()
    assert "the bot could not print its manifest" in said
    assert "no manifest today" in said
