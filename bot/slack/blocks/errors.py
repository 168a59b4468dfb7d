"""Sentences that are the whole answer: what went wrong, and notices of what was done."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks.elements import listed, said, section
from bot.slack.blocks.message import MAX_TEXT, Message, code, count, cut, escape, safe
from bot.tasks import TaskId
from bot.tasks.records import Failure

_NAMED = 10


def error_message(text: str) -> Message:
    """Return a plain sentence of ours that says what is wrong and what to do."""
    return said(f":warning: {text}")


def unexpected(error_id: str) -> Message:
    """Return what is said of a failure that nobody foresaw; the log has it under the id."""
    return said(
        f":warning: Something went wrong on our side. It is in the log as {code(error_id)}."
        " Try again; if it happens again, tell whoever runs Beambot that id."
    )


def failures(failed: Sequence[Failure]) -> Message:
    """Return why tasks could not be looked up, each in its own sentence."""
    if len(failed) == 1:
        return error_message(failed[0].text)
    lines = [f"• {failure.text}" for failure in failed]
    title = f":warning: {count(len(failed), 'task')} could not be looked up"
    text = "\n".join([f"{title.removeprefix(':warning: ')}.", *lines])
    if len(lines) <= _NAMED:
        return Message(cut(text, MAX_TEXT), [section(listed(title, lines, len(lines), _NAMED))])
    # Many fail for the same few reasons; then the ids matter more than the sentence.
    ids = [f"• {code(failure.task_id)}" for failure in failed]
    ids_shown = section(listed(title, ids, len(ids), 50))
    return Message(cut(text, MAX_TEXT), [ids_shown, section(lines[0].removeprefix("• "))])


def already_watched(names: Sequence[str], permalink: str | None) -> Message:
    """Return that tasks are watched in the channel already, with a link to their card."""
    what = _names(names)
    where = f" See <{_url(permalink)}|its card>." if permalink else ""
    if len(names) > 1 and permalink:
        where = f" See <{_url(permalink)}|the card>."
    verb = "is" if len(names) == 1 else "are"
    return said(f":eyes: {what} {verb} watched in this channel already.{where}")


def unwatched(names: Sequence[str]) -> Message:
    """Return that watches have ended, or that there were none."""
    if not names:
        return nothing_to_unwatch()
    verb = "is" if len(names) == 1 else "are"
    return said(
        f"{_names(names)} {verb} no longer watched in this channel."
        f" The {'task goes' if len(names) == 1 else 'tasks go'} on."
    )


def nothing_to_unwatch() -> Message:
    """Return that what was to be unwatched is not watched here."""
    return said(
        "That is not watched in this channel, so there is nothing to end."
        " `/beam list` shows what is."
    )


def watching_elsewhere(names: Sequence[str]) -> Message:
    """Return that tasks are watched in a direct message, for who asked for that."""
    return said(f":eyes: I will tell you about {_names(names)} in our direct messages.")


def not_posted_yet() -> Message:
    """Return that a watch is stored although Slack has not taken its card yet."""
    return said(
        ":hourglass_flowing_sand: The watch is saved, but Slack has not accepted the card yet."
        " It appears as soon as Slack does; nothing more to do."
    )


def finished_already(names: Sequence[str]) -> Message:
    """Return that tasks are over, so that nothing of them is watched."""
    verb = "is" if len(names) == 1 else "are"
    return said(f"{_names(names)} {verb} over already, so there is nothing to watch.")


def missing_task(verb: str) -> Message:
    """Return what a verb without a task is answered."""
    example = escape(f"/beam {verb} <task>")
    return error_message(
        f"Say which task: `{example}`. A task is its id or a link that holds it;"
        " `/beam list` shows those watched here."
    )


def bad_id(word: str) -> Message:
    """Return that a word is no task id."""
    return error_message(
        f"“{safe(word, 60) or '…'}” is not a task id. An id looks like"
        " `07ce4078-bccc-4a42-b530-5f2653484a6a`; copy it from Beam or from a card."
    )


def cannot_read_files() -> Message:
    """Return what somebody is told who sent a file without a word."""
    return error_message(
        "I cannot read files, and their names hold no task id. Paste the ids, or the lines"
        " that hold them, as text."
    )


def not_in(channel_id: str) -> Message:
    """Return, for a direct message, that the bot is not in the channel chosen in a dialog."""
    return error_message(
        f"I cannot post in <#{safe(channel_id, 40)}>, so nothing is watched. Type"
        " `/invite @Beambot` there and try again, or choose our direct messages."
    )


def unknown_prefix(prefix: str) -> Message:
    """Return that no task watched in the channel starts like that."""
    return error_message(
        f"No task watched in this channel starts with {code(prefix, 40)}. Use the whole id;"
        " `/beam list` shows what is watched here."
    )


def ambiguous_prefix(prefix: str, ids: Sequence[TaskId]) -> Message:
    """Return that several watched tasks start like that."""
    title = f":warning: {code(prefix, 40)} could be any of these. Use more of the id:"
    lines = [f"• {code(task_id)}" for task_id in ids]
    shown = listed(title, lines, len(lines), _NAMED)
    return Message(cut(shown.removeprefix(":warning: "), MAX_TEXT), [section(shown)])


def too_many(number: int, most: int) -> Message:
    """Return that a command names more tasks than one may."""
    return error_message(
        f"That is {count(number, 'task')}; one command takes up to {most}."
        " Send the rest in another one."
    )


def _names(names: Sequence[str]) -> str:
    """Return names that are anybody's, in bold, the first few of many."""
    shown = [f"*{safe(name) or '…'}*" for name in names[:5]]
    if len(names) > 5:
        return f"{', '.join(shown)} and {len(names) - 5} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _url(url: str) -> str:
    return escape(url).replace("|", "%7C")
