"""What people write, and the events that the bot gets of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from demo.workspace import payloads
from demo.workspace.interactions import send_event
from demo.workspace.model import BOT_USER_ID, JSON, Channel, Message
from demo.workspace.transport import Ack

if TYPE_CHECKING:
    from demo.workspace.state import Workspace


async def say(
    workspace: Workspace,
    user_id: str,
    channel_id: str,
    text: str,
    thread_ts: str | None,
    files: list[JSON] | None = None,
) -> tuple[Message, Ack | None]:
    """Posts what a person typed, with files; the ack is None if the bot was told nothing."""
    channel = workspace.channels[channel_id]
    text = payloads.typed(workspace, text)
    message = Message(
        workspace.new_ts(), channel_id, user_id, text, thread_ts=thread_ts, files=files or []
    )
    workspace.post(message)
    ack = await _tell_of_message(workspace, channel, message)
    shared = await _tell_of_links(workspace, channel, message)
    return message, ack or shared


async def _tell_of_links(workspace: Workspace, channel: Channel, message: Message) -> Ack | None:
    """Tells the bot of links to its domains, wherever they are: it need not be in the channel."""
    links = payloads.links_in(message.text, workspace.unfurl_domains)
    if not links or "links:read" not in workspace.scopes:
        return None
    event: JSON = {
        "type": "link_shared",
        "channel": channel.id,
        "is_bot_user_member": BOT_USER_ID in channel.members,
        "user": message.user,
        "message_ts": message.ts,
        "unfurl_id": f"{channel.id}.{message.ts}.{secrets.token_hex(32)}",
        "source": "conversations_history",
        "links": links,
        "event_ts": workspace.new_ts(),
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    return await send_event(workspace, event, message.user, channel.is_shared)


async def _tell_of_message(workspace: Workspace, channel: Channel, message: Message) -> Ack | None:
    user_id, channel_id, text = message.user, channel.id, message.text
    blocks: list[JSON] = [
        {
            "type": "rich_text",
            "block_id": secrets.token_hex(3),
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
            ],
        }
    ]
    event: JSON = {
        "type": "message" if channel.kind == "im" else "app_mention",
        "client_msg_id": payloads.client_id(message),
        "text": text,
        "user": user_id,
        "ts": message.ts,
        "team": workspace.users[user_id].team_id,
        "blocks": blocks,
        "channel": channel_id,
        "event_ts": message.ts,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    if message.files:
        event |= {"subtype": "file_share", "files": message.files}
    if channel.kind == "im":
        event["channel_type"] = "im"
    elif f"<@{BOT_USER_ID}>" not in text:
        return None
    elif BOT_USER_ID not in channel.members:
        workspace.notice(
            user_id,
            channel_id,
            "You mentioned @Beambot, but they're not in this channel. Type `/invite @Beambot`.",
        )
        return None
    return await send_event(workspace, event, user_id, channel.is_shared)
