"""Reading what Slack sends: commands, messages, clicks and shortcuts become turns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession

from bot.slack.answer import PostAnswer, UrlAnswer
from bot.slack.guard import Turn
from bot.slack.words import without_mention
from bot.slack.workspace import Workspace
from bot.tasks.records import Place

Body = Mapping[str, Any]

_ID_MAX = 255
"""Longest id that is taken, in characters; Slack's have about 12, its triggers 60."""


class Payloads:
    """Makes turns of payloads.

    Args:
        workspace: the workspace. Its own id is used throughout: in a channel that is shared with
            another workspace, payloads carry the id of the other one.
        session: sends the answers.
    """

    def __init__(self, workspace: Workspace, session: ClientSession) -> None:
        self._workspace = workspace
        self._session = session

    def command(self, body: Body) -> Turn:
        """Read a slash command."""
        return Turn(
            place=self._place(_id(body, "channel_id"), _id(body, "user_id")),
            text=_text(body, "text"),
            via="command",
            answer=self._url(body, clicked=False),
            body=body,
            key=_trigger(body),
        )

    def mention(self, body: Body) -> Turn | None:
        """Read a message that mentions the bot."""
        event = _part(body, "event")
        # In direct messages the same message comes as an event of its own.
        return None if _id(event, "channel").startswith("D") else self._message(event)

    def direct(self, body: Body) -> Turn | None:
        """Read a direct message."""
        event = _part(body, "event")
        return self._message(event) if event.get("channel_type") == "im" else None

    def click(self, body: Body) -> Turn:
        """Read a click on a button."""
        container, message = _part(body, "container", {}), _part(body, "message", {})
        channel = _part(body, "channel", {})
        shown_to_all = not container.get("is_ephemeral")
        where = _maybe_id(container, "channel_id") or _id(channel, "id")
        thread = _maybe_id(message, "thread_ts")
        return Turn(
            place=self._place(where, _id(_part(body, "user"), "id"), thread),
            text=_text(_first(body, "actions"), "value"),
            via="button",
            answer=self._url(body, clicked=True),
            body=body,
            key=_trigger(body),
            message_ts=_maybe_id(container, "message_ts") if shown_to_all else None,
        )

    def shortcut(self, body: Body) -> Turn:
        """Read a shortcut; it is answered with a modal, errors with a direct message."""
        return self._modal(body, _maybe_id(_part(body, "channel", {}), "id"))

    def submission(self, body: Body) -> Turn:
        """Read a modal that was sent; it is answered where the task is to be watched."""
        chosen: str | None = None
        view = _part(body, "view")
        for block in _part(_part(view, "state"), "values").values():
            for element in block.values():
                chosen = _maybe_id(element, "selected_conversation") or chosen
        said = json.loads(_text(view, "private_metadata") or "{}")
        return self._modal(body, chosen, _maybe_id(said, "thread_ts"))

    def _modal(self, body: Body, channel: str | None, thread_ts: str | None = None) -> Turn:
        user = _id(_part(body, "user"), "id")
        # A message to the person's id is a direct message from the bot: that always gets through.
        return Turn(
            place=self._place(channel or user, user, thread_ts),
            text="",
            via="shortcut",
            answer=PostAnswer(self._workspace.client, user, None),
            body=body,
            key=_trigger(body),
        )

    def _message(self, event: Body) -> Turn | None:
        # Edits, joins and the like have a subtype; only what a person wrote concerns us. Bots
        # that answer bots never stop.
        if event.get("bot_id") or not event.get("user") or event.get("edited"):
            return None
        if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
            return None
        me = self._workspace.identity.bot_user_id
        channel, thread = _id(event, "channel"), _maybe_id(event, "thread_ts")
        return Turn(
            place=self._place(channel, _id(event, "user"), thread),
            text=without_mention(_text(event, "text"), me),
            via="mention",
            answer=PostAnswer(self._workspace.client, channel, thread),
            body=event,
            key=f"message:{channel}:{_id(event, 'ts')}",
        )

    def _place(self, channel: str, user: str, thread_ts: str | None = None) -> Place:
        return Place(self._workspace.identity.team_id, channel, user, thread_ts)

    def _url(self, body: Body, *, clicked: bool) -> UrlAnswer:
        url = _id(body, "response_url", 2_000)
        if not url.startswith(("https://", "http://")):
            raise ValueError("no usable response_url in the payload")
        return UrlAnswer(url, self._session, clicked=clicked)


# A payload that is not as documented is told and logged by the guard, like all that fails; what
# gets past here is safe to store. No message quotes the payload.


def _part(body: Body, name: str, default: Body | None = None) -> Body:
    """Return an object inside a payload; ``default`` if there is none."""
    part = body.get(name)
    if part is None and default is not None:
        return default
    if not isinstance(part, Mapping):
        raise ValueError(f"no usable {name} in the payload")
    return part


def _first(body: Body, name: str) -> Body:
    """Return the first of a list of objects."""
    items = body.get(name)
    if not isinstance(items, list) or not items or not isinstance(items[0], Mapping):
        raise ValueError(f"no usable {name} in the payload")
    return items[0]


def _id(body: Body, name: str, longest: int = _ID_MAX) -> str:
    """Return an id, a timestamp or an address: something short in ASCII."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError(f"no usable {name} in the payload")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError(f"no usable {name} in the payload")
    return value


def _maybe_id(body: Body, name: str) -> str | None:
    return None if body.get(name) in (None, "") else _id(body, name)


def _text(body: Body, name: str) -> str:
    """Return what somebody wrote, empty if nothing."""
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise ValueError(f"no usable {name} in the payload")
    return value


def _trigger(body: Body) -> str:
    return f"trigger:{_id(body, 'trigger_id')}"
