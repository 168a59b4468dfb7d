"""Web API methods about the app itself, people and channels."""

from __future__ import annotations

from typing import TypeVar

from demo.workspace import payloads
from demo.workspace.calls import ApiError, Calls
from demo.workspace.model import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    JSON,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
)

T = TypeVar("T")


def api_test(_calls: Calls, args: JSON) -> JSON:
    if args.get("error"):
        raise ApiError(str(args["error"]), args=args)
    return {"args": args}


def auth_test(calls: Calls, _args: JSON) -> JSON:
    return {
        "url": f"{calls.workspace.settings.base_url}/",
        "team": TEAM_NAME,
        "user": "beambot",
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def apps_connections_open(calls: Calls, _args: JSON) -> JSON:
    if calls.socket is None:
        # The app is set up with a request URL, so Socket Mode is off.
        raise ApiError("socket_mode_not_enabled")
    base = calls.workspace.settings.base_url.replace("http", "ws", 1)
    return {"url": f"{base}/socket/{calls.socket.issue_ticket()}"}


def bots_info(calls: Calls, args: JSON) -> JSON:
    if calls.need(args, "bot") != BOT_ID:
        raise ApiError("bot_not_found")
    bot = {"id": BOT_ID, "deleted": False, "name": "beambot", "user_id": BOT_USER_ID}
    return {"bot": bot | {"app_id": APP_ID, "updated": 1700000000, "icons": {}}}


def team_info(calls: Calls, _args: JSON) -> JSON:
    return {
        "team": {
            "id": TEAM_ID,
            "name": TEAM_NAME,
            "domain": TEAM_DOMAIN,
            "email_domain": "",
            "url": f"{calls.workspace.settings.base_url}/",
            "icon": {},
        }
    }


def users_info(calls: Calls, args: JSON) -> JSON:
    return {"user": payloads.user_json(calls.user(str(calls.need(args, "user"))))}


def conversations_info(calls: Calls, args: JSON) -> JSON:
    return {"channel": payloads.channel_json(calls.reading(args, "read"))}


def conversations_members(calls: Calls, args: JSON) -> JSON:
    channel = calls.reading(args, "read")
    page, cursor = _page(sorted(channel.members), args)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def conversations_open(calls: Calls, args: JSON) -> JSON:
    if args.get("channel"):
        channel = calls.channel(args)
    else:
        users = calls.need(args, "users")
        ids = users if isinstance(users, list) else str(users).split(",")
        if len(ids) != 1:
            raise ApiError("not_supported")
        user = calls.user(str(ids[0]).strip())
        if user.is_bot:
            raise ApiError("cannot_dm_bot")
        channel = calls.workspace.open_dm(user.id)
    shown = {"id": channel.id}
    if str(args.get("return_im")).lower() in ("1", "true"):
        shown = payloads.channel_json(channel)
    return {"channel": shown}


def users_conversations(calls: Calls, args: JSON) -> JSON:
    """Channels somebody is in, of the kinds asked for, as far as the scopes reach."""
    user_id = str(args.get("user") or BOT_USER_ID)
    calls.user(user_id)
    kinds = {"public_channel": "public", "private_channel": "private", "im": "im"}
    prefixes = {"public_channel": "channels", "private_channel": "groups", "im": "im"}
    wanted = set()
    for name in str(args.get("types") or "public_channel").split(","):
        if name in kinds:
            calls.scope(f"{prefixes[name]}:read")
            wanted.add(kinds[name])
        elif name != "mpim":
            raise ApiError("invalid_types")
    skips_archived = str(args.get("exclude_archived")).lower() in ("1", "true")
    found = [
        payloads.channel_json(channel)
        for channel in calls.workspace.channels.values()
        if channel.kind in wanted
        and user_id in channel.members
        and (channel.kind == "public" or BOT_USER_ID in channel.members)
        and not (skips_archived and channel.archived)
    ]
    page, cursor = _page(found, args)
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


def _page(items: list[T], args: JSON) -> tuple[list[T], str]:
    """One page of a list, and the cursor of the next ("" at the end)."""
    try:
        start = int(str(args.get("cursor") or "0"))
        limit = int(str(args.get("limit") or "100"))
    except ValueError:
        raise ApiError("invalid_cursor") from None
    if not 1 <= limit <= 1000:
        raise ApiError("invalid_limit")
    end = start + limit
    return items[start:end], str(end) if end < len(items) else ""
