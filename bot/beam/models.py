"""Beam's task payload, parsed so that a broken field costs that field and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from bot.beam.errors import BadAnswer
from bot.tasks import FunctionKind, Output, Status, Task, TaskId

STATUS_MAX = 64
TEXT_MAX = 300
"""Longest name or id that is kept, in characters."""
REASON_MAX = RESULT_MAX = 20_000
"""Longest result and failure reason that are kept; one that was longer ends in …"""
URL_MAX = 3_000
OUTPUTS_MAX = 50
# Far above any machine or queue, far below what a database column overflows at.
NUMBER_MAX = 2**31 - 1

T = TypeVar("T")

# The kinds as Beam's stub types and names spell them (beam-cloud/beta9, pkg/types/backend.go).
_KINDS = {kind.value: kind for kind in FunctionKind} | {
    "task_queue": FunctionKind.TASK_QUEUE,
    "cron_job": FunctionKind.SCHEDULE,
    "scheduled_job": FunctionKind.SCHEDULE,
}


def _printable(text: str, *, limit: int, keep: str = "") -> str | None:
    """Cut ``text`` and drop characters that are not for printing, surrogates among them."""
    if len(text) <= limit and text.isprintable():
        return text.strip() or None
    # Cut first: cleaning a megabyte to keep 300 characters would be wasted.
    clean = "".join(c for c in text[: limit * 2] if c.isprintable() or c in keep).strip()
    return clean[:limit].rstrip() or None


def _text(value: Any) -> str | None:
    return _printable(value, limit=TEXT_MAX) if isinstance(value, str) else None


def _reason(value: Any) -> str | None:
    return _long(value, REASON_MAX) if isinstance(value, str) else None


def _long(text: str, limit: int) -> str | None:
    kept = _printable(text, limit=limit, keep="\n\t")
    return f"{kept[: limit - 1]}…" if kept and len(text) > limit else kept


def _number(value: Any) -> int | None:
    """Return a whole number from 0 to ``NUMBER_MAX``, also from digits in a string."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # False for what is not a number at all; integers of any length can be compared.
    return int(value) if 0 <= value <= NUMBER_MAX else None


def _time(value: Any) -> datetime | None:
    """Return an aware UTC time; the zero time of Go (year 1) and other absurd years are none."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 2000 <= moment.year < 2200 else None


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _config(value: Any) -> dict[str, Any] | None:
    """Return ``stub.config``, which is JSON inside a string, or already an object."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return _object(value)


def _result(value: Any) -> str | None:
    """Return the task's result as text; what is not text is shown as JSON."""
    if value is None:
        return None
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            return None
    return _long(value, RESULT_MAX)


def _output(value: Any) -> Output | None:
    if not isinstance(value, dict):
        return None
    url = value.get("url")
    if not isinstance(url, str) or len(url) > URL_MAX or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    if not usable:
        return None
    name = _text(value.get("name")) or _text(parts.path.rsplit("/", 1)[-1]) or "output"
    return Output(name=name, url=url, expires_in=_number(value.get("expires_in")))


def _outputs(value: Any) -> tuple[Output, ...]:
    items = value[: OUTPUTS_MAX * 4] if isinstance(value, list) else []
    return tuple(output for item in items if (output := _output(item)))[:OUTPUTS_MAX]


def _lenient(read: Callable[[Any], T]) -> BeforeValidator:
    """Mark a field that is read by ``read``, which never raises and judges any type."""
    return BeforeValidator(read)


_Text = Annotated[str | None, _lenient(_text)]
_Number = Annotated[int | None, _lenient(_number)]
_Time = Annotated[datetime | None, _lenient(_time)]
_Object = Annotated[dict[str, Any] | None, _lenient(_object)]


class _Slim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Payload(_Slim):
    """The fields of a task that Beambot uses; only ``id`` and ``status`` must be usable."""

    id: str
    status: str
    created_at: _Time = None
    started_at: _Time = None
    ended_at: _Time = None
    updated_at: _Time = None
    container_id: _Text = None
    failure_reason: Annotated[str | None, _lenient(_reason)] = None
    result: Annotated[str | None, _lenient(_result)] = None
    # Any, for an Output is built here already and must not be validated again.
    outputs: Annotated[Any, _lenient(_outputs)] = ()
    stats: _Object = None
    stub: _Object = None
    deployment: Annotated[Any, _lenient(lambda value: value)] = None
    app: Annotated[Any, _lenient(lambda value: value)] = None


def _name(value: Any) -> str | None:
    """Return the name of a deployment or app, given as an object or as the bare name."""
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)


def _kind(text: str | None) -> FunctionKind | None:
    return _KINDS.get(text.split("/", 1)[0].lower()) if text else None


def _gpu(value: Any) -> str | None:
    """Return the GPU's name; several, which newer stubs may list, are joined."""
    if isinstance(value, list):
        return _text(", ".join(gpu for gpu in value[:8] if isinstance(gpu, str)))
    return _text(value)


def parse_task(body: bytes, *, expected: TaskId) -> Task:
    """Parse Beam's answer for one task.

    Args:
        body: the answer's body, as received.
        expected: the id that was asked for, in its canonical form.

    Returns:
        The task; what Beam left out or sent broken is ``None``.

    Raises:
        BadAnswer: not a JSON object, of another task, or without a usable status.
    """
    try:
        payload = _Payload.model_validate(json.loads(body))
    except ValidationError as error:
        broken = sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]})
        raise BadAnswer(f"no usable {' and '.join(broken) or 'task'} in the answer") from None
    except (ValueError, RecursionError):
        # "from None": the cause's text would quote the payload in a log.
        raise BadAnswer("the answer is not JSON") from None
    if payload.id.lower() != expected:
        raise BadAnswer("the answer is about another task")
    status = payload.status.strip()
    if not status or len(status) > STATUS_MAX or not status.isprintable():
        raise BadAnswer("no usable status in the answer")

    stub, stats = payload.stub or {}, payload.stats or {}
    config = _config(stub.get("config")) or {}
    runtime = _object(config.get("runtime")) or {}
    policy = _object(config.get("task_policy")) or {}
    stub_name = _text(stub.get("name"))
    # "endpoint/deployment/app:squared": kind, how it was started, function.
    last = stub_name.rsplit("/", 1)[-1] if stub_name else ""
    return Task(
        id=expected,
        status=Status(status),
        created_at=payload.created_at,
        started_at=payload.started_at,
        ended_at=payload.ended_at,
        updated_at=payload.updated_at,
        container_id=payload.container_id,
        function=(last if ":" in last else None) or _text(config.get("handler")),
        kind=_kind(stub_name) or _kind(_text(stub.get("type"))),
        stub_name=stub_name,
        deployment=_name(payload.deployment),
        app=_name(payload.app),
        cpu_millicores=_number(runtime.get("cpu")),
        memory_mib=_number(runtime.get("memory")),
        gpu=_gpu(runtime.get("gpu")),
        timeout_seconds=_number(policy.get("timeout")),
        max_retries=_number(policy.get("max_retries")),
        queue_depth=_number(stats.get("queue_depth")),
        active_containers=_number(stats.get("active_containers")),
        failure_reason=payload.failure_reason,
        result=payload.result,
        outputs=payload.outputs,
    )
