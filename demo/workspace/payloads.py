"""The JSON Slack sends to an app and answers with, built from what the workspace holds."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from demo.workspace.model import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    JSON,
    TEAM_DOMAIN,
    TEAM_ID,
    Channel,
    Message,
    User,
    View,
)

if TYPE_CHECKING:
    from demo.workspace.state import Workspace

# Slack's deprecated shared token; present in every payload, proves nothing.
VERIFICATION_TOKEN = "local-verification-token"

_OWN_MARKUP = re.compile(r"(<(?:[@#!][^<>]+|https?://[^<>]+)>)")
_BARE_URL = re.compile(r"(?<![<|\w])(https?://[^\s<>|]+)")


def escaped(text: str) -> str:
    """Typed text as Slack passes it on: `&`, `<`, `>` escaped, mentions and links kept."""
    parts = _OWN_MARKUP.split(text)
    for index in range(0, len(parts), 2):
        part = parts[index].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        parts[index] = part
    return "".join(parts)


def typed(workspace: Workspace, text: str) -> str:
    """A typed message as Slack stores it: escaped, names as mentions, addresses as links."""
    names = {user.name.lower(): user.id for user in workspace.users.values()}

    def mention(match: re.Match[str]) -> str:
        user_id = names.get(match[1].lower())
        return f"<@{user_id}>" if user_id else match[0]

    text = re.sub(r"(?<![\w<])@([A-Za-z0-9_-]+)", mention, escaped(text))
    return _BARE_URL.sub(r"<\1>", text)


def channel_name(channel: Channel) -> str:
    """Slack hides the names of private places from apps."""
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)


def message_json(message: Message, with_metadata: bool = False) -> JSON:
    """A message as `conversations.history` and interaction payloads show it."""
    shown: JSON = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": TEAM_ID,
    }
    if message.is_bot:
        shown |= {"bot_id": BOT_ID, "app_id": APP_ID}
        shown["bot_profile"] = {
            "id": BOT_ID,
            "app_id": APP_ID,
            "name": "beambot",
            "team_id": TEAM_ID,
            "deleted": False,
        }
    if message.blocks:
        shown["blocks"] = message.blocks
    if attachments := message.attachments + unfurl_attachments(message):
        shown["attachments"] = attachments
    if not message.is_bot:
        shown["client_msg_id"] = client_id(message)
    if message.files:
        shown["files"] = message.files
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if message.reply_count:
        shown |= {"thread_ts": message.ts, "reply_count": message.reply_count}
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.ts}
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": [BOT_USER_ID], "count": 1} for name in message.reactions
        ]
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown


def client_id(message: Message) -> str:
    """The id that a person's Slack gave the message: a UUID, as are many things of the app's."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message.channel}/{message.ts}"))


def unfurl_attachments(message: Message) -> list[JSON]:
    """What the app shows of a message's links, as the attachments that Slack makes of it."""
    return [
        {
            "id": number,
            "from_url": url,
            "fallback": "[no preview available]",
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "is_app_unfurl": True,
            "app_unfurl_url": url,
            **shown,
        }
        for number, (url, shown) in enumerate(message.unfurls.items(), start=1)
    ]


def links_in(text: str, domains: set[str]) -> list[JSON]:
    """The links of a typed message to domains, or to names under them, each once."""
    found: dict[str, JSON] = {}
    for url in re.findall(r"<(https?://[^|>]+)", text):
        url = url.replace("&amp;", "&")
        host = (urlsplit(url).hostname or "").lower()
        for domain in domains:
            if host == domain or host.endswith(f".{domain}"):
                found[url] = {"domain": domain, "url": url}
    return list(found.values())


def user_json(user: User) -> JSON:
    """A user as `users.info` shows them."""
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "tz": user.tz,
        "tz_offset": 3600,
        "profile": {"real_name": user.real_name, "display_name": user.name},
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "is_bot": user.is_bot,
        "is_app_user": False,
    }


def channel_json(channel: Channel) -> JSON:
    """A channel as `conversations.info` shows it."""
    shown: JSON = {
        "id": channel.id,
        "created": 1700000000,
        "is_im": channel.kind == "im",
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_mpim": False,
        "is_private": channel.kind != "public",
        "is_archived": channel.archived,
        "is_shared": channel.is_shared,
        "is_ext_shared": channel.is_shared,
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
    }
    if channel.kind == "im":
        return shown | {"user": channel.user, "is_open": True}
    return shown | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_member": BOT_USER_ID in channel.members,
        "is_general": False,
        "num_members": len(channel.members),
    }


def view_json(view: View) -> JSON:
    """A view as payloads and the `views.*` methods show it."""
    shown: JSON = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
    }
    return (
        shown
        | view.view
        | {
            "id": view.id,
            "team_id": TEAM_ID,
            "state": {"values": view.values},
            "hash": view.hash,
            "previous_view_id": view.previous_id,
            "root_view_id": view.root_id or view.id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }
    )


def slash_command(
    user: User, channel: Channel, command: str, text: str, trigger_id: str, response_url: str
) -> JSON:
    """The form fields of a slash command."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": user.team_id,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": escaped(text),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def interaction(kind: str, user: User, trigger_id: str) -> JSON:
    """What all interaction payloads share."""
    return {
        "type": kind,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger_id,
    }


def event_callback(event: JSON, event_time: int, shared: bool = False) -> JSON:
    """The envelope of an Events API event."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev0" + secrets.token_hex(4).upper(),
        "event_time": event_time,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": "4-" + secrets.token_hex(12),
    }
