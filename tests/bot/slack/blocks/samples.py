"""Tasks, groups and hostile texts that the tests of the blocks show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.slack.blocks.message import JSON, Message, check, check_view
from bot.tasks import FunctionKind, Level, Output, Status, Task, TaskId
from bot.tasks.records import Card, CardKind, CardView, KnownTask, Step, Trouble, WatchRow
from demo.workspace.blockkit import message_problems, view_problems

ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_SHOWN = f"<!date^{int(NOW.timestamp())}^{{date_short_pretty}} at {{time}}|2026-01-02 03:04 UTC>"

STATUSES = (
    "PENDING", "RUNNING", "RETRY", "COMPLETE", "FAILED", "ERROR", "CANCELLED", "TIMEOUT",
    "EXPIRED", "PAUSED",
)  # fmt: skip

HOSTILE = (
    "<!channel> <@U1> <https://evil.example|click>",
    "*bold* _it_ ~gone~ `code` ```\nblock\n```",
    "a" * 300,
    "&<>" * 100,
    "\u05e9\u05dc\u05d5\u05dd \u202eesrever\u202c \u0645\u0631\u062d\u0628\u0627",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 60,
    ":rotating_light: :x: 10:30:00",
    "> quoted\n\n\n> again\r\n\tend",
    "e\u0301" * 200,
    "\x00\x1b[31m\u200b\ufeff",
    " ",
    "",
)


def task_id(number: int) -> TaskId:
    """Return one of many ids."""
    return TaskId(f"{number:08x}-0000-4000-8000-000000000000")


def task(status: str = "RUNNING", **changes: Any) -> Task:
    """Return a task that waited for 20 s and has run for a minute."""
    final = Status(status).final
    made = Task(
        ID,
        Status(status),
        created_at=NOW - timedelta(seconds=80),
        started_at=None if status == "PENDING" else NOW - timedelta(seconds=60),
        ended_at=NOW if final else None,
        function="app:squared",
        kind=FunctionKind.ENDPOINT,
    )
    return replace(made, **changes)


def known(
    status: str = "RUNNING",
    *,
    trouble: Trouble | None = None,
    cancelled_by: str | None = None,
    **changes: Any,
) -> KnownTask:
    """Return the last known truth about a task."""
    return KnownTask(task(status, **changes), NOW, trouble, cancelled_by)


def full(text: str, status: str = "RUNNING") -> KnownTask:
    """Return a task all of whose texts are ``text``."""
    return known(
        status,
        function=text,
        stub_name=text,
        container_id=text,
        deployment=text,
        app=text,
        gpu=text,
        failure_reason=text * 3,
        result=text,
        cpu_millicores=2_500,
        memory_mib=2_048,
        timeout_seconds=180,
        max_retries=3,
        queue_depth=4,
        active_containers=1,
        outputs=tuple(Output(text, f"https://files.example/{n}?a=1&b=2", 3600) for n in range(50)),
    )


def many(number: int, status: str = "RUNNING", text: str = "app:squared") -> list[KnownTask]:
    """Return tasks that differ in their ids."""
    return [
        replace(shown, task=replace(shown.task, id=task_id(n)))
        for n in range(number)
        for shown in [full(text, status)]
    ]


def view(
    members: list[KnownTask], *, watching: bool = True, kind: CardKind = CardKind.GROUP
) -> CardView:
    """Return a card with its members."""
    card = Card(7, "T1", "default", "C1", None, kind, "UOWNER", Level.ALL, "1.2", 1, 1, NOW)
    return CardView(card, tuple(members), watching)


def row(members: list[KnownTask], *, permalink: str | None = None) -> WatchRow:
    """Return a row of a channel's list."""
    kind = CardKind.TASK if len(members) == 1 else CardKind.GROUP
    since = NOW - timedelta(hours=2)
    return WatchRow(view(members, kind=kind).card, tuple(members), "UOWNER", Level.FINAL, since,
                    permalink)  # fmt: skip


def step(old: str, new: str, *, correction: bool = False) -> Step:
    """Return one change of status."""
    ran = timedelta(seconds=60) if Status(new).final else None
    return Step(Status(old), Status(new), timedelta(seconds=20), ran, correction)


def fits(message: Message) -> str:
    """Check a message against Slack's limits, twice, and return all that its blocks say."""
    check(message)
    assert message_problems(message.blocks) == []
    return written(message.blocks)


def fits_view(shown: JSON) -> str:
    """Check a modal against Slack's limits, twice, and return all that it says."""
    check_view(shown)
    assert view_problems(shown, "modal") == []
    return written(shown["blocks"])


def written(part: Any) -> str:
    """Return every text inside a part of a message, a line each."""
    if isinstance(part, dict):
        return "\n".join(filter(None, (
            part["text"] if key == "text" and isinstance(inner, str) else written(inner)
            for key, inner in part.items()
        )))  # fmt: skip
    return "\n".join(filter(None, map(written, part))) if isinstance(part, list) else ""


def buttons(message: Message) -> dict[str, JSON]:
    """Return a message's buttons by what they do."""
    found = [item for block in message.blocks for item in block.get("elements", ())]
    found += [block["accessory"] for block in message.blocks if "accessory" in block]
    return {item["action_id"]: item for item in found if item.get("type") == "button"}


def harmless(text: str) -> bool:
    """Tell whether a text holds no mention but of those whom the samples name, and no link."""
    for allowed in ("<@UOWNER>", "<@UACTOR>", "<!date^", "<https://files.example/"):
        text = text.replace(allowed, "")
    return not any(mark in text for mark in ("<!", "<@", "<#", "<http"))
