"""What the local workspace holds (people, channels, messages, views), and what people do in it."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable, Coroutine

from demo.workspace import interactions, writing
from demo.workspace.model import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    JSON,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    Channel,
    Event,
    EventKind,
    Message,
    Settings,
    Subscription,
    User,
    View,
)
from demo.workspace.transport import Ack, Transport

__all__ = [
    "APP_ID",
    "BOT_ID",
    "BOT_USER_ID",
    "JSON",
    "TEAM_DOMAIN",
    "TEAM_ID",
    "TEAM_NAME",
    "Channel",
    "Event",
    "Message",
    "Settings",
    "Subscription",
    "User",
    "View",
    "Workspace",
]


class Workspace:
    """One team, in memory. What people do goes to the bot through the transport."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        seed: Callable[[Workspace], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.transport = transport
        self.now = now
        self._seed = seed
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._background: set[asyncio.Task[None]] = set()
        self._last_ts = 0.0
        self._serial = 0
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, list[Message]] = {}
        self.homes: dict[str, JSON] = {}
        self.home_hashes: dict[str, str] = {}
        self.views: dict[str, View] = {}
        self.commands: list[JSON] = []
        self.shortcuts: list[JSON] = []
        self.scopes: set[str] = set()
        self.bot_events: set[str] = set()
        self.unfurl_domains: set[str] = set()
        self.triggers: dict[str, interactions.Trigger] = {}
        self.responses: dict[str, interactions.ResponseUrl] = {}
        self.log: list[JSON] = []
        self.token_valid = True
        self.reset()

    def reset(self) -> None:
        """Puts everything back as it was at the start; the loaded manifest stays."""
        for kept in (self.users, self.channels, self.messages, self.homes, self.home_hashes):
            kept.clear()
        self.views.clear()
        self.triggers.clear()
        self.responses.clear()
        self.log.clear()
        self.token_valid = True
        self._seed(self)

    # ---- reading ----

    def sees(self, user_id: str, channel: Channel) -> bool:
        """Whether a person sees a channel: guests and strangers only those they are in."""
        if channel.kind == "im":
            return channel.user == user_id
        if user_id in channel.members:
            return True
        user = self.users[user_id]
        return channel.kind == "public" and not (user.is_restricted or user.is_stranger)

    def channels_of(self, user_id: str) -> list[Channel]:
        return [channel for channel in self.channels.values() if self.sees(user_id, channel)]

    def channel_messages(self, channel_id: str, user_id: str) -> list[Message]:
        """Top-level and broadcast messages, oldest first, with the person's own ephemerals."""
        return [
            message
            for message in self.messages.get(channel_id, [])
            if self._shown(message, user_id) and (message.thread_ts is None or message.broadcast)
        ]

    def thread(self, channel_id: str, thread_ts: str, user_id: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        return [
            message
            for message in self.messages.get(channel_id, [])
            if self._shown(message, user_id) and thread_ts in (message.ts, message.thread_ts)
        ]

    @staticmethod
    def _shown(message: Message, user_id: str) -> bool:
        return not message.deleted and message.ephemeral_to in (None, user_id)

    def find(self, channel_id: str, ts: str) -> Message | None:
        for message in self.messages.get(channel_id, []):
            if message.ts == ts and not message.deleted:
                return message
        return None

    def modal_of(self, user_id: str) -> View | None:
        """The modal on top for a person, if one is open."""
        mine = [view for view in self.views.values() if view.user == user_id]
        return mine[-1] if mine else None

    # ---- changing ----

    def new_ts(self) -> str:
        """A timestamp later than every one before it."""
        self._last_ts = max(round(self.now(), 6), self._last_ts + 0.000100)
        return f"{self._last_ts:.6f}"

    def new_id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}0{self._serial:08X}"

    def open_dm(self, user_id: str) -> Channel:
        channel_id = "D" + user_id[1:]
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(
                channel_id, "beambot", "im", {user_id, BOT_USER_ID}, user=user_id
            )
            self.messages.setdefault(channel_id, [])
            self.publish(Event("channel", channel_id))
        return self.channels[channel_id]

    def post(self, message: Message) -> Message:
        self.messages.setdefault(message.channel, []).append(message)
        if message.thread_ts and message.ephemeral_to is None:
            parent = self.find(message.channel, message.thread_ts)
            if parent:
                parent.reply_count += 1
                self.publish(Event("message_changed", parent.channel, parent.ts))
        if message.ephemeral_to:
            kind: EventKind = "notice" if message.notice else "ephemeral"
            self.publish(Event(kind, message.channel, message.ts), message.ephemeral_to)
        else:
            self.publish(Event("message", message.channel, message.ts))
        return message

    def changed(self, message: Message) -> None:
        self.publish(Event("message_changed", message.channel, message.ts), message.ephemeral_to)

    def delete(self, message: Message) -> None:
        message.deleted = True
        if message.thread_ts and message.ephemeral_to is None:
            parent = self.find(message.channel, message.thread_ts)
            if parent:
                parent.reply_count -= 1
        self.publish(Event("message_deleted", message.channel, message.ts), message.ephemeral_to)

    def notice(self, user_id: str, channel_id: str, text: str) -> None:
        """Slackbot's own words to one person, such as that a command failed."""
        self.post(
            Message(self.new_ts(), channel_id, "USLACKBOT", text, ephemeral_to=user_id, notice=True)
        )

    # ---- telling pages ----

    def subscribe(self, user_id: str) -> Subscription:
        """Everything this person's page should hear from now on; call `close` when it goes."""
        subscription = Subscription(user_id)
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, event: Event, only: str | None = None) -> None:
        channel = self.channels.get(event.channel)
        for subscription in list(self._subscriptions):
            user_id = subscription.user_id
            if only is not None and user_id != only:
                continue
            if channel is None or self.sees(user_id, channel):
                subscription.put(event)

    def later(self, work: Coroutine[object, object, None]) -> None:
        """Runs a coroutine beside everything else, and keeps it from being collected."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Ends the pages' streams, the work in the background and the way to the bot."""
        for subscription in list(self._subscriptions):
            subscription.close()
        for task in list(self._background):
            task.cancel()
        await self.transport.close()

    # ---- what people do ----

    async def say(
        self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None
    ) -> Message:
        """Types a message; the bot hears of it in a direct message or when mentioned."""
        message, _ = await writing.say(self, user_id, channel_id, text, thread_ts)
        return message

    async def command(self, user_id: str, channel_id: str, command: str, text: str) -> Ack:
        """Uses a slash command; Slack's own error appears as a notice if the bot fails it."""
        return await interactions.command(self, user_id, channel_id, command, text)

    async def act(
        self,
        user_id: str,
        channel_id: str,
        message_ts: str,
        action: JSON,
        view_id: str | None = None,
        unfurl: str | None = None,
    ) -> Ack:
        """Uses an element of a message, of the view given by id, or of what a link shows."""
        return await interactions.act(
            self, user_id, channel_id, message_ts, action, view_id, unfurl
        )

    async def submit_view(self, user_id: str, view_id: str, values: JSON) -> JSON | None:
        """Submits a modal; returns the bot's response_action, if it gave one."""
        answer, _ = await interactions.submit_view(self, user_id, view_id, values)
        return answer

    async def close_view(self, user_id: str, view_id: str) -> None:
        await interactions.close_view(self, user_id, view_id)

    async def shortcut(
        self,
        user_id: str,
        callback_id: str,
        channel_id: str | None = None,
        message_ts: str | None = None,
    ) -> Ack:
        """Uses a global shortcut, or a message's when a message is given."""
        return await interactions.shortcut(self, user_id, callback_id, channel_id, message_ts)

    async def open_home(self, user_id: str) -> Ack:
        """Opens the bot's Home tab."""
        return await interactions.open_home(self, user_id)
