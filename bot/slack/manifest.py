"""The Slack app manifest: what Beambot asks of Slack, ready to paste."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bot.tasks.links import DASHBOARD_HOSTS

EVENTS_PATH = "/slack/events"
COMMAND = "/beam"
WATCH_IN_MESSAGE = "watch_tasks_in_message"
WATCH_TASK = "watch_task"

#: Every scope the bot asks for, and why: the fewest that its commands need.
SCOPES = {
    "commands": "receive /beam and the shortcuts",
    "chat:write": "post cards and replies where it was invited, and edit them",
    "app_mentions:read": "be asked by a mention, which works in threads where commands do not",
    "channels:read": "tell public channels from private ones, whose watches Home must not show",
    "im:history": "receive what people write to it in a direct message",
    "im:write": "open a direct message for `watch … me`",
    "links:read": "be told when somebody links to a task on Beam's dashboard",
    "links:write": "show the task's card under such a message",
    "users:read": "tell admins, members and guests apart when somebody cancels",
}

BOT_EVENTS = ("app_home_opened", "app_mention", "link_shared", "message.im")
LEAVING_EVENTS = ("app_uninstalled", "tokens_revoked", "team_access_revoked")
"""Without these Slack says nothing when a workspace removes the bot, and all of it would be kept.
Only an app that many may install needs them, and that is reached over HTTP."""

_DESCRIPTION = "Look up, watch and cancel Beam Cloud tasks without leaving Slack."
_LONG_DESCRIPTION = (
    "Beambot brings your Beam Cloud tasks into Slack. Paste a task id after /beam to see its "
    "status, how long it waited and ran, and what it runs on. Watch one task or fifty: a card in "
    "the channel stays up to date, every change is told once in its thread, and whoever asked is "
    "mentioned when it ends. Cancel from the card, and see what really became of the task."
)


def build_manifest(url: str | None = None) -> dict[str, Any]:
    """Return the manifest for Socket Mode, or for HTTP at ``url``.

    The fields and their limits: https://docs.slack.dev/reference/app-manifest.

    Args:
        url: where Slack reaches the bot, a bare https origin such as ``https://bot.example.com``.

    Raises:
        ValueError: ``url`` is not a bare https origin.
    """
    events = {"request_url": _origin(url) + EVENTS_PATH} if url is not None else {}
    told = BOT_EVENTS if url is None else (*BOT_EVENTS, *LEAVING_EVENTS)
    command = {
        "command": COMMAND,
        "description": "Look up, watch and cancel Beam tasks",
        "usage_hint": "[status|watch|unwatch|list|cancel|history|stats|settings|help] <task>…",
        # Names and channels need no decoding: the bot only looks for task ids.
        "should_escape": False,
    }
    if url is not None:
        command["url"] = events["request_url"]
    return {
        "display_information": {
            "name": "Beambot",
            "description": _DESCRIPTION,
            "long_description": _LONG_DESCRIPTION,
            "background_color": "#1f2937",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Beambot", "always_online": True},
            "shortcuts": [
                {
                    # The reference names no limit; Slack's form for shortcuts stops at 24.
                    "name": "Watch tasks in this message",
                    "type": "message",
                    "callback_id": WATCH_IN_MESSAGE,
                    "description": "Watch every Beam task whose id is in this message",
                },
                {
                    "name": "Watch a Beam task",
                    "type": "global",
                    "callback_id": WATCH_TASK,
                    "description": "Be told in Slack when a Beam task changes",
                },
            ],
            "slash_commands": [command],
            "unfurl_domains": list(DASHBOARD_HOSTS),
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**events, "bot_events": list(told)},
            "interactivity": {"is_enabled": True, **events},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def _origin(url: str) -> str:
    """Return ``url`` as a bare https origin without the trailing slash."""
    problem = "the URL must be a bare https address, for example https://bot.example.com"
    try:
        parts = urlsplit(url)
        # Reading the port is what finds a bad one.
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(problem) from None
    # What follows is compared as text: urlsplit drops an empty "?" and quietly strips controls.
    plain = url.isascii() and url.isprintable() and not set(url) & set(" ?#@\\\"'<>")
    if not good or not plain or parts.path not in ("", "/"):
        raise ValueError(problem)
    return url.removesuffix("/")
