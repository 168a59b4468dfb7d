"""What is told in a thread: changes of status, ends, and what a cancel did."""

from __future__ import annotations

from bot.slack.blocks.elements import context, listed, section
from bot.slack.blocks.message import (
    MAX_TEXT,
    Message,
    code,
    count,
    cut,
    date,
    escape,
    safe,
)
from bot.slack.blocks.steps import path, spent
from bot.slack.blocks.words import label, mentions, sign, words
from bot.tasks import Task
from bot.tasks.records import (
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
    return _with_mention(lines, plain, mentions(news), task)


def gone_notice(news: GoneNews) -> Message:
    """Return that a watch ended because Beam does not know the task any more."""
    task = news.task
    text = (
        f"Beam no longer knows *{label(task)}*, so the watch has ended. It was last known as"
        f" {code(task.status, 40)}, {date(news.known_at)}. If it should still be there, check the"
        " Beam account."
    )
    return _with_mention([f":wastebasket: {text}"], text, mentions(news), task)


_SPOKEN = 5
"""Tasks that a notification names."""
_CLOSED = {
    "is_archived": "it is archived",
    "not_in_channel": "I was removed from it",
    "channel_not_found": "it is gone, or I was removed from it",
}


def channel_closed(news: ClosedNews) -> Message:
    """Return, for a direct message, that watches ended because a channel takes no messages."""
    many = len(news.tasks) != 1
    why = _CLOSED.get(news.reason, "Slack does not let me")
    on = sum(not task.status.final for task in news.tasks)
    text = (
        f"I can no longer post in <#{safe(news.channel_id, 40)}>: {why}. So your watch"
        f"{'es' if many else ''} of {count(len(news.tasks), 'task')} there"
        f" {'have' if many else 'has'} ended."
    )
    if on:
        text += f" {count(on, 'task')} {'is' if on == 1 else 'are'} not over and may run on."
    last = [
        f"{label(task)} ({task.id}) {escape(words(task.status).lower())}"
        for task in news.tasks[:_SPOKEN]
    ]
    more = len(news.tasks) - len(last)
    spoken = f"Last known: {', '.join(last)}{f' and {more} more' if more else ''}."
    named = (
        f"{sign(task.status)} *{label(task)}* {code(task.id)} {code(task.status, 40)}"
        for task in news.tasks
    )
    todo = escape(
        "To go on, type `/beam watch <task> me` here, or `/beam watch <task>` in another channel."
    )
    shown = listed(f":mute: {text}", named, len(news.tasks), _LISTED)
    return Message(cut(f"{text} {spoken} {todo}", MAX_TEXT), [section(shown), context(todo)])


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
    lines = [f":arrows_counterclockwise: {text}"]
    return _with_mention(lines, text, mentions(news), news.task)


def _with_mention(lines: list[str], text: str, mentioned: str, task: Task) -> Message:
    lines[0] += mentioned
    small = context(f"Task id {code(task.id)}")
    plain = f"{text.rstrip('.')}. Id {task.id}{mentioned}"
    return Message(cut(plain, MAX_TEXT), [section("\n".join(lines)), small])
