"""The bot, the local workspace and the simulated Beam as real processes over real sockets."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import psycopg

from demo.launcher import APP_TOKEN, BEAM_TOKEN, BOT_TOKEN, clean_environment

ROOT = Path(__file__).parent.parent
SECRET = "local-signing-secret"
ANA, OMAR, GUS, EVE = "U0ANA", "U0OMAR", "U0GUS", "U0EVE"
TRAINING, INFERENCE, RANDOM, OPS = "C0TRAINING", "C0INFERENCE", "C0RANDOM", "G0OPS"
PATIENCE = 60.0
"""Seconds to wait for what must happen; a machine that is busy needs them, others do not."""
JSON = dict[str, Any]
T = TypeVar("T")

_chance = random.SystemRandom()


def eventually(look: Callable[[], T | None], what: str = "", patience: float = PATIENCE) -> T:
    """Return the first true value of ``look``, or fail after ``patience`` seconds."""
    deadline, pause = time.monotonic() + patience, 0.02
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {patience:g} s: {what or look}")
        # Looks cost what is waited for its time on a busy machine: the longer, the fewer.
        time.sleep(pause)
        pause = min(pause * 1.5, 0.3)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now.

    They are below those that systems give to connections, and chosen by chance: between this look
    and a program's start nobody else, such as a test in another process, comes upon them.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = _chance.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in ports:
                ports.append(port)
    return ports


@functools.cache
def _manifest() -> bytes:
    """Return what the bot asks of Slack, as its own command prints it."""
    command = [sys.executable, "app.py", "manifest"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


class Program(Protocol):
    """A process, as far as it is handled here."""

    pid: int

    def poll(self) -> int | None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...
    def terminate(self) -> None: ...
    def wait(self, patience: float, /) -> int: ...


class Stack:
    """Three programs, and what a test does to them.

    Args:
        folder: for the database and the logs.
        http: whether Slack reaches the bot over HTTP instead of Socket Mode.
        settings: of the bot, beside and instead of the usual ones.
        program: the bot, as arguments of Python.
        scopes: what the app may do in Slack beyond its own manifest.
        empty: whether Beam starts without tasks.
        code: the folder of the bot's code.
    """

    def __init__(
        self,
        folder: Path,
        *,
        http: bool,
        settings: dict[str, str] | None = None,
        program: Sequence[str] = ("app.py",),
        scopes: Sequence[str] = (),
        empty: bool = False,
        code: Path = ROOT,
    ) -> None:
        self.folder = folder
        self.code = code
        self.program = list(program)
        workspace, beam, bot = free_ports(3)
        self.slack, self.beam = f"http://127.0.0.1:{workspace}", f"http://127.0.0.1:{beam}"
        self.bot = f"http://127.0.0.1:{bot}"
        self.events = f"{self.bot}/slack/events"
        # A connection that is kept may be closed by the server just when it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(trust_env=False, timeout=60, limits=limits)
        self._running: dict[str, Program] = {}
        transport = {"SLACK_SIGNING_SECRET": SECRET} if http else {"SLACK_APP_TOKEN": APP_TOKEN}
        self.environment = {
            **clean_environment(os.environ),
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            **transport,
            "SLACK_API_URL": f"{self.slack}/api/",
            "BEAM_TOKEN": BEAM_TOKEN,
            "BEAM_API_URL": f"{self.beam}/v2",
            "DATABASE_URL": f"sqlite:///{folder / 'beambot.db'}",
            "HOST": "127.0.0.1",
            "PORT": str(bot),
            "POLL_INTERVAL": "0.2",
            "POLL_MAX_INTERVAL": "1",
            **(settings or {}),
        }
        manifest = folder / "manifest.json"
        described = json.loads(_manifest())
        described["oauth_config"]["scopes"]["bot"] += scopes
        manifest.write_text(json.dumps(described))
        alone, token = ["--empty"] if empty else [], self.environment["BEAM_TOKEN"]
        self._start("beam", ["-m", "demo.beam", "--port", str(beam), "--token", token, *alone])
        events = ["--events-url", self.events] if http else []
        options = ["--port", str(workspace), "--manifest", str(manifest), "--no-rate-limits"]
        # A machine that is busy with other tests may need longer than Slack allows.
        options += ["--trigger-seconds", "30"]
        options += ["--bot-token", self.environment["SLACK_BOT_TOKEN"]]
        options += ["--signing-secret", self.environment.get("SLACK_SIGNING_SECRET", SECRET)]
        self._start("workspace", ["-m", "demo.workspace", *options, *events])
        for url in (self.beam, self.slack):
            eventually(lambda url=url: self._answers(f"{url}/healthz"), url)  # type: ignore[misc]
        self.start_bot()

    def start_bot(self, *, wait: bool = True) -> Program:
        """Start the bot, and wait until it is ready."""
        self._start("bot", self.program)
        if wait:
            self.see_ready()
        return self._running["bot"]

    def see_ready(self) -> None:
        """Wait until the bot is ready."""
        eventually(lambda: self._answers(f"{self.bot}/readyz"), "the bot is ready")

    def stop_bot(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End the bot; return its exit code and the seconds that it took."""
        process, began = self._running.pop("bot"), time.monotonic()
        process.send_signal(number)
        return process.wait(60), time.monotonic() - began

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            process.wait(60)
        self.client.close()

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """Look into the bot's database without changing it."""
        path = self.environment["DATABASE_URL"].split("///")[1].split("?")[0]
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection

    def rows(self, query: str) -> list[Any]:
        """Return what a query finds in the bot's database."""
        url = self.environment["DATABASE_URL"]
        if not url.startswith("sqlite"):
            with psycopg.connect(url) as server:
                return server.execute(query.encode()).fetchall()
        with self.database() as connection:
            return connection.execute(query).fetchall()

    def posts(self) -> list[JSON]:
        """Return every message of the bot's that carries metadata, in short."""
        answer = self.client.get(f"{self.slack}/_control/posts").raise_for_status()
        found: list[JSON] = answer.json()["posts"]
        return found

    def pid(self, name: str) -> int:
        """Return the id of a program's process."""
        return self._running[name].pid

    def log_of(self, name: str) -> str:
        """Return what a program wrote."""
        return (self.folder / f"{name}.log").read_text()

    def close_dialogs(self) -> None:
        """Close what an earlier test left open: it would meet whoever looks next."""
        state = self.client.get(f"{self.slack}/_control/state").raise_for_status().json()
        for view in state["views"].values():
            self.control("close", user=view["user"], view_id=view["id"])

    def task(self, *life: tuple[float, str], kind: str = "image") -> str:
        """Start a simulated task with a life of (seconds, status); return its id."""
        steps = life or ((0, "PENDING"), (0.2, "RUNNING"), (600, "COMPLETE"))
        given = {"kind": kind, "life": [list(step) for step in steps]}
        answer = self.client.post(f"{self.beam}/_control/tasks", json=given).raise_for_status()
        return str(answer.json()[0]["id"])

    def become(self, task: str, status: str) -> None:
        """Have a simulated task become something at once."""
        url, given = f"{self.beam}/_control/tasks/{task}", {"status": status}
        self.client.post(url, json=given).raise_for_status()

    def control(self, step: str, **given: Any) -> JSON:
        """Do something as a person, or to the workspace."""
        answer = self.client.post(f"{self.slack}/_control/{step}", json=given)
        said: JSON = answer.json()
        assert answer.status_code == 200, said
        return said

    def command(self, text: str, user: str = ANA, channel: str = TRAINING) -> JSON:
        """Use ``/beam``; it must be acknowledged."""
        said = self.control("command", user=user, channel=channel, text=text)
        assert said["status"] == 200, said
        return said

    def say(self, text: str, user: str = ANA, channel: str = TRAINING, **rest: Any) -> JSON:
        """Write a message."""
        return self.control("message", user=user, channel=channel, text=text, **rest)

    def press(self, message: JSON, action_id: str, user: str = ANA) -> JSON:
        """Press a button of a message."""
        where = {"channel": message["channel"], "ts": message["ts"]}
        return self.control("act", user=user, action_id=action_id, **where)

    def messages(self, channel: str = TRAINING) -> list[JSON]:
        """Return what the bot and Slack itself have said in a channel and what still stands."""
        state = self.client.get(f"{self.slack}/_control/state").raise_for_status().json()
        said: list[JSON] = state["messages"].get(channel, [])
        return [one for one in said if (one["is_bot"] or one["notice"]) and not one["deleted"]]

    def see(self, *words: str, channel: str = TRAINING, count: int = 1, **fields: Any) -> JSON:
        """Wait for messages that hold all words, and return the last; ``fields`` must be equal."""

        def found() -> list[JSON] | None:
            hits = self.find(*words, channel=channel, **fields)
            return hits if len(hits) >= count else None

        return eventually(found, f"{words} {fields} in {channel}")[-1]

    def find(self, *words: str, channel: str = TRAINING, **fields: Any) -> list[JSON]:
        """Return the messages that hold all words."""
        return [
            one
            for one in self.messages(channel)
            if all(word in one["text"] + json.dumps(one["blocks"]) for word in words)
            and all(one[name] == value for name, value in fields.items())
        ]

    def _answers(self, url: str) -> bool:
        for name, process in self._running.items():
            assert process.poll() is None, f"{name} ended: {self.log_of(name)[-2000:]}"
        try:
            return self.client.get(url).status_code == 200
        except httpx.TransportError:
            return False

    def _start(self, name: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.code if name == "bot" else ROOT,
                env=self.environment if name == "bot" else clean_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
