"""The documented Beam endpoints, the unhelpful parts too, with a log of every request."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from demo.beam.cloud import Cloud
from demo.beam.faults import DroppedConnection, Faults
from demo.beam.task import beam_time

Handler = Callable[[Request, list[str]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it was met; never the token, only whether there was one."""

    at: str | None
    method: str
    path: str
    task_ids: list[str]
    status: int
    authorization: bool


class RequestLog:
    """The latest requests to the API."""

    def __init__(self, clock: Callable[[], datetime], size: int = 5000) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=size)

    def now(self) -> datetime:
        return self._clock()

    def add(self, request: Request, task_ids: list[str], status: int, at: datetime) -> None:
        """Note a request that came `at` a time and was answered with `status`, 0 for none."""
        self._entries.append(
            Entry(
                at=beam_time(at),
                method=request.method,
                path=request.url.path,
                task_ids=task_ids,
                status=status,
                authorization="authorization" in request.headers,
            )
        )

    def entries(self) -> list[dict[str, Any]]:
        """Return the requests as JSON-ready data, oldest first."""
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        self._entries.clear()


class BeamApi:
    """The two endpoints over a `Cloud`, with bearer authentication and faults in front.

    Args:
        token: the one bearer token that is accepted.
    """

    def __init__(self, cloud: Cloud, faults: Faults, log: RequestLog, token: str) -> None:
        self._cloud = cloud
        self._faults = faults
        self._log = log
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """Return the routes, each with and without the slash at its end."""
        return [
            Route("/v2/task/cancel/", self.cancel, methods=["DELETE"]),
            Route("/v2/task/cancel", self.cancel, methods=["DELETE"]),
            Route("/v2/task/{task_id}/", self.get, methods=["GET"]),
            Route("/v2/task/{task_id}", self.get, methods=["GET"]),
            Route("/v2/{rest:path}", self.missing),
            Route("/outputs/{task_id}/{name}", self.output, methods=["GET"]),
        ]

    async def get(self, request: Request) -> Response:
        """Answer `GET /v2/task/{id}/`."""
        return await self._meet("get", request, [request.path_params["task_id"]], self._get)

    async def cancel(self, request: Request) -> Response:
        """Answer `DELETE /v2/task/cancel/`: `200 {}` to whatever ids are given."""
        return await self._meet("cancel", request, await _ids(request), self._cancel)

    async def missing(self, request: Request) -> Response:
        """Answer a path that Beam does not have."""
        self._log.add(request, [], 404, self._log.now())
        return JSONResponse({"message": "Not Found"}, 404)

    async def output(self, request: Request) -> Response:
        """Serve a task's output, so that its link leads somewhere."""
        task = self._cloud.get(request.path_params["task_id"])
        if task is None or request.path_params["name"] not in task.outputs:
            return JSONResponse({"message": ""}, 404)
        return PlainTextResponse(f"Simulated output of task {task.id}\n")

    async def _meet(
        self, path: str, request: Request, task_ids: list[str], handler: Handler
    ) -> Response:
        arrived = self._log.now()
        fault = self._faults.take(path)
        if fault is not None:
            if fault.applied and self._is_ours(request):
                await handler(request, task_ids)
            response = await fault.answer()
        elif self._is_ours(request):
            response = await handler(request, task_ids)
        else:
            response = JSONResponse({"message": "Unauthorized"}, 401)
        status = 0 if isinstance(response, DroppedConnection) else response.status_code
        self._log.add(request, task_ids, status, arrived)
        return response

    def _is_ours(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self._token}"

    async def _get(self, request: Request, task_ids: list[str]) -> Response:
        task = self._cloud.get(task_ids[0])
        if task is None:
            return JSONResponse({"message": ""}, 404)
        return JSONResponse(self._cloud.payload(task, str(request.base_url)))

    async def _cancel(self, _request: Request, task_ids: list[str]) -> Response:
        self._cloud.cancel(task_ids)
        return JSONResponse({})


async def _ids(request: Request) -> list[str]:
    """Return the ids of a cancel, from the JSON body and from the query; junk gives none."""
    ids = [part for value in request.query_params.getlist("task_ids") for part in value.split(",")]
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    listed = body.get("task_ids") if isinstance(body, dict) else None
    if isinstance(listed, list):
        ids += [item for item in listed if isinstance(item, str)]
    return ids
