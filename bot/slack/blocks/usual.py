"""What is usual in words: "usually 3 min, 62 % there", "times out in 4 min"."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.slack.blocks.message import duration
from bot.tasks import Task
from bot.tasks.nudge import LONG_RUN, long_wait, nudges, timeout_left, timeout_near
from bot.tasks.usual import Usual


def usual_words(task: Task, usual: Usual | None, now: datetime) -> str:
    """Return what is usual of a task in flight, and whether it is; empty if nothing is known.

    Args:
        task: the task.
        usual: what is usual of its function.
        now: up to when it is known to wait or run.
    """
    said = [_waiting(task, usual, now) if task.status == "PENDING" else _running(task, usual, now)]
    near, left, ran = timeout_near(task), timeout_left(task, now), task.ran(now)
    if near is not None and left is not None and ran is not None and ran >= near:
        said.append(f"times out in {about(left)} (at {clock(now + left)})")
    return ", ".join(part for part in said if part)


def unusual_words(task: Task, usual: Usual | None, now: datetime) -> str:
    """Return what of a task is out of the ordinary, for a row among many; empty if nothing is."""
    due = {nudge.kind for nudge in nudges(task, usual) if nudge.at <= now}
    return usual_words(task, usual, now) if due else ""


def times_as_long(ran: timedelta, typical: timedelta) -> str:
    """Return ``twice as long as usual`` or ``5 times as long as usual``."""
    times = int(ran / typical) if typical else 0
    if times > 99:
        return "far longer than usual"
    return f"{'twice' if times == 2 else f'{times} times'} as long as usual"


def about(span: timedelta) -> str:
    """Return a time in words, no more exactly than anyone means it."""
    for most, step in ((10, 0), (60, 1), (600, 10), (3_600, 60), (86_400, 600)):
        if span < timedelta(seconds=most):
            return duration(_rounded(span, step) if step else span)
    return duration(_rounded(span, 3_600))


def clock(when: datetime) -> str:
    """Return a time of day that Slack shows in the reader's own time zone."""
    return f"<!date^{int(when.timestamp())}^{{time}}|{when:%H:%M} UTC>"


def _rounded(span: timedelta, seconds: int) -> timedelta:
    return timedelta(seconds=max(round(span.total_seconds() / seconds), 1) * seconds)


def _running(task: Task, usual: Usual | None, now: datetime) -> str:
    ran, typical = task.ran(now), usual.run if usual else None
    if task.status != "RUNNING" or ran is None or not typical:
        return ""
    share = ran / typical
    if share >= LONG_RUN:
        return f"running {times_as_long(ran, typical)} ({about(typical)})"
    if share >= 1:
        return f"usually {about(typical)}"
    return f"usually {about(typical)}, {int(share * 100)} % there"


def _waiting(task: Task, usual: Usual | None, now: datetime) -> str:
    waited, typical, long = task.waited(now), usual.wait if usual else None, long_wait(usual)
    if waited is None or typical is None or long is None:
        return ""
    if waited >= long:
        return f"waiting {about(waited)}, usually {about(typical)}"
    return f"usually waits {about(typical)}"
