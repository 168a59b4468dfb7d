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
            place=self._place(body["channel_id"], body["user_id"]),
            text=body.get("text") or "",
            via="command",
            answer=self._url(body, clicked=False),
            body=body,
            key=f"trigger:{body['trigger_id']}",
        )

    def mention(self, body: Body) -> Turn | None:
        """Read a message that mentions the bot."""
        event = body["event"]
        # In direct messages the same message comes as an event of its own.
        return None if str(event["channel"]).startswith("D") else self._message(event)

    def direct(self, body: Body) -> Turn | None:
        """Read a direct message."""
        event = body["event"]
        return self._message(event) if event.get("channel_type") == "im" else None

    def click(self, body: Body) -> Turn:
        """Read a click on a button."""
        action, container = body["actions"][0], body.get("container") or {}
        channel = container.get("channel_id") or body["channel"]["id"]
        shown_to_all = not container.get("is_ephemeral")
        message = body.get("message") or {}
        return Turn(
            place=self._place(channel, body["user"]["id"], message.get("thread_ts")),
            text=str(action.get("value") or ""),
            via="button",
            answer=self._url(body, clicked=True),
            body=body,
            key=f"trigger:{body['trigger_id']}",
            message_ts=container.get("message_ts") if shown_to_all else None,
        )

    def shortcut(self, body: Body) -> Turn:
        """Read a shortcut; it is answered with a modal, errors with a direct message."""
        return self._modal(body, (body.get("channel") or {}).get("id"))

    def submission(self, body: Body) -> Turn:
        """Read a modal that was sent; it is answered where the task is to be watched."""
        chosen: str | None = None
        for block in body["view"]["state"]["values"].values():
            for element in block.values():
                chosen = element.get("selected_conversation") or chosen
        said = json.loads(body["view"].get("private_metadata") or "{}")
        return self._modal(body, chosen, said.get("thread_ts"))

    def _modal(self, body: Body, channel: str | None, thread_ts: str | None = None) -> Turn:
        user = body["user"]["id"]
        # A message to the person's id is a direct message from the bot: that always gets through.
        return Turn(
            place=self._place(channel or user, user, thread_ts),
            text="",
            via="shortcut",
            answer=PostAnswer(self._workspace.client, user, None),
            body=body,
            key=f"trigger:{body['trigger_id']}",
        )

    def _message(self, event: Body) -> Turn | None:
        # Edits, joins and the like have a subtype; only what a person wrote concerns us. Bots
        # that answer bots never stop.
        if event.get("bot_id") or not event.get("user") or event.get("edited"):
            return None
        if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
            return None
        me = self._workspace.identity.bot_user_id
        thread = event.get("thread_ts")
        return Turn(
            place=self._place(event["channel"], event["user"], thread),
            text=without_mention(event.get("text") or "", me),
            via="mention",
            answer=PostAnswer(self._workspace.client, event["channel"], thread),
            body=event,
            key=f"message:{event['channel']}:{event['ts']}",
        )

    def _place(self, channel: str, user: str, thread_ts: str | None = None) -> Place:
        return Place(self._workspace.identity.team_id, channel, user, thread_ts)

    def _url(self, body: Body, *, clicked: bool) -> UrlAnswer:
        return UrlAnswer(body["response_url"], self._session, clicked=clicked)
