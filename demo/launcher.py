"""Starts the three programs of the demo, lets something happen, and stops them together."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from demo.ports import free_port
from demo.process import ROOT, Part, PartFailed

T = TypeVar("T")

BOT_TOKEN, APP_TOKEN, BEAM_TOKEN = "xoxb-local-bot", "xapp-local-app", "demo-beam-token"
ANA, TRAINING = "U0ANA", "C0TRAINING"
# What the bot reads: a person's real tokens must not reach the demo.
SETTINGS = ("SLACK_", "BEAM_", "POLL_", "LOG_", "DATABASE_URL", "ENCRYPTION_KEY", "CANCEL_POLICY")
# Tasks for the commands to try, with lives long enough for a person to read and type.
FOR_PEOPLE: Mapping[str, list[tuple[float, str]]] = {
    "nightly": [(0, "PENDING"), (5, "RUNNING"), (900, "COMPLETE")],
    "image": [(0, "PENDING"), (30, "RUNNING"), (280, "COMPLETE")],
    "slow-stop": [(0, "PENDING"), (5, "RUNNING"), (800, "COMPLETE")],
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides. `patience` is how long each part may take, in seconds."""

    port: int = 8700
    speed: float = 1.0
    patience: float = 60.0
    app: Path = ROOT / "app.py"
    workspace: str = "demo.workspace"


class Demo:
    """The three programs and the order in which they start.

    Args:
        folder: an empty folder for the bot's database and the manifest.
        say: takes the lines for the person at the terminal.
    """

    def __init__(self, options: Options, folder: Path, say: Callable[[str], None]) -> None:
        self._options = options
        self._folder = folder
        self._say = say
        self._parts: list[Part] = []
        self._ends: list[asyncio.Task[PartFailed]] = []
        page = free_port(options.port)
        if page != options.port:
            say(f"Port {options.port} is taken, using {page}.")
        beam = free_port(page + 1)
        self._bot_port = free_port(beam + 1)
        self.page = f"http://127.0.0.1:{page}"
        self.beam = f"http://127.0.0.1:{beam}"
        self._page_port, self._beam_port = page, beam

    async def run(self) -> None:
        """Start everything, say so, and go on until a part ends.

        Raises:
            PartFailed: when a part does not start, or ends.
        """
        manifest = await self._write_manifest()
        for part in (self._beam_part(), self._workspace_part(manifest), self._bot_part()):
            self._say(f"Starting {part.name} ...")
            self._parts.append(part)
            await part.start()
            self._ends.append(asyncio.create_task(part.ended()))
            await self._while_all_run(part.ready(self._options.patience))
        commands = await self._while_all_run(self._begin())
        self._say(self._welcome(commands))
        await asyncio.wait(self._ends, return_when=asyncio.FIRST_COMPLETED)
        self._raise_ended()

    async def stop(self) -> None:
        """End every part, the bot first, so that nothing it needs goes away under it."""
        for task in self._ends:
            task.cancel()
        for part in reversed(self._parts):
            await part.stop()

    async def _write_manifest(self) -> Path:
        """Ask the bot which commands and shortcuts it has, as Slack is told by its manifest."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self._options.app),
            "manifest",
            cwd=self._folder,
            env=clean_environment(os.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._options.patience):
                output, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise PartFailed("the bot", "did not print its manifest in time") from None
        if process.returncode != 0:
            lines = errors.decode(errors="replace").splitlines()[-15:]
            raise PartFailed("the bot", "could not print its manifest", lines)
        path = self._folder / "manifest.json"
        path.write_bytes(output)
        return path

    def _beam_part(self) -> Part:
        return Part(
            "the simulated Beam",
            [
                *("-m", "demo.beam", "--port", str(self._beam_port)),
                *("--token", BEAM_TOKEN, "--speed", str(self._options.speed)),
            ],
            f"{self.beam}/healthz",
            clean_environment(os.environ),
        )

    def _workspace_part(self, manifest: Path) -> Part:
        return Part(
            "the local workspace",
            [
                *("-m", self._options.workspace, "--port", str(self._page_port)),
                *("--beam-url", self.beam, "--manifest", str(manifest)),
            ],
            f"{self.page}/healthz",
            clean_environment(os.environ),
        )

    def _bot_part(self) -> Part:
        port = str(self._bot_port)
        return Part(
            "the bot",
            [str(self._options.app)],
            f"http://127.0.0.1:{port}/readyz",
            {
                **clean_environment(os.environ),
                "SLACK_BOT_TOKEN": BOT_TOKEN,
                "SLACK_APP_TOKEN": APP_TOKEN,
                "SLACK_API_URL": f"{self.page}/api/",
                "BEAM_TOKEN": BEAM_TOKEN,
                "BEAM_API_URL": f"{self.beam}/v2",
                "DATABASE_URL": f"sqlite:///{self._folder / 'beambot-demo.db'}",
                "HOST": "127.0.0.1",
                "PORT": port,
                "LOG_LEVEL": "warning",
            },
            # Away from the checkout, so that a `.env` there is not read.
            self._folder,
        )

    async def _begin(self) -> list[str]:
        """Let Ana watch a group and a single task; return the commands to try."""
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            try:
                rows = (await client.get(f"{self.beam}/_control/tasks")).raise_for_status().json()
                tasks = {
                    kind: await self._start_task(client, kind, life)
                    for kind, life in FOR_PEOPLE.items()
                }
            except httpx.HTTPError as error:
                raise PartFailed("the simulated Beam", f"did not start tasks: {error}") from error
            for kind in ("batch", "retry"):
                ids = [row["id"] for row in rows if row["simulation"]["recipe"] == kind]
                await self._watch(client, ids)
        return [
            f"/beam status {tasks['nightly']}",
            f"/beam watch {tasks['image']}",
            f"/beam cancel {tasks['slow-stop']}",
        ]

    async def _start_task(
        self, client: httpx.AsyncClient, kind: str, life: list[tuple[float, str]]
    ) -> str:
        answer = await client.post(f"{self.beam}/_control/tasks", json={"kind": kind, "life": life})
        return str(answer.raise_for_status().json()[0]["id"])

    async def _watch(self, client: httpx.AsyncClient, ids: list[str]) -> None:
        said = {"user": ANA, "channel": TRAINING, "command": "/beam"}
        said["text"] = " ".join(["watch", *ids])
        try:
            answer = await client.post(f"{self.page}/_control/command", json=said)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise PartFailed(
                "the local workspace", f"did not take the first command: {error}"
            ) from error

    def _welcome(self, commands: list[str]) -> str:
        lines = ["", "Beambot is running. Open", "", f"    {self.page}/", ""]
        lines += ["where #training already has something to see. Then try", ""]
        lines += [f"    {command}" for command in commands]
        return "\n".join([*lines, "", "Ctrl-C stops everything."])

    async def _while_all_run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, but give up at once when a part ends meanwhile."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait([task, *self._ends], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._raise_ended()
            return await task
        finally:
            task.cancel()

    def _raise_ended(self) -> None:
        for task in self._ends:
            if task.done():
                raise task.result()


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without any of the bot's settings."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(SETTINGS) and name not in {"HOST", "PORT"}
    }
