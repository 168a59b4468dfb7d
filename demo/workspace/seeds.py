"""The people, channels and first messages of the demo team."""

from __future__ import annotations

from demo.workspace.model import BOT_USER_ID, JSON, Channel, Message, User
from demo.workspace.state import Workspace

DEFAULT_COMMANDS: list[JSON] = [
    {"command": "/beam", "description": "Watch and manage Beam tasks", "usage_hint": "help"}
]

# Every bot scope a method here can ask for: without a manifest the bot may do all of it.
ALL_SCOPES = {
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "links:read",
    "links:write",
    "mpim:read",
    "reactions:write",
    "team:read",
    "users:read",
}


ALL_EVENTS = {"app_mention", "message.im", "app_home_opened", "link_shared"}


def install(workspace: Workspace) -> None:
    """The app as it is without a manifest: one command, every scope, every event."""
    workspace.commands = [dict(command) for command in DEFAULT_COMMANDS]
    workspace.scopes = set(ALL_SCOPES)
    workspace.bot_events = set(ALL_EVENTS)
    workspace.unfurl_domains = {"platform.beam.cloud"}


def acme(workspace: Workspace) -> None:
    """Fills an empty workspace with the Acme ML team."""
    for user in (
        User("U0ANA", "ana", "Ana"),
        User("U0OMAR", "omar", "Omar", is_admin=True),
        User("U0GUS", "gus", "Gus", is_restricted=True, is_ultra_restricted=True),
        User("U0EVE", "eve", "Eve", is_stranger=True, team_id="T0OTHER"),
        User(BOT_USER_ID, "beambot", "Beambot", is_bot=True),
    ):
        workspace.users[user.id] = user
    team = {"U0ANA", "U0OMAR"}
    for channel in (
        Channel("C0TRAINING", "training", "public", {*team, "U0GUS", BOT_USER_ID}),
        Channel("C0INFERENCE", "inference", "public", {*team, BOT_USER_ID}),
        Channel("C0RANDOM", "random", "public", set(team)),
        Channel("C0ARCHIVED", "old-project", "public", {*team, BOT_USER_ID}, archived=True),
        Channel("G0PRIVATE", "ml-leads", "private", set(team)),
        Channel("G0OPS", "ml-ops", "private", {*team, BOT_USER_ID}),
        Channel(
            "C0SHARED", "shared-partners", "public", {*team, "U0EVE", BOT_USER_ID}, is_shared=True
        ),
    ):
        workspace.channels[channel.id] = channel
        workspace.messages[channel.id] = []
    for channel_id, user_id, text in (
        ("C0TRAINING", "U0ANA", "Morning! Starting the nightly fine-tuning runs in a minute."),
        ("C0TRAINING", "U0OMAR", "I added Beambot here, try `/beam help`."),
        ("C0RANDOM", "U0OMAR", "Beambot is not in this channel."),
    ):
        message = Message(workspace.new_ts(), channel_id, user_id, text)
        workspace.messages[channel_id].append(message)
