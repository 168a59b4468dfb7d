"""Slack's own answers, or Beam's, take ever so long: requests are acknowledged, work goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.slack.manifest import WATCH_IN_MESSAGE
from bot.tasks import Task, TaskId
from tests.bot.services.world import A, B, FakeBeam
from tests.fuzz.slack_side import Response, SlackSide, TakesAll, encoded
from tests.fuzz.test_payloads import click, command, event, shortcut
from tests.torture import many

ROUNDS = many(5, 100)
ACK = 3.0
"""Seconds after which Slack tells people that the app did not answer."""


class Door:
    """What is asked of Slack or Beam waits before it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0

    async def pass_through(self) -> None:
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1


class LateResponse(Response):
    """Comes when the door is open."""

    def __init__(self, body: dict[str, Any], door: Door) -> None:
        super().__init__(body)
        self._door = door

    async def __aenter__(self) -> Response:
        await self._door.pass_through()
        return self


class LateSlack(TakesAll):
    """Takes everything at once, and answers late."""

    def __init__(self) -> None:
        super().__init__()
        self.door = Door()

    def request(self, method: str, url: str, **rest: Any) -> Response:
        return LateResponse(super().request(method, url, **rest)._body, self.door)


class LateBeam:
    """Beam that answers late."""

    def __init__(self, beam: FakeBeam) -> None:
        self.door = Door()
        self._get = beam.get

    async def get(self, task_id: TaskId) -> Task:
        await self.door.pass_through()
        return await self._get(task_id)


class Rig:
    """The whole Slack side, with doors before Slack and Beam."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        slack = LateSlack()
        self.side = SlackSide(path, slack)
        beam = LateBeam(self.side.world.beam)
        monkeypatch.setattr(self.side.world.beam, "get", beam.get)
        self.doors = {"Slack": slack.door, "Beam": beam.door}
        self.acks: list[float] = []

    async def request(self, payload: dict[str, Any], form: str) -> None:
        kind, body = encoded(payload, form)
        headers = [*self.side.signed(body), (b"content-type", kind)]
        began = time.monotonic()
        assert await self.side.send(headers, [body]) == 200
        self.acks.append(time.monotonic() - began)

    async def burst(self) -> int:
        """Send requests of every kind side by side; return how many."""
        requests = [
            one
            for _ in range(ROUNDS)
            for one in (
                (command(f"status {A}"), "form"),
                (command(f"watch {B}"), "form"),
                (command("list"), "form"),
                (command("help"), "form"),
                (click("task.refresh", A), "payload"),
                (shortcut("message_action", WATCH_IN_MESSAGE, str(A)), "payload"),
                (event("app_mention", f"<@UBOT> status {A}"), "json"),
                (event("message", f"status {A}"), "json"),
            )
        ]
        await asyncio.gather(*(self.request(*one) for one in requests))
        return len(requests)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    made = Rig(tmp_path / "beambot.db", monkeypatch)
    await made.side.open()
    yield made
    await made.side.close()


@contextmanager
def shut(door: Door) -> Iterator[None]:
    door.open.clear()
    yield
    door.open.set()


@pytest.mark.parametrize("who", ["Slack", "Beam"])
async def test_requests_are_acknowledged_while_no_answer_comes_and_done_once_it_does(
    rig: Rig, who: str
) -> None:
    with shut(rig.doors[who]):
        async with asyncio.timeout(ACK * 20):
            sent = await rig.burst()
        acks = sorted(rig.acks)
        assert rig.doors[who].waiting > 0
        counts = rig.side.meter.counts
        before = sum(count for what, count in counts.items() if what.endswith(" done"))
    await rig.side.guard.settle(60)
    done = sum(count for what, count in counts.items() if what.endswith(" done"))
    p50, p99 = (acks[int(share * (len(acks) - 1))] * 1000 for share in (0.5, 0.99))
    print(
        f"slow={who} requests={sent} ack_p50={p50:.0f}ms ack_p99={p99:.0f}ms"
        f" ack_max={acks[-1] * 1000:.0f}ms done_before={before} done={done}"
    )
    assert len(acks) == counts["acknowledged"] == sent
    assert acks[-1] < ACK
    assert before < done == sent
