"""One simulated task and the JSON that Beam would answer for it."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from demo.beam.life import FINAL, Life, Step

NEVER = "0001-01-01T00:00:00Z"


def stable_id(*parts: object) -> str:
    """Return the UUID that these parts always give, so that a seed decides every id."""
    return str(uuid5(NAMESPACE_URL, "beam-demo/" + "/".join(map(str, parts))))


def beam_time(at: datetime | None) -> str | None:
    """Write a time as Beam does: microseconds and a Z, null where it has not happened."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


@dataclass(frozen=True, slots=True)
class Stub:
    """The function that a task runs, as far as the payload shows it."""

    name: str
    config: str

    @property
    def id(self) -> str:
        return stable_id("stub", self.name)

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    def payload(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "type": "",
            "config": self.config,
            "config_version": 0,
            "object_id": 0,
            "created_at": NEVER,
            "updated_at": NEVER,
        }


def stub_config(
    handler: str, *, cpu: int, gpu: str, memory: int, timeout: int, retries: int
) -> str:
    """Return `stub.config`, which is JSON inside a string, with the keys in Beam's order.

    Args:
        handler: the function, `module:name`.
        cpu: millicores.
        gpu: the model, or empty.
        memory: MiB.
        timeout: seconds.
        retries: how often Beam tries again.
    """
    config = {
        "runtime": {
            "cpu": cpu,
            "gpu": gpu,
            "memory": memory,
            "image_id": stable_id("image", handler).replace("-", "")[:16],
        },
        "handler": handler,
        "on_start": "",
        "python_version": "python3.11",
        "keep_warm_seconds": 180,
        "max_pending_tasks": 100,
        "callback_url": "",
        "task_policy": {"max_retries": retries, "timeout": timeout, "expires": NEVER},
        "workers": 1,
        "authorized": False,
        "volumes": None,
        "autoscaler": {"type": "queue_depth", "max_containers": 1, "tasks_per_container": 1},
    }
    return json.dumps(config, separators=(",", ":"))


@dataclass(slots=True)
class SimulatedTask:
    """A task with its script: it moves when it is looked at, by the times of its steps."""

    id: str
    stub: Stub
    created_at: datetime
    recipe: str = ""
    cancel: str = "works"
    status: str = "PENDING"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    container_id: str = ""
    outputs: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    omitted: frozenset[str] = frozenset()
    script: deque[tuple[datetime, Step]] = field(default_factory=deque)
    attempts: int = 0

    @property
    def is_over(self) -> bool:
        return self.status in FINAL

    def follow(self, life: Life, start: datetime, speed: float) -> None:
        """Replace the rest of the script by `life`, beginning at `start`."""
        self.script = deque((start + timedelta(seconds=s.after / speed), s) for s in life)

    def advance(self, now: datetime) -> None:
        """Take every step that is due."""
        while self.script and self.script[0][0] <= now:
            at, step = self.script.popleft()
            self.move(step.status, at)
            self.extra.update(step.fields)

    def move(self, status: str, at: datetime) -> None:
        """Turn into `status` at `at`, with the times and the container that go with it."""
        self.status, self.updated_at = status, at
        if status in FINAL:
            self.ended_at = at
            return
        self.ended_at = None
        if status in {"PENDING", "RETRY"}:
            self.container_id = ""
            if status == "PENDING":
                self.started_at = None
        elif not self.container_id:
            # A retry runs in a new container and its clock starts again.
            self.attempts += 1
            suffix = stable_id(self.id, self.attempts)[:8]
            self.container_id = f"{self.stub.kind}-{self.stub.id}-{suffix}"
            self.started_at = at

    def payload(self, *, queue_depth: int, active_containers: int, base_url: str) -> dict[str, Any]:
        """Return the answer of `GET /v2/task/{id}/`, keys in the documented order."""
        shows_outputs = self.status == "COMPLETE" and self.outputs
        body = {
            "id": self.id,
            "started_at": beam_time(self.started_at),
            "ended_at": beam_time(self.ended_at),
            "status": self.status,
            "container_id": self.container_id,
            "updated_at": beam_time(self.updated_at or self.created_at),
            "created_at": beam_time(self.created_at),
            "outputs": [
                {"name": name, "url": f"{base_url}outputs/{self.id}/{name}", "expires_in": 3600}
                for name in (self.outputs if shows_outputs else ())
            ],
            "stats": {"active_containers": active_containers, "queue_depth": queue_depth},
            "stub": self.stub.payload(),
        }
        body |= self.extra | self.overrides
        return {key: value for key, value in body.items() if key not in self.omitted}
