"""What all Web API methods share: refusals, and look-ups with the rules of who may see what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from demo.workspace.model import BOT_USER_ID, JSON, Channel, Message, User

if TYPE_CHECKING:
    from demo.workspace.state import Workspace
    from demo.workspace.transport import SocketTransport


class ApiError(Exception):
    """A call Slack refuses, by the error's name; `extra` goes into the answer."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra: JSON = extra


class Calls:
    """What every method works on, and the look-ups they share."""

    def __init__(self, workspace: Workspace, socket: SocketTransport | None) -> None:
        self.workspace = workspace
        self.socket = socket
        self.uploads: dict[str, JSON] = {}

    def need(self, args: JSON, name: str) -> Any:
        """An argument that must be there."""
        value = args.get(name)
        if value is None or value == "":
            raise ApiError(
                "invalid_arguments",
                response_metadata={"messages": [f"[ERROR] missing required field: {name}"]},
            )
        return value

    def user(self, user_id: str, missing: str = "user_not_found") -> User:
        user = self.workspace.users.get(user_id)
        if user is None:
            raise ApiError(missing)
        return user

    def channel(self, args: JSON, opens_dm: bool = False) -> Channel:
        """The channel named, if the bot may know of it: private ones only from inside."""
        channel_id = str(args.get("channel") or "")
        if opens_dm and channel_id in self.workspace.users:
            if self.workspace.users[channel_id].is_bot:
                raise ApiError("cannot_dm_bot")
            return self.workspace.open_dm(channel_id)
        channel = self.workspace.channels.get(channel_id.lstrip("#"))
        if channel is None:
            named = [c for c in self.workspace.channels.values() if f"#{c.name}" == channel_id]
            channel = named[0] if named else None
        hidden = channel and channel.kind != "public" and BOT_USER_ID not in channel.members
        if channel is None or hidden:
            raise ApiError("channel_not_found")
        return channel

    def reading(self, args: JSON, suffix: str) -> Channel:
        """The channel named, with the scope its kind asks for (`channels:history`, ...)."""
        channel = self.channel(args)
        prefix = {"public": "channels", "private": "groups", "im": "im"}[channel.kind]
        self.scope(f"{prefix}:{suffix}")
        return channel

    def scope(self, needed: str) -> None:
        held = self.workspace.scopes
        if needed not in held:
            raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(held)))

    def message(self, channel: Channel, ts: object, missing: str = "message_not_found") -> Message:
        message = self.workspace.find(channel.id, str(ts or ""))
        if message is None or message.ephemeral_to:
            raise ApiError(missing)
        return message


def truthy(value: object) -> bool:
    """A flag as forms and JSON carry it."""
    return value is True or str(value).lower() in ("1", "true")
