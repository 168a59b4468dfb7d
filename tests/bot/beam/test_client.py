"""The client against everything that Beam and what stands before it may answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from bot.beam import (
    BadAnswer,
    BeamClient,
    BeamError,
    RateLimited,
    RateLimiter,
    TaskNotFound,
    Unauthorized,
    Unavailable,
)
from bot.tasks import TaskId

ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
TOKEN = "beam-secret-token"
GOOD = {"id": ID, "status": "RUNNING"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> BeamClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    limiter = RateLimiter(10_000, lambda: 0.0, asyncio.sleep)
    return BeamClient(http, base_url="https://beam/v2", token=TOKEN, limiter=limiter)


async def test_a_task_is_asked_for_with_the_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=GOOD)

    task = await client(answer).get(ID)
    assert (task.id, str(task.status)) == (ID, "RUNNING")
    assert seen[0].url.path == f"/v2/task/{ID}/"
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(404, json={"message": ""}), TaskNotFound),
        (httpx.Response(401, json={"message": "Unauthorized"}), Unauthorized),
        (httpx.Response(403), Unauthorized),
        (httpx.Response(429, headers={"retry-after": "7"}), RateLimited),
        (httpx.Response(429), RateLimited),
        (httpx.Response(500, json={"message": "Internal Server Error"}), Unavailable),
        (httpx.Response(502, text="<html>Bad gateway</html>"), Unavailable),
        (httpx.Response(200, text="<html>Sign in</html>"), BadAnswer),
        (httpx.Response(200, text='{"id": "07ce'), BadAnswer),
        (httpx.Response(200, json={"id": str(ID).replace("07", "08"), "status": "X"}), BadAnswer),
        (httpx.Response(200, content=b"x" * 2_000_000), BadAnswer),
    ],
)
async def test_every_failure_is_of_the_tree_and_names_no_secret(
    response: httpx.Response, kind: type[BeamError]
) -> None:
    with pytest.raises(BeamError) as caught:
        await client(lambda _: response).get(ID)
    assert isinstance(caught.value, kind)
    assert TOKEN not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("torn"),
        httpx.ReadError("reset"),
    ],
)
async def test_a_broken_connection_is_unavailable(error: httpx.TransportError) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Unavailable):
        await client(answer).get(ID)


async def test_a_cancel_is_sent_once_also_when_it_fails() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.ReadTimeout("slow")

    with pytest.raises(Unavailable):
        await client(answer).cancel([ID])
    assert len(seen) == 1
    assert json.loads(seen[0].content) == {"task_ids": [ID]}


async def test_an_id_that_is_none_never_reaches_the_address() -> None:
    with pytest.raises(ValueError, match="not a task id"):
        await client(lambda _: httpx.Response(200, json=GOOD)).get(TaskId("../../admin"))
