"""What is told in a thread: changes of status, ends, and what a cancel did."""

from __future__ import annotations

from datetime import datetime

from bot.slack.blocks.elements import context, listed, section
from bot.slack.blocks.message import (
    MAX_TEXT,
    Message,
    code,
    count,
    cut,
    date,
    duration,
    safe,
)
from bot.slack.blocks.steps import path, spent
from bot.slack.blocks.words import label, short, sign
from bot.tasks import Task
from bot.tasks.records import (
    Cancelled,
    CancelOutcome,
    CancelReport,
    ClosedNews,
    GoneNews,
    TransitionNews,
)

_ROOM = 1_500
"""Characters for those of one outcome: all seven outcomes must fit in a message."""
_LISTED = 15
"""Tasks of one outcome that are named before the rest is counted."""


def transition_reply(news: TransitionNews) -> Message:
    """Return one change of status in words, or several that piled up as one."""
    task, last = news.task, news.steps[-1]
    # What was folded into one reply with the end that it corrects corrects nothing told.
    if news.steps[0].correction:
        return _correction(news)
    text = f"*{label(task)}* {path(news.steps)}{spent(last)}"
    if news.cancelled_by and last.new == "CANCELLED":
        text += f", cancelled by <@{news.cancelled_by}>"
    lines = [f"{sign(last.new)} {text}"]
    plain = text
    if task.failure_reason and last.new.bad:
        reason = safe(task.failure_reason, 300)
        lines.append(f"> {reason}")
        plain += f": {reason}"
    return _with_mention(lines, plain, news.mention, task)


def gone_notice(news: GoneNews) -> Message:
    """Return that a watch ended because Beam does not know the task any more."""
    task = news.task
    text = (
        f"Beam no longer knows *{label(task)}*, so the watch has ended. It was last known as"
        f" {code(task.status, 40)}, {date(news.known_at)}. If it should still be there, check the"
        " Beam account."
    )
    return _with_mention([f":wastebasket: {text}"], text, news.mention, task)


_CLOSED = {
    "is_archived": "it is archived",
    "not_in_channel": "I was removed from it",
    "channel_not_found": "it is gone, or I was removed from it",
}


def channel_closed(news: ClosedNews) -> Message:
    """Return, for a direct message, that watches ended because a channel takes no messages."""
    many = len(news.tasks) != 1
    why = _CLOSED.get(news.reason, "Slack does not let me")
    tasks = count(len(news.tasks), "task")
    text = (
        f"I can no longer post in <#{safe(news.channel_id, 40)}>: {why}. So your watch"
        f"{'es' if many else ''} of {tasks} there {'have' if many else 'has'} ended;"
        f" {'they are' if many else 'it is'} not touched and may run on."
    )
    named = (f"{sign(task.status)} *{label(task)}* {code(task.id)}" for task in news.tasks)
    todo = safe(
        "To go on, type `/beam watch <task> me` here, or `/beam watch <task>` in another channel.",
        200,
    )
    shown = listed(f":mute: {text}", named, len(news.tasks), _LISTED)
    return Message(cut(f"{text} {todo}", MAX_TEXT), [section(shown), context(todo)])


def cancel_result(report: CancelReport) -> Message:
    """Return who cancelled what and what really became of each task."""
    if len(report.results) == 1:
        only = report.results[0]
        mark, line = _outcome(only, report.asked_at)
        text = f"<@{report.actor_id}> asked to cancel {_named(only)}: {line}"
        return Message(
            cut(text, MAX_TEXT),
            [section(f"{mark} {text}"), context(f"Task id {code(only.task_id)}")],
        )
    tasks = count(len(report.results), "task")
    counts: list[str] = []
    blocks = []
    for outcome in CancelOutcome:
        same = [result for result in report.results if result.outcome is outcome]
        if not same:
            continue
        counts.append(f"{len(same)} {_HEADINGS[outcome][1]}")
        title = f"{_HEADINGS[outcome][0]} *{len(same)} {_HEADINGS[outcome][1]}*"
        shown = listed(title, map(_listed, same), len(same), _LISTED, _ROOM)
        advice = f"\n{_ADVICE[outcome]}" if outcome in _ADVICE else ""
        blocks.append(section(shown + advice))
    head = f"<@{report.actor_id}> asked to cancel {tasks}"
    text = f"{head}: {', '.join(counts)}." if counts else f"{head}."
    return Message(cut(text, MAX_TEXT), [section(f"{head}."), *blocks])


_HEADINGS = {
    CancelOutcome.CANCELLED: (":no_entry_sign:", "cancelled"),
    CancelOutcome.STILL_STOPPING: (":hourglass_flowing_sand:", "accepted, still stopping"),
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
            spent = _age(result.before or after, asked_at)
            return mark, f"*cancelled*{f' after {spent}' if spent else ''}."
        case CancelOutcome.STILL_STOPPING:
            status = f", it is still {code(after.status, 40)}" if after else ""
            return mark, f"accepted by Beam{status}. {_ADVICE[result.outcome]}"
        case CancelOutcome.ALREADY_OVER | CancelOutcome.FINISHED_FIRST:
            ended = after or result.before
            how = f" as {code(ended.status, 40)}" if ended else ""
            if result.outcome is CancelOutcome.ALREADY_OVER:
                return mark, f"it had already ended{how}, so there was nothing to cancel."
            return mark, f"it ended{how} before the cancel took hold."
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


def _correction(news: TransitionNews) -> Message:
    told, last = news.steps[0].old, news.steps[-1]
    text = (
        f"Correction: *{label(news.task)}* is {code(last.new, 40)}, not {code(told, 40)}."
        " Beam has changed how it ended."
    )
    if last.new.in_flight:
        text = (
            f"Correction: *{label(news.task)}* is {code(last.new, 40)} again; Beam had reported"
            f" it as {code(told, 40)}."
        )
    return _with_mention([f":arrows_counterclockwise: {text}"], text, news.mention, news.task)


def _with_mention(lines: list[str], text: str, mention: str | None, task: Task) -> Message:
    if mention:
        lines[0] += f" <@{mention}>"
    small = context(f"Task id {code(task.id)}")
    plain = f"{text.rstrip('.')}. Id {task.id}"
    return Message(cut(_mentioned(plain, mention), MAX_TEXT), [section("\n".join(lines)), small])


def _mentioned(text: str, mention: str | None) -> str:
    return f"{text} <@{mention}>" if mention else text
