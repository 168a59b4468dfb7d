"""What a cancel did: who asked, what really became of each task, and why it was asked for."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks.elements import actions, button, context, listed, section
from bot.slack.blocks.message import MAX_TEXT, Message, code, count, cut, duration, safe
from bot.slack.blocks.words import label, short
from bot.tasks import Task
from bot.tasks.records import Cancelled, CancelOutcome, CancelReport

_ROOM = 1_000
"""Characters for those of one outcome: all outcomes must fit in a message."""
_LISTED = 15
"""Tasks of one outcome that are named before the rest is counted."""
_REASON = 300
_REASONS = 10
"""Reasons that one message gives."""


def cancel_result(report: CancelReport) -> Message:
    """Return who cancelled what and what really became of each task."""
    told = (report, *report.folded)
    results = [(result, one.asked_at) for one in told for result in one.results]
    why = _reasons(told)
    if len(results) == 1:
        only, asked_at = results[0]
        mark, line = _outcome(only, asked_at)
        text = f"<@{report.actor_id}> asked to cancel {_named(only)}: {line}"
        blocks = [section("\n".join([f"{mark} {text}", *why]))]
        small = context(f"Task id {code(only.task_id)}")
        plain = "\n".join([text, *why, f"Id {only.task_id}"])
        return Message(cut(plain, MAX_TEXT), [*blocks, small, *_ask_why(told)])
    counts: list[str] = []
    names: list[str] = []
    blocks = []
    for outcome in CancelOutcome:
        same = [result for result, _ in results if result.outcome is outcome]
        if not same:
            continue
        counts.append(f"{len(same)} {_HEADINGS[outcome][1]}")
        names += [f"{_HEADINGS[outcome][1].capitalize()}: {_plain(one)}." for one in same]
        title = f"{_HEADINGS[outcome][0]} *{len(same)} {_HEADINGS[outcome][1]}*"
        shown = listed(title, map(_listed, same), len(same), _LISTED, _ROOM)
        advice = f"\n{_ADVICE[outcome]}" if outcome in _ADVICE else ""
        blocks.append(section(shown + advice))
    head = f"<@{report.actor_id}> asked to cancel {count(len(results), 'task')}"
    text = f"{head}: {', '.join(counts)}." if counts else f"{head}."
    top = section("\n".join([f"{head}.", *why]))
    text = cut("\n".join([text, *why, *names]), MAX_TEXT)
    return Message(text, [top, *blocks, *_ask_why(told)])


def _plain(result: Cancelled) -> str:
    task = result.after or result.before
    if task is None:
        return result.task_id
    return f"{label(task, 60)} ({result.task_id}), {code(task.status, 40)}"


def _reasons(told: tuple[CancelReport, ...]) -> list[str]:
    said = {one.reason for one in told if one.reason}
    if len(said) == 1 and all(one.reason for one in told):
        return [f"> {safe(said.pop(), _REASON)}"]
    lines = [
        f"> {_named(one.results[0])}"
        f"{f' and {len(one.results) - 1} more' if len(one.results) > 1 else ''}:"
        f" {safe(one.reason, _REASON // 2)}"
        for one in told
        if one.reason and one.results
    ]
    more = len(lines) - _REASONS
    return lines[:_REASONS] + ([f"> and {count(more, 'further reason')}"] if more > 0 else [])


def _ask_why(told: tuple[CancelReport, ...]) -> list[dict[str, object]]:
    """Return the button that asks who cancelled for a reason, while there is none."""
    keys = ",".join(one.key for one in told if one.key and not one.reason)
    # A confirm dialog has no field to type in, so the reason comes after: the task stops at once.
    sent = any(one.changed_something for one in told)
    return actions(button("Give a reason", "cancel.reason", keys)) if keys and sent else []


_HEADINGS = {
    CancelOutcome.CANCELLED: (":no_entry_sign:", "cancelled"),
    CancelOutcome.STILL_STOPPING: (":hourglass_flowing_sand:", "accepted, still stopping"),
    CancelOutcome.UNDERWAY: (":information_source:", "being cancelled by somebody already"),
    CancelOutcome.ALREADY_OVER: (":information_source:", "already over, nothing to cancel"),
    CancelOutcome.FINISHED_FIRST: (":information_source:", "finished before the cancel took hold"),
    CancelOutcome.UNKNOWN_TASK: (":grey_question:", "unknown to Beam"),
    CancelOutcome.UNCONFIRMED: (":warning:", "not confirmed"),
    CancelOutcome.NOT_ASKED: (":warning:", "not cancelled, Beam did not answer"),
}

_ADVICE = {
    CancelOutcome.STILL_STOPPING: "Look again in a minute with `/beam status`.",
    CancelOutcome.UNKNOWN_TASK: "Check the ids; tasks of another Beam account cannot be seen.",
    CancelOutcome.UNCONFIRMED: (
        "Beam did not answer after the cancel was sent, so nobody knows yet."
        " Look with `/beam status` before you try again."
    ),
    CancelOutcome.NOT_ASKED: "No cancel was sent. Try again in a minute.",
}


def _outcome(result: Cancelled, asked_at: datetime) -> tuple[str, str]:
    mark, after = _HEADINGS[result.outcome][0], result.after
    match result.outcome:
        case CancelOutcome.CANCELLED:
            spent = _age(after or result.before, asked_at)
            return mark, f"*cancelled*{f' after {spent}' if spent else ''}."
        case CancelOutcome.STILL_STOPPING:
            status = f", it is still {code(after.status, 40)}" if after else ""
            return mark, f"accepted by Beam{status}. {_ADVICE[result.outcome]}"
        case CancelOutcome.ALREADY_OVER | CancelOutcome.FINISHED_FIRST:
            ended = after or result.before
            how = f" as {code(ended.status, 40)}" if ended else ""
            if result.by:
                how += f", cancelled by <@{result.by}>"
            if result.outcome is CancelOutcome.ALREADY_OVER:
                return mark, f"it had already ended{how}, so there was nothing to cancel."
            return mark, f"it ended{how} before the cancel took hold."
        case CancelOutcome.UNDERWAY:
            status = f" It is now {code(after.status, 40)}." if after else ""
            who = f"<@{result.by}>" if result.by else "Somebody else"
            return mark, f"{who} asked for that just before; one cancel was sent.{status}"
        case CancelOutcome.UNKNOWN_TASK:
            return mark, (
                "Beam does not know it. Check the id; tasks of another Beam account cannot be seen."
            )
        case CancelOutcome.UNCONFIRMED:
            return mark, f"not confirmed. {_ADVICE[result.outcome]}"
        case CancelOutcome.NOT_ASKED:
            return mark, f"Beam did not answer. {_ADVICE[result.outcome]}"


def _named(result: Cancelled) -> str:
    task = result.after or result.before
    return f"*{label(task)}* {short(task)}" if task else code(result.task_id)


def _listed(result: Cancelled) -> str:
    task = result.after or result.before
    if task is None:
        return f"• {code(result.task_id)}"
    return f"• {label(task, 60)} {code(task.id)} {code(task.status, 40)}"


def _age(task: Task | None, now: datetime) -> str:
    if task is None:
        return ""
    ran, waited = task.ran(now), task.waited(now)
    if ran is not None:
        return f"running for {duration(ran)}"
    return f"waiting for {duration(waited)}" if waited is not None else ""
