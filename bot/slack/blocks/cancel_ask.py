"""The buttons that cancel, and the dialogs that ask first: what, whose, how long, on what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.slack.blocks.elements import button, dialog
from bot.slack.blocks.message import JSON, count, duration, plain
from bot.slack.blocks.words import plain_label, words
from bot.tasks import Task
from bot.tasks.records import CardView

# A dialog is part of the message: what it says is as old as the card, so it says how old. Slack
# shows plain text there, no dates in the reader's time zone and no mentions.

_SPELLED_WITH_A_VOWEL = "AEFHILMNORSX8"
"""How the names of GPUs begin that are said with "an": an A10G, an H100, an L4."""


def cancel_button(task: Task, now: datetime, *, until: datetime, owner: str = "") -> JSON:
    """Return the red button, which asks first.

    Args:
        task: what to cancel.
        now: the current time.
        until: up to when the task is known to have gone on.
        owner: the name of who watches it; empty if nobody does or Slack does not say.
    """
    whose = f", watched by {plain(owner, 40)}" if owner else ""
    ask = (
        f"{plain_label(task, 60)} ({task.id[:8]}){whose}. {_spent(task, now, until)}"
        "A cancelled task cannot be resumed. This cannot be undone."
    )
    confirm = dialog("Cancel this task?", ask, confirm="Cancel task", deny="Keep it running")
    spoken = f"Cancel {plain_label(task, 60)}"
    return button("Cancel", "task.cancel", task.id, style="danger", confirm=confirm, spoken=spoken)


def cancel_rest_button(view: CardView, now: datetime, *, owner: str = "") -> JSON | None:
    """Return the red button of a group's card, if there is anything to cancel."""
    flying = [known for known in view.members if known.task.status.in_flight]
    if not flying:
        return None
    tasks = count(len(flying), "task")
    named = plain_label(flying[0].task, 60)
    which = f"{tasks}, {named}" if len(flying) == 1 else f"{tasks}, {named} among them"
    whose = f", watched by {plain(owner, 40)}" if owner else ""
    used = _gpu_time([(known.task, known.known_at if known.trouble else now) for known in flying])
    cost = f"So far: {used} (at {_clock(now, now)}). " if used else ""
    them = "it" if len(flying) == 1 else "them"
    end = "It cannot be resumed" if len(flying) == 1 else "They cannot be resumed"
    confirm = dialog(
        f"Cancel {tasks}?",
        f"This cancels {which}{whose}. {cost}{end}. This cannot be undone.",
        confirm=f"Cancel {tasks}",
        deny=f"Keep {them} running",
    )
    value = str(view.card.id)
    return button("Cancel the rest", "group.cancel", value, style="danger", confirm=confirm)


def _spent(task: Task, now: datetime, until: datetime) -> str:
    ran, waited = task.ran(until), task.waited(until)
    at = _clock(until, now)
    if task.started_at is not None and ran is not None:
        on = f" on {_a(task.gpu)}" if task.gpu and plain(task.gpu) else ""
        since = _clock(task.started_at, now)
        return f"{words(task.status)}{on} since {since}, {duration(ran)} so far (at {at}). "
    if waited is not None:
        return f"{words(task.status)}, {duration(waited)} so far (at {at}). "
    return f"{words(task.status)}. "


def _gpu_time(tasks: Sequence[tuple[Task, datetime]]) -> str:
    """Return how long tasks have run, together, on each kind of GPU, or at all."""
    times: dict[str, timedelta] = {}
    for task, until in tasks:
        ran = task.ran(until)
        if ran:
            name = plain(task.gpu or "", 20)
            times[name] = times.get(name, timedelta()) + ran
    most = sorted(times.items(), key=lambda item: item[1], reverse=True)
    said = [f"{duration(time)}{f' on {name}' if name else ' without a GPU'}" for name, time in most]
    return ", ".join(said[:3]) + (" and more" if len(said) > 3 else "")


def _a(gpu: str) -> str:
    name = plain(gpu, 30)
    if " " in name or "," in name:
        return name
    return f"an {name}" if name[0].upper() in _SPELLED_WITH_A_VOWEL else f"a {name}"


def _clock(when: datetime, now: datetime) -> str:
    when = when.astimezone(UTC)
    same = when.date() == now.astimezone(UTC).date()
    return f"{when:%H:%M} UTC" if same else f"{when:%Y-%m-%d %H:%M} UTC"
