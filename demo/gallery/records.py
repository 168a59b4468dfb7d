"""Made-up tasks, watches and news: ordinary ones, the worst that can come, and empty ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.tasks import Level, Output, Status, Task, TaskId
from bot.tasks.records import (
    Card,
    CardKind,
    CardView,
    KnownTask,
    Step,
    Trouble,
    WatchPage,
    WatchRow,
)
from bot.tasks.task import FunctionKind
from bot.tasks.usual import Usual

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
LINK = "https://acme-ml.slack.com/archives/C0TRAINING/p1768476600000100"
ANA, OMAR = "U0ANA", "U0OMAR"

LONG = "sweep_" * 50
"""A name of 300 characters."""
ARABIC = "مهمة:" + "تدريب_" * 20
EMOJI = "🧨" * 60 + "👩‍💻" * 40
HOSTILE = "<!channel> <@U0ANA> *bold* `code` <https://evil.example|Click> &amp; :rocket: > it"
NAMES = (LONG, ARABIC, EMOJI, HOSTILE, "训练:" + "模型" * 140, "a|b>c" * 60, " ", "x")


def ago(**span: float) -> datetime:
    """Return a moment before ``NOW``."""
    return NOW - timedelta(**span)


def task(number: int = 0, status: str = "RUNNING", **more: Any) -> Task:
    """Return an ordinary task that was created ten minutes ago, with whatever else is given."""
    over = Status(status).final
    usual: dict[str, Any] = {
        "created_at": ago(minutes=10),
        "started_at": None if status in ("PENDING", "EXPIRED") else ago(minutes=8, seconds=30),
        "ended_at": ago(minutes=2) if over else None,
        "function": ("train:finetune_lora", "sdxl:render_poster", "embed:index_docs")[number % 3],
        "kind": FunctionKind.TASK_QUEUE,
    }
    task_id = TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}")
    return Task(task_id, Status(status), **{**usual, **more})


FULL = task(
    app="lora-lab",
    deployment="nightly v3",
    container_id="taskqueue-1f0c2f0e",
    cpu_millicores=4000,
    memory_mib=16_384,
    gpu="A10G",
    timeout_seconds=1800,
    max_retries=3,
)
QUEUED = task(1, "PENDING", queue_depth=14, active_containers=2, gpu="H100", max_retries=0)
FAILED = task(
    2,
    "FAILED",
    failure_reason="torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB",
)
COMPLETE = task(
    1,
    "COMPLETE",
    result='{"posters": 3, "seed": 41}',
    outputs=(
        Output("poster.png", "https://outputs.example/poster.png", 3600),
        Output("poster-large.png", "https://outputs.example/large.png", 3600),
    ),
)
STATUSES = (
    *("PENDING", "RUNNING", "RETRY", "COMPLETE", "FAILED", "ERROR", "CANCELLED", "TIMEOUT"),
    *("EXPIRED", "PAUSED_BY_<b>"),
)
WORST = replace(
    FULL,
    function=LONG,
    app=EMOJI,
    deployment=ARABIC,
    container_id="c" * 300,
    gpu="A10G" * 75,
    timeout_seconds=10**7,
    queue_depth=10**6,
)
WORST_END = replace(
    WORST,
    status=Status("ERROR"),
    ended_at=ago(minutes=1),
    function=HOSTILE,
    failure_reason=f"Traceback {HOSTILE}\n" * 300,
    result=f"{ARABIC}\n" * 400,
    outputs=tuple(
        Output(f"{name}.png", f"https://outputs.example/?{'x' * 2_900}", 3600) for name in NAMES
    ),
)
BARE = Task(TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a"), Status("PENDING"))


def known(task: Task, trouble: Trouble | None = None, **more: Any) -> KnownTask:
    """Return what is known of a task: as of now, or of five minutes ago if there is trouble."""
    return KnownTask(task, ago(minutes=5) if trouble else NOW, trouble, **more)


def many(number: int = 50, *, worst: bool = True) -> tuple[KnownTask, ...]:
    """Return that many tasks of all statuses, with the worst of names or with ordinary ones."""
    made = []
    for index in range(number):
        status = STATUSES[index % (len(STATUSES) if worst else 5)]
        one = task(index, status, failure_reason="exit code 1" if index % 2 else None)
        if worst:
            name = NAMES[index % len(NAMES)]
            one = replace(one, function=name, failure_reason=HOSTILE * 4, gpu=EMOJI)
        made.append(known(one, [None, *Trouble][index % 4] if worst else None))
    return tuple(made)


def ended(members: tuple[KnownTask, ...]) -> tuple[KnownTask, ...]:
    """Return the same tasks, those that were in flight complete."""
    return tuple(
        one
        if one.task.status.final
        else replace(one, task=replace(one.task, status=Status("COMPLETE"), ended_at=NOW))
        for one in members
    )


def card(kind: CardKind = CardKind.TASK, level: Level = Level.ALL) -> Card:
    """Return a card in #training, watched by Ana for an hour."""
    made = ago(hours=1)
    return Card(1, "T1", "default", "C0TRAINING", None, kind, ANA, level, "1.0", 1, 1, made)


def group(members: tuple[KnownTask, ...], *, watching: bool = True, **more: Any) -> CardView:
    """Return a group's card; of its ordinary functions it is known how long they usually run."""
    usual = {
        name: Usual((600.0,) * 6, (90.0,) * 6)
        for name in ("train:finetune_lora", "sdxl:render_poster", "embed:index_docs")
    }
    return CardView(card(CardKind.GROUP), members, watching=watching, usual=usual, **more)


def row(*members: KnownTask, owner: str = ANA, level: Level = Level.ALL) -> WatchRow:
    """Return one row of a list; more or fewer than one task is a group."""
    kind = CardKind.TASK if len(members) == 1 else CardKind.GROUP
    return WatchRow(card(kind, level), members, owner, level, ago(hours=1), LINK)


def rows(*found: WatchRow, page: int = 1, pages: int = 1) -> WatchPage:
    """Return a page of a list."""
    return WatchPage(found, page, pages, len(found) if pages == 1 else 10 * pages)


def steps(*statuses: str, correction: bool = False) -> tuple[Step, ...]:
    """Return the changes from each status to the next."""
    waited, ran = timedelta(seconds=90), timedelta(minutes=6, seconds=30)
    return tuple(
        Step(Status(old), Status(new), waited, ran, correction) for old, new in pairwise(statuses)
    )


NOBODY = rows()
"""A list without a watch."""
