"""After the fact: what happened to a task, step by step, or lately in a channel."""

from __future__ import annotations

import re
from datetime import datetime

from bot.slack.blocks.elements import actions, button, context, said, section
from bot.slack.blocks.message import (
    JSON,
    MAX_TEXT,
    Message,
    code,
    cut,
    date,
    duration,
    escape,
    safe,
)
from bot.slack.blocks.words import label, status_line, times
from bot.tasks import TaskId
from bot.tasks.history import CancelAsked, Change, Event, History
from bot.tasks.records import CancelOutcome

_SIGN = re.compile(r":[a-z_]+: ")
_IN_SECTION = 3
"""Events in one paragraph: with long reasons no more fit."""
_REASON = 150

_OUTCOMES = {
    CancelOutcome.CANCELLED: ("cancelled", ":no_entry_sign:"),
    CancelOutcome.STILL_STOPPING: ("accepted, still stopping", ":hourglass_flowing_sand:"),
    CancelOutcome.ALREADY_OVER: ("it was over already", ":information_source:"),
    CancelOutcome.FINISHED_FIRST: ("it ended before the cancel took hold", ":information_source:"),
    CancelOutcome.UNKNOWN_TASK: ("Beam did not know it", ":grey_question:"),
    CancelOutcome.UNCONFIRMED: ("not confirmed", ":warning:"),
    CancelOutcome.NOT_ASKED: ("not sent, Beam did not answer", ":warning:"),
    CancelOutcome.UNDERWAY: ("underway already", ":information_source:"),
}


def task_history(task_id: TaskId, history: History | None, now: datetime) -> Message:
    """Return what happened to a task, oldest first.

    Args:
        task_id: the task.
        history: what is known; ``None`` if nothing is.
        now: the current time; a task in flight waits or runs until then.
    """
    if history is None:
        return said(
            f"I know nothing of {code(task_id)} from before: history is kept of tasks that were"
            " watched. Look it up, or watch it from now on.",
            *actions(
                button("Look it up", "help.run", f"status {task_id}"),
                button("Watch", "help.run", f"watch {task_id}"),
            ),
        )
    known = history.known
    head = [f"*History of {code(task_id)}*"]
    text = f"History of {task_id}"
    if known is not None:
        task = known.task
        spent = times(task, known.known_at if known.trouble else now)
        status = status_line(task.status)
        head = [f"*History of {label(task)}*", f"{status}, {spent}" if spent else status]
        text = f"History of {label(task)} ({task_id}): {code(task.status, 40)}"
    lines = [_line(event, named=False) for event in history.events]
    if known is not None and known.task.created_at is not None and not history.more:
        lines.insert(0, f"• {date(known.task.created_at)} · created")
    if not lines:
        lines = ["No change was seen yet."]
    small = f"Task id {code(task_id)}"
    blocks = [section("\n".join(head)), *_paragraphs(lines), context(small)]
    blocks += _pages(history, f"{task_id} ")
    return Message(cut("\n".join([f"{text}.", *_spoken(lines)]), MAX_TEXT), blocks)


def channel_history(history: History) -> Message:
    """Return what happened lately to what a channel watches, newest first."""
    if not history.events:
        older = history.page > 1
        return said(
            "There is nothing older."
            if older
            else "Nothing has happened here yet: no task that this channel watches has changed,"
            f" and none was cancelled from here. Start with `/beam watch {escape('<task>')}`.",
            *_pages(history, ""),
        )
    page = f", page {history.page}" if history.page > 1 or history.more else ""
    head = f"Latest changes and cancels in this channel{page}"
    lines = [_line(event, named=True) for event in history.events]
    blocks = [section(f"*{head}*"), *_paragraphs(lines), *_pages(history, "")]
    return Message(cut("\n".join([f"{head}:", *_spoken(lines)]), MAX_TEXT), blocks)


def _line(event: Event, *, named: bool) -> str:
    which = f"*{safe(event.label, 60) or '…'}* `{event.task_id[:8]}` " if named else ""
    when = f"• {date(event.at)} · {which}"
    return f"{when}{_change(event) if isinstance(event, Change) else _cancel(event)}"


def _change(event: Change) -> str:
    path = f"{code(event.old, 40)} → {code(event.new, 40)}"
    if event.spent is None:
        return path
    how = {"PENDING": "waiting ", "RUNNING": "running "}.get(event.old, "")
    return f"{path} after {how}{duration(event.spent)}"


def _cancel(event: CancelAsked) -> str:
    said, sign = _OUTCOMES[event.outcome] if event.outcome else ("underway", ":hourglass:")
    ended = event.outcome in (CancelOutcome.ALREADY_OVER, CancelOutcome.FINISHED_FIRST)
    how = f" as {code(event.after, 40)}" if ended and event.after else ""
    ran = ""
    if event.outcome is CancelOutcome.CANCELLED and event.ran is not None:
        ran = f" after running {duration(event.ran)}"
    why = f"\n> {safe(event.reason, _REASON)}" if event.reason else ""
    return f"{sign} <@{event.actor_id}> asked to cancel: {said}{how}{ran}{why}"


def _paragraphs(lines: list[str]) -> list[JSON]:
    parts = (lines[start : start + _IN_SECTION] for start in range(0, len(lines), _IN_SECTION))
    return [section("\n".join(part)) for part in parts]


def _spoken(lines: list[str]) -> list[str]:
    # Without the signs, which are for eyes alone.
    return [_SIGN.sub("", line.removeprefix("• ")).replace("\n> ", ": ") for line in lines]


def _pages(history: History, prefix: str) -> list[JSON]:
    return actions(
        button("Show newer", "history.page.newer", f"{prefix}{history.page - 1}")
        if history.page > 1
        else None,
        button("Show older", "history.page.older", f"{prefix}{history.page + 1}")
        if history.more
        else None,
    )
