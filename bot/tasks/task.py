"""A Beam task as Beambot understands it, and a change of its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tasks.ids import TaskId
from bot.tasks.status import Status


class FunctionKind(StrEnum):
    """What kind of Beam stub runs the task, read from the stub's name or type."""

    ENDPOINT = "endpoint"
    ASGI = "asgi"
    FUNCTION = "function"
    TASK_QUEUE = "taskqueue"
    SCHEDULE = "schedule"
    CONTAINER = "container"
    SANDBOX = "sandbox"
    POD = "pod"

    @property
    def words(self) -> str:
        """The kind as people say it."""
        return {"taskqueue": "task queue", "asgi": "ASGI app"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a task left behind; its link lapses after ``expires_in`` seconds."""

    name: str
    url: str
    expires_in: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One look at a task. What Beam left out, or sent broken, is ``None``."""

    id: TaskId
    status: Status
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    container_id: str | None = None
    function: str | None = None
    kind: FunctionKind | None = None
    stub_name: str | None = None
    deployment: str | None = None
    app: str | None = None
    cpu_millicores: int | None = None
    memory_mib: int | None = None
    gpu: str | None = None
    timeout_seconds: int | None = None
    max_retries: int | None = None
    queue_depth: int | None = None
    active_containers: int | None = None
    failure_reason: str | None = None
    result: str | None = None
    outputs: tuple[Output, ...] = ()

    @property
    def label(self) -> str:
        """What to call the task: its function, else its stub, else the start of its id."""
        return self.function or self.stub_name or self.id[:8]

    def waited(self, now: datetime) -> timedelta | None:
        """How long the task waited to start; still counting while it is in flight."""
        if self.created_at is None:
            return None
        # A task that ended without starting (EXPIRED, cancelled in the queue) waited to its end.
        until = self.started_at or self.ended_at or (None if self.status.final else now)
        return max(timedelta(0), until - self.created_at) if until else None

    def ran(self, now: datetime) -> timedelta | None:
        """How long the task ran; still counting while it is in flight. ``None`` if it never did."""
        if self.started_at is None:
            return None
        until = self.ended_at or (None if self.status.final else now)
        return max(timedelta(0), until - self.started_at) if until else None

    def timeout_share(self, now: datetime) -> float | None:
        """How much of its timeout a running task has used, from 0 to 1."""
        ran = self.ran(now)
        if self.status != "RUNNING" or ran is None or not self.timeout_seconds:
            return None
        if self.timeout_seconds <= 0:
            return None
        return min(1.0, ran.total_seconds() / self.timeout_seconds)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a task's status, numbered per task in the order in which it was seen."""

    task_id: TaskId
    seq: int
    old: Status
    new: Status
    seen_at: datetime
    waited: timedelta | None = None
    ran: timedelta | None = None
