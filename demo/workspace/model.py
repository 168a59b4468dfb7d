"""The shapes of the local workspace: people, channels, messages, views and what pages are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = dict[str, Any]
EventKind = Literal[
    "message",
    "message_changed",
    "message_deleted",
    "ephemeral",
    "view_open",
    "view_update",
    "view_close",
    "home",
    "channel",
    "notice",
    "busy",
]

TEAM_ID = "T0BEAMDEMO"
TEAM_NAME = "Acme ML"
TEAM_DOMAIN = "acme-ml"
BOT_USER_ID = "U0BEAMBOT"
BOT_ID = "B0BEAMBOT"
APP_ID = "A0BEAMBOT"


@dataclass
class User:
    """A person, or the bot's own user."""

    id: str
    name: str
    real_name: str
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    team_id: str = TEAM_ID
    tz: str = "Europe/Amsterdam"
    is_bot: bool = False


@dataclass
class Channel:
    """A channel or a direct message with the bot (`user` is then the person)."""

    id: str
    name: str
    kind: Literal["public", "private", "im"]
    members: set[str] = field(default_factory=set)
    archived: bool = False
    is_shared: bool = False
    user: str | None = None


@dataclass
class Message:
    """A message as it stands now; an ephemeral one is seen by `ephemeral_to` alone."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[JSON] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    ephemeral_to: str | None = None
    edited: bool = False
    deleted: bool = False
    metadata: JSON | None = None
    reply_count: int = 0
    is_bot: bool = False
    notice: bool = False
    attachments: list[JSON] = field(default_factory=list)
    files: list[JSON] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    unfurls: JSON = field(default_factory=dict)
    """What the app shows of links in it, by the link."""


@dataclass
class View:
    """An open modal: the view as the bot gave it, and what its user has filled in."""

    id: str
    hash: str
    user: str
    view: JSON
    values: JSON = field(default_factory=dict)
    root_id: str = ""
    previous_id: str | None = None


@dataclass(frozen=True)
class Event:
    """Something a page wants to know; `ts` is the message's or empty."""

    kind: EventKind
    channel: str = ""
    ts: str = ""
    data: JSON = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """How strict and how fast the workspace is, and its secrets; times in seconds."""

    base_url: str = "http://127.0.0.1:8000"
    bot_token: str = "xoxb-local-bot"
    app_token: str = "xapp-local-app"
    signing_secret: str = field(default="local-signing-secret", repr=False)
    rate_limits: bool = True
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    retry_delays: tuple[float, ...] = (0.5, 60.0, 300.0)
    response_seconds: float = 1800.0


class Subscription(AsyncIterator[Event]):
    """What one page is told, in order; it ends when `close` is called."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def put(self, event: Event | None) -> None:
        self._events.put_nowait(event)

    def close(self) -> None:
        self.put(None)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        return event
