"""The main job once against local-slack, a workspace that others wrote (npm, MIT licence)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.launcher import BEAM_TOKEN, clean_environment
from tests.stack import ROOT, eventually, free_ports

pytestmark = pytest.mark.interop

# The npm package `local-slack` only picks one of these; each holds a single program.
PACKAGE = "local-slack-linux-x64@0.1.8"
CONFIG = {
    "workspace": {"name": "Acme ML", "domain": "acme-ml", "teamId": "T0BEAMDEMO"},
    "users": [{"id": "U0ANA", "name": "ana", "real_name": "Ana"}],
    "channels": [{"id": "C0TRAINING", "name": "training", "members": ["U0ANA", "U0BOT"]}],
    "apps": [{"appId": "A0BEAMBOT", "botUserId": "U0BOT", "botName": "beambot"}],
}


@pytest.fixture(scope="session")
def program() -> Path:
    """The program, fetched from npm once."""
    folder = ROOT / ".interop"
    found = folder / "package" / "bin" / "local-slack"
    if not found.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed: apt-get install npm")
        folder.mkdir(exist_ok=True)
        npm = ["npm", "pack", "--silent", PACKAGE]
        packed = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
        if packed.returncode:
            pytest.skip("npm cannot fetch local-slack here")
        with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
            archive.extractall(folder, filter="data")
    return found


@pytest.fixture
def world(program: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """local-slack, the simulated Beam and the bot; their addresses."""
    slack, beam, bot = free_ports(3)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    slack_url, beam_url = f"http://localhost:{slack}", f"http://127.0.0.1:{beam}"
    environment = clean_environment(os.environ)
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-test-token",
        "SLACK_APP_TOKEN": "xapp-test-token",
        "SLACK_API_URL": f"{slack_url}/api/",
        "BEAM_TOKEN": BEAM_TOKEN,
        "BEAM_API_URL": f"{beam_url}/v2",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'beambot.db'}",
        "HOST": "127.0.0.1",
        "PORT": str(bot),
        "POLL_INTERVAL": "0.2",
        "POLL_MAX_INTERVAL": "1",
    }
    commands = {
        slack_url: [str(program), "--config", str(config), "--port", str(slack)],
        f"{beam_url}/healthz": [
            *(sys.executable, "-m", "demo.beam", "--port", str(beam), "--token", BEAM_TOKEN)
        ],
        f"http://127.0.0.1:{bot}/readyz": [sys.executable, "app.py"],
    }
    running = []
    try:
        for url, command in commands.items():
            running.append(subprocess.Popen(command, cwd=ROOT, env=environment | settings))
            eventually(lambda url=url: answers(url), url)  # type: ignore[misc]
        yield slack_url, beam_url
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(15)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_watch_see_it_change_and_cancel(world: tuple[str, str]) -> None:
    slack, beam = world
    life = {"kind": "image", "life": [[0, "PENDING"], [1, "RUNNING"], [600, "COMPLETE"]]}
    task = httpx.post(f"{beam}/_control/tasks", json=life).json()[0]["id"]
    said = {"command": "/beam", "channel": "C0TRAINING", "user": "U0ANA"}

    def post(step: str, body: dict[str, Any]) -> None:
        answer = httpx.post(f"{slack}/_control/{step}", json=body).json()
        assert answer["ok"] is True, answer

    def read(method: str, **arguments: str) -> list[dict[str, Any]]:
        token = {"authorization": "Bearer xoxb-test-token"}
        answer = httpx.get(f"{slack}/api/{method}", params=arguments, headers=token).json()
        found: list[dict[str, Any]] = answer["messages"]
        return found

    def card(word: str) -> dict[str, Any] | None:
        for message in read("conversations.history", channel="C0TRAINING"):
            if task in json.dumps(message) and word in message["text"]:
                return message
        return None

    post("command", {**said, "text": f"watch {task}"})
    shown = eventually(lambda: card("Running"), "the card shows that it runs")

    def replied(*words: str) -> bool:
        replies = read("conversations.replies", channel="C0TRAINING", ts=shown["ts"])
        return any(all(word in reply["text"] for word in words) for reply in replies)

    eventually(lambda: replied("PENDING", "RUNNING"), "the change is told in the thread")
    red = next(
        element
        for block in shown["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == "task.cancel"
    )
    where = {"channel": "C0TRAINING", "messageTs": shown["ts"], "user": "U0ANA"}
    post("interact", {**where, "action": red})
    eventually(lambda: card("Cancelled"), "the card shows the truth")
    eventually(lambda: replied("<@U0ANA>", "asked to cancel", "cancelled"), "who did it is told")
