"""One word in a task's thread: it takes longer than usual, or is about to be timed out."""

from __future__ import annotations

from datetime import timedelta

from bot.slack.blocks.cancel_ask import cancel_button
from bot.slack.blocks.elements import actions, context, section
from bot.slack.blocks.message import MAX_TEXT, Message, code, cut
from bot.slack.blocks.usual import about, clock, times_as_long
from bot.slack.blocks.words import label
from bot.tasks.nudge import NudgeKind, timeout_left
from bot.tasks.records import NudgeNews

_SIGNS = {
    NudgeKind.WAIT: ":hourglass_flowing_sand:",
    NudgeKind.RUN: ":turtle:",
    NudgeKind.TIMEOUT: ":alarm_clock:",
}


def nudge_message(news: NudgeNews, *, owner: str = "") -> Message:
    """Return a nudge, with a button that cancels while there is something to cancel.

    Args:
        news: what is told, and as of when.
        owner: the name of who watches it, for the dialog, which cannot mention them.
    """
    task, now = news.task, news.as_of
    text = f"*{label(task)}* {_said(news)}"
    mention = f" <@{news.mention}>" if news.mention else ""
    blocks = [
        section(f"{_SIGNS[news.kind]} {text}{mention}"),
        context(f"Task id {code(task.id)}"),
    ]
    if not news.over:
        ask = cancel_button(task, now, until=now, owner=owner)
        blocks += actions({**ask, "action_id": "nudge.cancel"})
    return Message(cut(f"{text} Id {task.id}{mention}", MAX_TEXT), blocks)


def _said(news: NudgeNews) -> str:
    task, now, usual = news.task, news.as_of, news.usual
    ran, waited = task.ran(now) or timedelta(0), task.waited(now) or timedelta(0)
    if news.kind is NudgeKind.WAIT:
        typical = f", usually {about(usual.wait)}" if usual.wait is not None else ""
        return f"has been waiting for {about(waited)}{typical}."
    if news.kind is NudgeKind.RUN:
        often = usual.run
        slow = f", {times_as_long(ran, often)} ({about(often)})" if often else ""
        return f"has been running for {about(ran)}{slow}."
    left = timeout_left(task, now) or timedelta(0)
    return f"times out in {about(left)}, at {clock(now + left)}. It has run {about(ran)}."
