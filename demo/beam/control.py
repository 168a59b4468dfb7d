"""The control API of the simulated Beam: start and push tasks, set faults, read the log."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.beam.api import RequestLog
from demo.beam.catalog import CATALOG
from demo.beam.cloud import Cloud
from demo.beam.faults import Faults
from demo.beam.life import CANCELS, parse_life
from demo.beam.task import SimulatedTask, Stub, stub_config

# What may be set by name on a task; anything else goes into its payload as it is.
OWN = frozenset(
    {"kind", "id", "status", "life", "cancel", "count", "name", "handler", "omit", "ago", "apart"}
)
RUNTIME = frozenset({"cpu", "gpu", "memory", "timeout", "retries"})


class Control:
    """Handlers under `/_control`, for the page, the launcher and tests."""

    def __init__(
        self, cloud: Cloud, faults: Faults, log: RequestLog, clock: Callable[[], datetime]
    ) -> None:
        self._cloud = cloud
        self._faults = faults
        self._log = log
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the control API."""
        return [
            Route("/_control/tasks", self.list_tasks, methods=["GET"]),
            Route("/_control/tasks", self.create, methods=["POST"]),
            Route("/_control/tasks/{task_id}", self.change, methods=["POST"]),
            Route("/_control/faults", self.list_faults, methods=["GET"]),
            Route("/_control/faults", self.add_fault, methods=["POST"]),
            Route("/_control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_control/log", self.read_log, methods=["GET"]),
            Route("/_control/reset", self.reset, methods=["POST"]),
        ]

    async def list_tasks(self, request: Request) -> Response:
        """Every task, newest first: its payload, and beside it what only the simulation knows."""
        return JSONResponse([self._row(task, request) for task in self._cloud.tasks()])

    async def create(self, request: Request) -> Response:
        """Start tasks: by `kind` from the catalogue, or from fields and a `life`."""
        try:
            raw = await _body(request)
            started = self._start_kind(raw) if "kind" in raw else self._make(raw)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([self._row(task, request) for task in started], 201)

    async def change(self, request: Request) -> Response:
        """Set a task's status, life, cancel behaviour or any field of its payload."""
        task = self._cloud.get(request.path_params["task_id"])
        if task is None:
            return JSONResponse({"error": "no such task"}, 404)
        try:
            self._apply(task, await _body(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self._row(task, request))

    async def list_faults(self, _request: Request) -> Response:
        return JSONResponse([asdict(fault) for fault in self._faults.in_force()])

    async def add_fault(self, request: Request) -> Response:
        """Put a fault in force: path, kind, times, retry_after, delay and applied."""
        try:
            fault = self._faults.add(await _body(request))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(asdict(fault), 201)

    async def clear_faults(self, _request: Request) -> Response:
        self._faults.clear()
        return JSONResponse({})

    async def read_log(self, _request: Request) -> Response:
        return JSONResponse(self._log.entries())

    async def reset(self, _request: Request) -> Response:
        """Begin again: the same tasks, no faults, an empty log."""
        self._cloud.reset()
        self._faults.clear()
        self._log.clear()
        return JSONResponse({})

    def _row(self, task: SimulatedTask, request: Request) -> dict[str, Any]:
        payload = self._cloud.payload(task, str(request.base_url))
        simulation = {
            "recipe": task.recipe,
            "status": task.status,
            "cancel": task.cancel,
            "over": task.is_over,
            "steps_left": len(task.script),
        }
        # The id stays even where the payload was told to leave it out.
        return {"id": task.id, "payload": payload, "simulation": simulation}

    def _start_kind(self, raw: dict[str, Any]) -> list[SimulatedTask]:
        recipe = next((recipe for recipe in CATALOG if recipe.key == raw["kind"]), None)
        if recipe is None:
            keys = ", ".join(recipe.key for recipe in CATALOG)
            raise ValueError(f"kind must be one of {keys}")
        started = self._cloud.start(recipe)
        rest = {key: value for key, value in raw.items() if key not in {"kind", "count", "id"}}
        for task in started:
            self._apply(task, rest)
        return started

    def _make(self, raw: dict[str, Any]) -> list[SimulatedTask]:
        count = int(raw.get("count", 1))
        if count > 1 and "id" in raw:
            raise ValueError("several tasks cannot have one id")
        if self._cloud.get(str(raw.get("id", ""))) is not None:
            raise ValueError("this id is taken")
        life = parse_life(raw.get("life", []))
        handler = str(raw.get("handler", "app:squared"))
        config = stub_config(
            handler,
            cpu=int(raw.get("cpu", 1000)),
            gpu=str(raw.get("gpu", "")),
            memory=int(raw.get("memory", 128)),
            timeout=int(raw.get("timeout", 180)),
            retries=int(raw.get("retries", 0)),
        )
        stub = Stub(str(raw.get("name", f"endpoint/deployment/{handler}")), config)
        made = []
        # Begun so many seconds ago, with as much of its life behind it; several at a time apart,
        # so that a function has a past at once.
        ago, apart = float(raw.get("ago", 0)), float(raw.get("apart", 0))
        for number in range(count):
            now = self._clock() - timedelta(seconds=ago + number * apart)
            task = SimulatedTask(
                str(raw.get("id") or uuid4()), stub, created_at=now, recipe="custom"
            )
            self._cloud.add(task, life)
            rest = {key: value for key, value in raw.items() if key not in RUNTIME | {"life"}}
            self._apply(task, rest)
            made.append(task)
        return made

    def _apply(self, task: SimulatedTask, raw: dict[str, Any]) -> None:
        cancel = raw.get("cancel", task.cancel)
        if cancel not in CANCELS:
            raise ValueError(f"cancel must be one of {', '.join(CANCELS)}")
        task.cancel = cancel
        if "status" in raw:
            # With a life of its own, as on creation, the status is only where it begins.
            script = task.script.copy()
            self._cloud.push(task, str(raw["status"]))
            if task.recipe == "custom" and "life" not in raw and not task.is_over:
                task.script = script
        if "life" in raw:
            self._cloud.rescript(task, parse_life(raw["life"]))
        if "omit" in raw:
            task.omitted = frozenset(raw["omit"])
        task.overrides |= {key: value for key, value in raw.items() if key not in OWN}


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, an empty one for no body.

    Raises:
        ValueError: if the body is something else.
    """
    body = await request.body()
    raw = json.loads(body) if body else {}
    if not isinstance(raw, dict):
        raise ValueError("the body must be a JSON object")
    return raw
