"""A simulated Beam for benches: any task id is a task, and answering costs next to nothing."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from bench.http1 import encode, parse_port, serve

_ID = "00000000-0000-0000-0000-000000000000"


class Tasks:
    """Every id is a running task, as old as this server, until it is told otherwise."""

    def __init__(self) -> None:
        self._status: dict[str, str] = {}
        self._flipped: dict[str, float] = {}
        self._asked = 0
        body = encode(_task(datetime.now(UTC)))
        self._head, self._tail = body.split(f'{_ID}","status":"RUNNING'.encode())

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Answer a request to Beam's API, or to the bench's own control."""
        if path.startswith("/_control/"):
            return 200, encode(self._control(path.rsplit("/", 1)[-1], json.loads(body or b"{}")))
        if method != "GET":
            return 200, b"{}"
        self._asked += 1
        task_id = path.rstrip("/").rsplit("/", 1)[-1]
        status = self._status.get(task_id, "RUNNING")
        known = task_id.encode() + b'","status":"' + status.encode()
        return 200, self._head + known + self._tail

    def _control(self, step: str, given: dict[str, object]) -> object:
        if step == "flip":
            for task_id in given["ids"]:  # type: ignore[attr-defined]  # a list by agreement
                self._status[task_id] = str(given["status"])
                self._flipped[task_id] = time.monotonic()
        elif step == "flipped":
            return self._flipped
        return {"asked": self._asked}


def _task(created_at: datetime) -> dict[str, object]:
    # What the documentation shows, in full: parsing it is part of what is measured.
    config = {
        "runtime": {"cpu": 1000, "gpu": "A10G", "memory": 8192, "image_id": "c31fd8a1b2e34d5f"},
        "handler": "app.py:squared",
        "python_version": "python3.11",
        "task_policy": {"max_retries": 3, "timeout": 3600, "expires": "0001-01-01T00:00:00Z"},
        "callback_url": "",
        "volumes": [],
        "secrets": [],
        "env": ["MODEL=resnet", "BATCH=16"],
        "autoscaler": {"type": "queue_depth", "max_containers": 4, "tasks_per_container": 1},
    }
    return {
        "id": _ID,
        "status": "RUNNING",
        "container_id": "taskqueue-a1b2c3d4-5678",
        "created_at": created_at.isoformat(),
        "started_at": created_at.isoformat(),
        "ended_at": "0001-01-01T00:00:00Z",
        "updated_at": created_at.isoformat(),
        "stats": {"active_containers": 1, "queue_depth": 3},
        "stub": {
            "id": "f7e6d5c4-b3a2-4190-8877-665544332211",
            "name": "taskqueue/deployment/app.py:squared",
            "type": "taskqueue/deployment",
            "config": json.dumps(config),
        },
        "deployment": {"id": "d0", "name": "squared", "version": 3},
        "app": {"id": "a0", "name": "numbers"},
        "outputs": [],
    }


if __name__ == "__main__":
    serve(Tasks().answer, parse_port(__doc__))
