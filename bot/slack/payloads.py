"""Reading what Slack sends: commands, messages, clicks and shortcuts become turns."""

from __future__ import annotations

import json

from aiohttp import ClientSession

from bot.slack.answer import Answer, PostAnswer, UrlAnswer
from bot.slack.guard import Turn
from bot.slack.home import HomeAnswer, HomeTab
from bot.slack.links import NoAnswer, UnfurlAnswer, linked_tasks
from bot.slack.parts import Body, an_id, first, maybe_id, part, text, trigger
from bot.slack.words import without_mention
from bot.slack.workspace import Workspace
from bot.tasks import find_task_ids
from bot.tasks.records import Place

_FILE_NAMES = ("title", "name")


class Payloads:
    """Makes turns of payloads.

    Args:
        workspace: the workspace. Its own id is used throughout: in a channel that is shared with
            another workspace, payloads carry the id of the other one.
        session: sends the answers.
        tab: where what is asked on Home is answered.
    """

    def __init__(self, workspace: Workspace, session: ClientSession, tab: HomeTab) -> None:
        self._workspace = workspace
        self._session = session
        self._tab = tab

    def command(self, body: Body) -> Turn:
        """Read a slash command."""
        return Turn(
            workspace=self._workspace,
            place=self._place(an_id(body, "channel_id"), an_id(body, "user_id")),
            text=text(body, "text"),
            via="command",
            answer=self._url(body, clicked=False),
            body=body,
            key=trigger(body),
        )

    def mention(self, body: Body) -> Turn | None:
        """Read a message that mentions the bot."""
        event = part(body, "event")
        # In direct messages the same message comes as an event of its own.
        return None if an_id(event, "channel").startswith("D") else self._message(event)

    def direct(self, body: Body) -> Turn | None:
        """Read a direct message."""
        event = part(body, "event")
        return self._message(event) if event.get("channel_type") == "im" else None

    def link(self, body: Body) -> Turn | None:
        """Read that somebody's message links to Beam's dashboard."""
        event = part(body, "event")
        # Of a message that is still being written. And in a channel that is shared with another
        # workspace, a link must not show its people what they may not ask for.
        if event.get("source") == "composer" or body.get("is_ext_shared_channel"):
            return None
        user = event.get("user")
        if user in (None, self._workspace.identity.bot_user_id) or not linked_tasks(event):
            return None
        # Looked at here so that the handler can rely on it.
        an_id(event, "message_ts")
        thread = maybe_id(event, "thread_ts")
        return Turn(
            workspace=self._workspace,
            place=self._place(an_id(event, "channel"), an_id(event, "user"), thread),
            text="",
            via="link",
            answer=NoAnswer(),
            body=event,
            key=f"event:{an_id(body, 'event_id')}",
        )

    def home(self, body: Body) -> Turn | None:
        """Read that somebody opens Home; their messages with the bot are a tab beside it."""
        event = part(body, "event")
        if event.get("tab") != "home":
            return None
        return self._at_home(body, an_id(event, "user"), f"event:{an_id(body, 'event_id')}")

    def home_click(self, body: Body) -> Turn:
        """Read a click on a button of Home."""
        clicked = text(first(body, "actions"), "value")
        return self._at_home(body, an_id(part(body, "user"), "id"), trigger(body), clicked)

    def _at_home(self, body: Body, user: str, key: str, clicked: str = "") -> Turn:
        place, answer = self._place(user, user), HomeAnswer(self._tab, self._workspace, user)
        return Turn(
            workspace=self._workspace,
            place=place,
            text=clicked,
            via="home",
            answer=answer,
            body=body,
            key=key,
        )

    def click(self, body: Body) -> Turn:
        """Read a click on a button."""
        container, channel = part(body, "container", {}), part(body, "channel", {})
        shown_to_all = not container.get("is_ephemeral")
        where = maybe_id(container, "channel_id") or an_id(channel, "id")
        place = self._place(where, an_id(part(body, "user"), "id"), _thread(body))
        return Turn(
            workspace=self._workspace,
            place=place,
            text=text(first(body, "actions"), "value"),
            via="button",
            answer=self._clicked(body, place),
            body=body,
            key=trigger(body),
            message_ts=maybe_id(container, "message_ts") if shown_to_all else None,
        )

    def shortcut(self, body: Body) -> Turn:
        """Read a shortcut; it is answered with a modal, errors with a direct message."""
        return self._modal(body, maybe_id(part(body, "channel", {}), "id"))

    def submission(self, body: Body) -> Turn:
        """Read a modal that was sent; it is answered where the task is to be watched."""
        chosen: str | None = None
        view = part(body, "view")
        for block in part(part(view, "state"), "values").values():
            for element in block.values():
                chosen = maybe_id(element, "selected_conversation") or chosen
        said = json.loads(text(view, "private_metadata") or "{}")
        return self._modal(body, chosen, maybe_id(said, "thread_ts"))

    def _modal(self, body: Body, channel: str | None, thread_ts: str | None = None) -> Turn:
        user = an_id(part(body, "user"), "id")
        # A message to the person's id is a direct message from the bot: that always gets through.
        return Turn(
            workspace=self._workspace,
            place=self._place(channel or user, user, thread_ts),
            text="",
            via="shortcut",
            answer=PostAnswer(self._workspace, user, None),
            body=body,
            key=trigger(body),
        )

    def _message(self, event: Body) -> Turn | None:
        # Edits, joins and the like have a subtype; only what a person wrote concerns us. Bots
        # that answer bots never stop.
        if event.get("bot_id") or not event.get("user") or event.get("edited"):
            return None
        if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
            return None
        me = self._workspace.identity.bot_user_id
        channel, thread = an_id(event, "channel"), maybe_id(event, "thread_ts")
        return Turn(
            workspace=self._workspace,
            place=self._place(channel, an_id(event, "user"), thread),
            text=without_mention(text(event, "text"), me).strip() or _named(event),
            via="mention",
            answer=PostAnswer(self._workspace, channel, thread),
            body=event,
            key=f"message:{channel}:{an_id(event, 'ts')}",
        )

    def _place(self, channel: str, user: str, thread_ts: str | None = None) -> Place:
        return Place(self._workspace.identity.team_id, channel, user, thread_ts)

    def _clicked(self, body: Body, place: Place) -> Answer:
        container = part(body, "container", {})
        if not container.get("is_app_unfurl"):
            return self._url(body, clicked=True, thread_ts=place.thread_ts)
        return UnfurlAnswer(
            self._workspace,
            place,
            an_id(container, "message_ts"),
            text(container, "app_unfurl_url"),
        )

    def _url(self, body: Body, *, clicked: bool, thread_ts: str | None = None) -> UrlAnswer:
        url = an_id(body, "response_url", 2_000)
        if not url.startswith(("https://", "http://")):
            raise ValueError("no usable response_url in the payload")
        return UrlAnswer(url, self._session, clicked=clicked, thread_ts=thread_ts)


def _named(event: Body) -> str:
    """Return the tasks that files sent without a word are named after."""
    files = event.get("files")
    names = [
        str(file.get(key) or "")
        for file in (files if isinstance(files, list) else [])
        for key in _FILE_NAMES
    ]
    return " ".join(find_task_ids("\n".join(names)))


def _thread(body: Body) -> str | None:
    """Return the thread that a message which was used is a reply in, if it is one."""
    container, message = part(body, "container", {}), part(body, "message", {})
    # Messages that one person sees come without `message`.
    thread = maybe_id(message, "thread_ts") or maybe_id(container, "thread_ts")
    # The first message of a thread names the thread too, but stands in the channel.
    return None if thread == (message.get("ts") or container.get("message_ts")) else thread
