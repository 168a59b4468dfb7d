"""How tasks, statuses and levels are called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.slack.blocks.message import code, date, duration, plain, safe
from bot.tasks import Level, Status, Task
from bot.tasks.preferences import UNTIL_UNMUTED
from bot.tasks.records import GoneNews, GroupNews, KnownTask, TransitionNews, Trouble

_STATUSES = {
    "PENDING": (":hourglass_flowing_sand:", "Waiting in the queue"),
    "RUNNING": (":large_blue_circle:", "Running"),
    "RETRY": (":repeat:", "Retrying"),
    "COMPLETE": (":white_check_mark:", "Complete"),
    "FAILED": (":x:", "Failed"),
    "ERROR": (":x:", "Failed"),
    "CANCELLED": (":no_entry_sign:", "Cancelled"),
    "TIMEOUT": (":alarm_clock:", "Timed out"),
    "EXPIRED": (":wastebasket:", "Expired in the queue"),
}

IN_SUM = {
    "PENDING": "waiting",
    "RUNNING": "running",
    "RETRY": "retrying",
    "COMPLETE": "complete",
    "FAILED": "failed",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "TIMEOUT": "timed out",
    "EXPIRED": "expired",
}
"""What to call several tasks of a status; the order is that of a task's life."""

LEVELS = {
    Level.ALL: "every status change",
    Level.FINAL: "how it ends",
    Level.FAILURES: "failures only",
}


def sign(status: Status) -> str:
    """Return the emoji of a status."""
    return _STATUSES.get(status, (":grey_question:", ""))[0]


def words(status: Status) -> str:
    """Return a status in words, for plain text."""
    if status in _STATUSES:
        return _STATUSES[status][1]
    return f"Unknown status “{plain(status, 40)}”"


def status_line(status: Status) -> str:
    """Return a status with its sign, in words and as received: people search for that."""
    if status in _STATUSES:
        return f"{sign(status)} *{words(status)}* · {code(status)}"
    return f"{sign(status)} *Unknown status “{safe(status, 40)}”* · {code(status)}"


def label(task: Task, limit: int = 80) -> str:
    """Return what to call a task in mrkdwn."""
    return safe(task.label, limit) or task.id[:8]


def plain_label(task: Task, limit: int = 80) -> str:
    """Return what to call a task in plain text."""
    return plain(task.label, limit) or task.id[:8]


def short(task: Task) -> str:
    """Return the start of a task's id."""
    return f"`{task.id[:8]}`"


def times(task: Task, now: datetime) -> str:
    """Return how long a task waited and ran, as far as known, to go on a sentence."""
    ran, waited = task.ran(now), task.waited(now)
    said = []
    if ran is not None:
        said.append(f"ran {duration(ran)}")
    if waited is not None:
        said.append(f"waited {duration(waited)}")
    return ", ".join(said)


def mentions(news: TransitionNews | GroupNews | GoneNews) -> str:
    """Return whom news mentions, to go on a sentence."""
    return called(((news.mention,) if news.mention else ()) + news.call)


def called(ids: Iterable[str]) -> str:
    """Return mentions of people and user groups, to go on a sentence."""
    return "".join(f" {mention(each)}" for each in dict.fromkeys(ids))


def mention(slack_id: str) -> str:
    """Return the mention of a person, or of a user group, whose ids begin with S."""
    return f"<!subteam^{slack_id}>" if slack_id.startswith("S") else f"<@{slack_id}>"


def mute_note(until: datetime | None, now: datetime) -> str | None:
    """Return until when a channel is muted, ``None`` if it is not."""
    if until is None or until <= now:
        return None
    how_long = "until somebody unmutes it" if until == UNTIL_UNMUTED else f"until {date(until)}"
    return f":no_bell: This channel is muted {how_long}"


def stale_note(known: KnownTask) -> str | None:
    """Return why what is shown is old, or ``None`` if it is not."""
    last = f"last known {code(known.task.status, 40)}"
    if known.trouble is Trouble.GONE:
        return f":warning: Beam no longer knows this task: {last}, as of {date(known.known_at)}."
    if known.trouble is Trouble.UNAUTHORIZED:
        return (
            f":warning: Beam rejects our token since {date(known.known_at)}: {last}."
            " Whoever gave it to Beambot must renew it."
        )
    if known.trouble is not None:
        return f":warning: {last}, Beam has not answered since {date(known.known_at)}."
    return None


def bar(share: float, cells: int = 10) -> str:
    """Return a bar of ``share`` from 0 to 1, full only at the end and empty only at the start."""
    full = round(share * cells)
    if 0 < share < 1:
        full = min(max(full, 1), cells - 1)
    return "▓" * full + "░" * (cells - full)
