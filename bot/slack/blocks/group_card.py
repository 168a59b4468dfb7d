"""Several tasks as one card: "37 of 50 complete, 2 failed"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.slack.blocks.cancel_ask import cancel_rest_button
from bot.slack.blocks.elements import actions, button, context, listed, section, unmute_button
from bot.slack.blocks.message import (
    JSON,
    MAX_TEXT,
    Message,
    code,
    count,
    cut,
    date,
    escape,
    roughly,
    safe,
)
from bot.slack.blocks.usual import unusual_words
from bot.slack.blocks.words import (
    IN_SUM,
    LEVELS,
    bar,
    label,
    mute_note,
    short,
    sign,
    stale_note,
    times,
)
from bot.tasks import Status, Task, TaskId
from bot.tasks.left import time_left
from bot.tasks.records import CardView, KnownTask, Trouble
from bot.tasks.usual import Usual

FAILURES_SHOWN = 10
IN_FLIGHT_SHOWN = 12


def group_card(
    view: CardView,
    now: datetime,
    *,
    links: Mapping[TaskId, str] | None = None,
    owner: str = "",
) -> Message:
    """Return the card of several tasks.

    Args:
        view: the card and its members, in the order asked for.
        now: the current time; tasks in flight wait or run until then.
        links: to the replies that told of the members that failed.
        owner: the name of who watches them, for the dialog, which cannot mention them.
    """
    members = view.members
    left = time_left(members, view.usual, now)
    text = headline(members) + (f", {roughly(left)} left" if left is not None else "")
    over = [known.task for known in members if known.task.status.final]
    share = len(over) / len(members) if members else 0.0
    done = f"{bar(share)} {int(share * 100)} % over"
    if left is not None:
        # The card is not edited as time passes: a moment stays true, "4 min left" does not.
        done += f" · the last one ends about {date(now + left)}"
    top = [f"*{text}*", done, _counts(members)]
    blocks = [section("\n".join(line for line in top if line))]
    if note := _stale(members):
        blocks.append(section(note))
    ended_badly = [task for task in over if task.status.bad]
    if ended_badly:
        there = links or {}
        lines = (failure_line(task, there.get(task.id)) for task in ended_badly)
        blocks.append(section(listed("*Failed*", lines, len(ended_badly), FAILURES_SHOWN)))
    flying = [known for known in members if not known.task.status.final]
    if flying:
        rows = (_row(known, now, view.usual) for known in flying)
        blocks.append(section(listed("*Not over yet*", rows, len(flying), IN_FLIGHT_SHOWN)))
    elif len(members) - len(ended_badly) <= IN_FLIGHT_SHOWN and len(members) > len(ended_badly):
        good = [known for known in members if not known.task.status.bad]
        rows = (_row(known, now) for known in good)
        blocks.append(section(listed("*Over*", rows, len(good), IN_FLIGHT_SHOWN)))
    card = view.card
    watched = f"Watched by <@{card.owner_id}> ({LEVELS[card.level]})"
    small = [watched if view.watching else "Not watched any more"]
    if members:
        small.append(f"As of {date(min(known.known_at for known in flying or members))}")
    muted = mute_note(view.muted_until, now)
    blocks.append(context(*small, *([muted] if muted else [])))
    if cancelled := _cancelled(members):
        # Where the button was, which has done this.
        blocks.append(section("\n".join(cancelled)))
    blocks += _buttons(view, now, owner)
    return Message(cut(fallback(members, left), MAX_TEXT), blocks)


def headline(members: Sequence[KnownTask]) -> str:
    """Return a group in sum: how many are complete, and how many ended otherwise."""
    return in_sum([known.task.status for known in members])


def in_sum(statuses: Sequence[Status]) -> str:
    """Return how many of these are complete, and how many ended otherwise."""
    counts = Counter(_in_sum(status) for status in statuses)
    said = [f"{counts['complete']} of {len(statuses)} complete"]
    others = ("failed", "timed out", "expired", "cancelled")
    said += [f"{counts[word]} {word}" for word in others if counts[word]]
    return ", ".join(said)


def fallback(members: Sequence[KnownTask], left: timedelta | None = None) -> str:
    """Return all that matters of a group as plain sentences."""
    text = f"{count(len(members), 'task')}: {headline(members)}."
    if left is not None:
        text += f" {roughly(left).capitalize()} left."
    flying = [known.task for known in members if not known.task.status.final]
    if flying:
        counts = Counter(_in_sum(task.status) for task in flying)
        text += f" Still {', '.join(f'{number} {word}' for word, number in counts.items())}."
    bad = [known.task for known in members if known.task.status.bad]
    if bad:
        named = ", ".join(f"{label(task, 40)} ({task.id})" for task in bad[:FAILURES_SHOWN])
        more = f" and {len(bad) - FAILURES_SHOWN} more" if len(bad) > FAILURES_SHOWN else ""
        text += f" Ended badly: {named}{more}."
    if note := _stale(members):
        text += f" {note.removeprefix(':warning: ')}"
    # Last, as a notification shows the start alone: who listens hears who is who.
    others = [known.task for known in members if not known.task.status.bad]
    if others:
        some = (f"{label(task, 40)} ({task.id[:8]})" for task in others[:IN_FLIGHT_SHOWN])
        rest = len(others) - IN_FLIGHT_SHOWN
        text += f" The others: {', '.join(some)}{f' and {rest} more' if rest > 0 else ''}."
    return text


def failure_line(task: Task, link: str | None = None) -> str:
    """Return a member that ended badly, with its id and its reason, in one line.

    Args:
        task: the member.
        link: to the reply that told of it.
    """
    name = f"*{label(task, 60)}*"
    if link is not None:
        # A link's text may not hold what ends the link.
        name = f"*<{escape(link).replace('|', '%7C')}|{label(task, 60).replace('|', '¦')}>*"
    reason = safe(task.failure_reason, 100) if task.failure_reason else ""
    why = f": {reason}" if reason else ""
    status = "" if task.status.failed else f" {IN_SUM[task.status]}"
    return f"{sign(task.status)} {name}{status} {code(task.id)}{why}"


def _in_sum(status: Status) -> str:
    return IN_SUM.get(status, "in an unknown status")


def _counts(members: Sequence[KnownTask]) -> str:
    statuses = Counter(known.task.status for known in members)
    order = list(IN_SUM)
    known = sorted(
        statuses, key=lambda status: order.index(status) if status in order else len(order)
    )
    # Statuses that nobody knows could be as many as there are members.
    shown = [f"{sign(status)} {statuses[status]} {code(status, 40)}" for status in known[:12]]
    return " · ".join(shown)


def _row(known: KnownTask, now: datetime, usual: Mapping[str, Usual] | None = None) -> str:
    task = known.task
    until = known.known_at if known.trouble else now
    spent = times(task, until)
    said = f"{sign(task.status)} {label(task, 60)} {short(task)} {code(task.status, 40)}"
    past = (usual or {}).get(task.function or task.stub_name or "")
    odd = "" if known.trouble else unusual_words(task, past, now)
    return " ".join(part for part in (said, spent, f"({odd})" if odd else "") if part)


def _stale(members: Sequence[KnownTask]) -> str | None:
    old = [known for known in members if known.trouble is not None]
    if not old:
        return None
    if len(old) == 1:
        return stale_note(old[0])
    since = date(min(known.known_at for known in old))
    some = "all" if len(old) == len(members) else str(len(old))
    tasks = f"{some} {len(old)} tasks" if some == "all" else f"{some} tasks"
    if all(known.trouble is Trouble.GONE for known in old):
        return f":warning: Beam no longer knows {tasks}; shown is what was last known at {since}."
    why = "Beam has not answered"
    if any(known.trouble is Trouble.UNAUTHORIZED for known in old):
        why = "Beam rejects our token"
    return f":warning: {why} for {tasks} since {since}; shown is what was last known."


def _buttons(view: CardView, now: datetime, owner: str) -> list[JSON]:
    value = str(view.card.id)
    return actions(
        cancel_rest_button(view, now, owner=owner),
        button("Refresh", "group.refresh", value),
        button("Unwatch", "group.unwatch", value) if view.watching else None,
        unmute_button() if mute_note(view.muted_until, now) else None,
    )


def _cancelled(members: Sequence[KnownTask]) -> list[str]:
    """Return who cancelled how many, and why."""
    counts = Counter(
        (known.cancelled_by, known.cancel_reason)
        for known in members
        if known.cancelled_by and known.task.status == "CANCELLED"
    )
    lines = []
    for (by, reason), number in counts.most_common(5):
        why = f": {safe(reason, 300)}" if reason else ""
        lines.append(f":no_entry_sign: {count(number, 'task')} cancelled by <@{by}>{why}")
    return lines
