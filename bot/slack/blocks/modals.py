"""Modals: watch a task by hand, and watch the tasks that a message names."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks.elements import input_block, plain_text, section
from bot.slack.blocks.message import JSON, count, cut
from bot.slack.blocks.words import LEVELS
from bot.tasks import Level, TaskId

IDS_BLOCK, IDS_ACTION = "tasks", "ids"
CHANNEL_BLOCK, CHANNEL_ACTION = "channel", "channel"
LEVEL_BLOCK, LEVEL_ACTION = "level", "level"
CHANNEL_LEVEL = "channel"
"""The value of the choice that leaves the level to the channel's settings."""

REASON_BLOCK, REASON_ACTION = "reason", "reason"

REASON_MAX = 300
"""Longest reason for a cancel, in characters: one that is read, not a report."""

MOST_TASKS = 50
_BOXES = 10
"""Checkboxes that one group may have."""
_TYPED_MAX = 3_000


def watch_modal(
    channel_id: str | None, text: str = "", *, level: Level | None = None, metadata: str = ""
) -> JSON:
    """Return the modal that asks for tasks to watch.

    Args:
        channel_id: the channel chosen at first; ``None`` for the one the person looks at.
        text: what stands in the field for the ids already.
        level: the level chosen at first; ``None`` for what the channel is set to.
        metadata: comes back with the submission.
    """
    ids: JSON = {
        "type": "plain_text_input",
        "action_id": IDS_ACTION,
        "multiline": True,
        "max_length": _TYPED_MAX,
        "focus_on_load": True,
        "placeholder": plain_text("Ids, links, or a log that holds them"),
    }
    if text:
        ids["initial_value"] = cut(text, _TYPED_MAX)
    tasks = input_block(
        IDS_BLOCK, "Tasks", ids, hint=f"Up to {MOST_TASKS}. Several tasks share one card."
    )
    blocks = [tasks, _channel(channel_id), _level(level)]
    return _modal("Watch a Beam task", blocks, "watch.submit", metadata, "Watch")


def watch_from_message_modal(
    found: Sequence[TaskId],
    channel_id: str | None,
    *,
    level: Level | None = None,
    metadata: str = "",
) -> JSON:
    """Return the modal that asks which of a message's tasks to watch; all are ticked at first.

    Args:
        found: the tasks, up to 50.
        channel_id: the channel chosen at first; ``None`` for the one the person looks at.
        level: the level chosen at first; ``None`` for what the channel is set to.
        metadata: comes back with the submission.
    """
    if not found:
        return no_tasks_modal()
    ids = list(dict.fromkeys(found))[:MOST_TASKS]
    blocks = [section(f"This message names {count(len(set(found)), 'task')}.")]
    if len(set(found)) > MOST_TASKS:
        blocks.append(section(f"The first {MOST_TASKS} can be watched at once."))
    for start in range(0, len(ids), _BOXES):
        part = ids[start : start + _BOXES]
        options = [{"text": plain_text(task_id), "value": task_id} for task_id in part]
        boxes: JSON = {
            "type": "checkboxes",
            "action_id": IDS_ACTION,
            "options": options,
            "initial_options": options,
        }
        label = "Tasks" if len(ids) <= _BOXES else f"Tasks {start + 1} to {start + len(part)}"
        blocks.append(input_block(f"{IDS_BLOCK}.{start // _BOXES}", label, boxes, optional=True))
    blocks += [_channel(channel_id), _level(level)]
    return _modal("Watch these tasks", blocks, "watch_message.submit", metadata, "Watch")


def reason_modal(metadata: str) -> JSON:
    """Return the modal that asks why somebody cancelled; ``metadata`` comes back with it."""
    why: JSON = {
        "type": "plain_text_input",
        "action_id": REASON_ACTION,
        "multiline": True,
        "max_length": REASON_MAX,
        "focus_on_load": True,
        "placeholder": plain_text("The loss exploded after epoch 3"),
    }
    hint = "Shown in the report of your cancel and on the cards of its tasks."
    blocks = [input_block(REASON_BLOCK, "Why did you cancel?", why, hint=hint)]
    return _modal("Give a reason", blocks, "cancel.reason.submit", metadata, "Save")


def no_tasks_modal() -> JSON:
    """Return what is shown for a message that names no task."""
    text = (
        "This message names no Beam task. An id looks like"
        " `07ce4078-bccc-4a42-b530-5f2653484a6a`; links and logs that hold one count too."
    )
    return {
        "type": "modal",
        "title": plain_text("No task found"),
        "close": plain_text("Close"),
        "blocks": [section(text)],
    }


def _modal(title: str, blocks: list[JSON], callback_id: str, metadata: str, submit: str) -> JSON:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title),
        "submit": plain_text(submit),
        "close": plain_text("Cancel"),
        "private_metadata": metadata,
        "blocks": blocks,
    }


def _channel(channel_id: str | None) -> JSON:
    element: JSON = {
        "type": "conversations_select",
        "action_id": CHANNEL_ACTION,
        # No group messages with bots of others, no bots: what Beambot can post in.
        "filter": {"include": ["public", "private", "im"], "exclude_bot_users": True},
    }
    if channel_id:
        element["initial_conversation"] = channel_id
    else:
        element["default_to_current_conversation"] = True
    hint = "Beambot must be in the channel: /invite @Beambot"
    return input_block(CHANNEL_BLOCK, "Where to tell", element, hint=hint)


def _level(level: Level | None) -> JSON:
    options: dict[Level | None, JSON] = {
        None: {"text": plain_text("What the channel is set to"), "value": CHANNEL_LEVEL}
    }
    for each, words in LEVELS.items():
        options[each] = {"text": plain_text(words.capitalize()), "value": each.value}
    element: JSON = {
        "type": "radio_buttons",
        "action_id": LEVEL_ACTION,
        "options": list(options.values()),
        "initial_option": options[level],
    }
    return input_block(LEVEL_BLOCK, "What to tell", element)
