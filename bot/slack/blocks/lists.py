"""Lists: what a channel watches, and which tasks a cancel would stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.slack.blocks.elements import actions, button, context, dialog, listed, said, section
from bot.slack.blocks.group_card import headline
from bot.slack.blocks.message import JSON, MAX_TEXT, Message, code, count, cut, duration, escape
from bot.slack.blocks.task_card import words_of
from bot.slack.blocks.words import LEVELS, label, short, sign, stale_note, times, words
from bot.tasks.records import CardKind, KnownTask, WatchPage, WatchRow

_ASKED_ABOUT = 30
"""Tasks that a question names before it counts the rest."""


def watch_list(page: WatchPage, now: datetime) -> Message:
    """Return one page of a channel's watches; a group is one row."""
    if page.total == 0:
        return said(
            f"Nothing is watched in this channel. Start with `/beam watch {escape('<task>')}`.",
            *actions(button("Explain watch", "help.run", "help watch")),
        )
    head = f"{count(page.total, 'watch', 'watches')} in this channel"
    if page.pages > 1:
        head += f", page {page.page} of {page.pages}"
    rows = [_row(row, now) for row in page.rows]
    blocks = [section(f"*{head}*"), *(block for _, own in rows for block in own)]
    blocks += actions(
        button("Show newer", "list.page.previous", str(page.page - 1)) if page.page > 1 else None,
        button("Show older", "list.page.next", str(page.page + 1))
        if page.page < page.pages
        else None,
    )
    text = "\n".join([f"{head}.", *(text for text, _ in rows)])
    return Message(cut(text, MAX_TEXT), blocks)


def _row(row: WatchRow, now: datetime) -> tuple[str, list[JSON]]:
    age = duration(max(now - row.created_at, now - now))
    small = f"<@{row.owner_id}> · since {age} · tells {LEVELS[row.level]}"
    if row.card.kind is CardKind.GROUP or len(row.members) != 1:
        tasks = count(len(row.members), "task")
        name = headline(row.members) if row.members else "no tasks"
        first = f"*Group of {tasks}* · {name}"
        text = f"Group of {tasks}: {name}, watched by <@{row.owner_id}> since {age}"
        second = " ".join(short(known.task) for known in row.members[:5])
        if len(row.members) > 5:
            second += f" and {len(row.members) - 5} more"
        text += f": {second.replace('`', '')}." if second else "."
        note = None
    else:
        known = row.members[0]
        task = known.task
        spent = times(task, known.known_at if known.trouble else now)
        first = f"{sign(task.status)} *{label(task, 60)}* · {words_of(task)}"
        second = code(task.id) + (f" · {spent}" if spent else "")
        note = stale_note(known)
        text = (
            f"{label(task, 60)}, {escape(words(task.status))} ({code(task.status, 40)}), id"
            f" {task.id}, watched by <@{row.owner_id}> since {age}."
        )
    if row.permalink:
        small += f" · <{escape(row.permalink).replace('|', '%7C')}|Open the card>"
    lines = [line for line in (first, second, note) if line]
    return text, [section("\n".join(lines)), context(small)]


def cancel_question(tasks: Sequence[KnownTask], *, request_id: str, now: datetime) -> Message:
    """Return the question that comes before several tasks are cancelled.

    Args:
        tasks: what was asked for; tasks that are over are listed apart.
        request_id: under which the ids are stored; they may be too many for a button.
        now: the current time.
    """
    going = [known for known in tasks if not known.task.status.final]
    over = [known for known in tasks if known.task.status.final]
    many = count(len(going), "task")
    if not going:
        text = f"Nothing to cancel: {count(len(over), 'task')} asked for, all over already."
        named = ", ".join(f"{label(one.task, 40)} {_spoken(one)}" for one in over)
        ended = listed("*Over already*", (_line(known, now) for known in over), len(over), 20)
        if not over:
            return said(f"{text} Name the tasks: `/beam cancel {escape('<task>')}`.")
        return Message(cut(f"{text} {named}.", MAX_TEXT), [section(text), section(ended)])
    head = f"Cancel {many}? This cannot be undone."
    lines = [_line(known, now) for known in going]
    # Two sections, since 30 tasks do not fit into one.
    blocks = [section(f"*{head}*")]
    for start in range(0, min(len(lines), _ASKED_ABOUT), 10):
        part = lines[start : min(start + 10, _ASKED_ABOUT)]
        title = f"*{start + 1} to {start + len(part)}*" if len(lines) > 10 else ""
        blocks.append(section(listed(title, part, len(part), 10)))
    if len(lines) > _ASKED_ABOUT:
        blocks.append(context(f"and {len(lines) - _ASKED_ABOUT} more, cancelled with these"))
    if over:
        title = "*Over already, nothing to cancel*"
        done = [_line(known, now) for known in over]
        blocks.append(section(listed(title, done, len(done), 5, room=1_500)))
    keep = "Keep it running" if len(going) == 1 else "Keep them running"
    stops = "It stops where it is" if len(going) == 1 else "They stop where they are"
    confirm = dialog(
        f"Cancel {many}?",
        f"{stops} and cannot be resumed. This cannot be undone.",
        confirm=f"Cancel {many}",
        deny=keep,
    )
    blocks += actions(
        button(f"Cancel {many}", "cancel.confirm", request_id, style="danger", confirm=confirm),
        button(keep, "cancel.dismiss", request_id),
    )
    text = "\n".join([head, *(f"{label(one.task, 40)} {_spoken(one)}" for one in going)])
    if over:
        text += "\nOver already, nothing to cancel:"
        text += "".join(f"\n{label(one.task, 40)} {_spoken(one)}" for one in over)
    return Message(cut(text, MAX_TEXT), blocks)


def cancel_dismissed() -> Message:
    """Return what takes the question's place when it is answered with no."""
    return said("Nothing was cancelled.")


def _spoken(known: KnownTask) -> str:
    return f"({known.task.id}, {escape(words(known.task.status).lower())})"


def _line(known: KnownTask, now: datetime) -> str:
    task = known.task
    spent = times(task, known.known_at if known.trouble else now)
    line = f"{sign(task.status)} {label(task, 60)} {code(task.id)} {code(task.status, 40)}"
    return f"{line} {spent}" if spent else line
