"""Shortcuts and their modals: watch a task by hand, or the tasks that a message names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.errors import SlackRefused
from bot.slack.answer import Ephemeral
from bot.slack.blocks import errors
from bot.slack.blocks.message import JSON
from bot.slack.blocks.modals import (
    CHANNEL_LEVEL,
    IDS_ACTION,
    IDS_BLOCK,
    LEVEL_ACTION,
    MOST_TASKS,
    watch_from_message_modal,
    watch_modal,
)
from bot.slack.commands import Commands
from bot.slack.guard import Turn
from bot.slack.opening import open_view
from bot.tasks import Level, TaskId, find_task_ids

Body = Mapping[str, Any]

FROM_HOME = json.dumps({"home": True})
"""Metadata of a dialog that was opened on Home, which then shows what it did."""


class Shortcuts:
    """What the shortcuts and their modals do.

    Args:
        commands: watches.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def ask_for_task(self, turn: Turn) -> None:
        """Open the modal of the shortcut **Watch a Beam task**."""
        await self.open(turn, watch_modal(None))

    async def ask_about_message(self, turn: Turn) -> None:
        """Open the modal of the message shortcut, with the tasks that the message names."""
        channel, message = turn.place.channel_id, turn.body["message"]
        thread = message.get("thread_ts")
        if thread == message.get("ts"):
            # The first message of a thread: its card stands beside it, in the channel.
            thread = None
        metadata = {"thread_ts": thread, "channel": channel}
        found = find_task_ids("\n".join(texts_of(message)))
        await self.open(
            turn, watch_from_message_modal(found, channel, metadata=json.dumps(metadata))
        )

    async def watch(self, turn: Turn) -> None:
        """Watch the tasks of a modal that was sent."""
        place, values = turn.place, turn.body["view"]["state"]["values"]
        said = json.loads(turn.body["view"].get("private_metadata") or "{}")
        if said.get("channel") != place.channel_id:
            # The thread belongs to the channel in which the shortcut was used.
            place = replace(place, thread_ts=None)
        answer = Ephemeral(turn.workspace, place, turn.answer)
        try:
            await self._commands.watch(place, answer, chosen_ids(values), _level(values))
        except SlackRefused:
            # Told in a direct message, where "this channel" would be another one.
            await turn.answer.private(errors.not_in(place.channel_id))

    async def open(self, turn: Turn, view: JSON) -> None:
        """Open a dialog."""
        otherwise = "Try again in a minute, or type `/beam watch` with the task's id."
        await open_view(turn, view, otherwise=otherwise)


def check_submission(body: Body) -> JSON:
    """Return what is wrong with a modal that was sent: a sentence for a block, else nothing."""
    values = body["view"]["state"]["values"]
    first = next(block_id for block_id in values if block_id.startswith(IDS_BLOCK))
    ids = chosen_ids(values)
    if not ids:
        typed = any("value" in element for block in values.values() for element in block.values())
        return {
            first: "This holds no task id. An id looks like 07ce4078-bccc-4a42-b530-5f2653484a6a."
            if typed
            else "Tick at least one task."
        }
    if len(ids) > MOST_TASKS:
        return {first: f"These are {len(ids)} tasks; up to {MOST_TASKS} can be watched at once."}
    return {}


def chosen_ids(values: Mapping[str, Mapping[str, Any]]) -> list[TaskId]:
    """Return the tasks that were typed or ticked in a modal."""
    said: list[str] = []
    for block in values.values():
        element = block.get(IDS_ACTION)
        if element is not None:
            said.append(element.get("value") or "")
            said += [option["value"] for option in element.get("selected_options") or []]
    return find_task_ids("\n".join(said))


def _level(values: Mapping[str, Mapping[str, Any]]) -> Level | None:
    for block in values.values():
        option = (block.get(LEVEL_ACTION) or {}).get("selected_option")
        if option and option["value"] != CHANNEL_LEVEL:
            return Level(option["value"])
    return None


# Where a message keeps what people read. Its own ids (`client_msg_id`) look like tasks too.
_READ = {
    "text",
    "fallback",
    "pretext",
    "title",
    "title_link",
    "from_url",
    "original_url",
    "app_unfurl_url",
    "url",
    "name",
    "value",
    "footer",
    "author_name",
    "alt_text",
    "preview",
}


def texts_of(value: Any, key: str = "text") -> Iterator[str]:
    """Yield what people read in a message: its text, blocks, attachments, and files' names."""
    if isinstance(value, str):
        if key in _READ:
            yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from texts_of(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item, key)
