"""Web API methods that post, change and read messages."""

from __future__ import annotations

from urllib.parse import quote

from demo.workspace import blockkit, payloads
from demo.workspace.calls import ApiError, Calls, truthy
from demo.workspace.model import BOT_USER_ID, JSON, Channel, Message

MAX_TEXT = 40_000
# `chat.update` takes less than a new message does.
MAX_UPDATE_TEXT = 4_000


def post_message(calls: Calls, args: JSON) -> JSON:
    workspace = calls.workspace
    calls.need(args, "channel")
    channel = calls.channel(args, opens_dm=True)
    _writable(calls, channel)
    text, blocks = _content(args, MAX_TEXT)
    thread_ts = _thread(calls, channel, args)
    message = Message(
        workspace.new_ts(),
        channel.id,
        BOT_USER_ID,
        text,
        blocks,
        thread_ts=thread_ts,
        broadcast=thread_ts is not None and truthy(args.get("reply_broadcast")),
        metadata=_metadata(args),
        is_bot=True,
        attachments=args.get("attachments") or [],
    )
    workspace.post(message)
    shown = payloads.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def post_ephemeral(calls: Calls, args: JSON) -> JSON:
    workspace = calls.workspace
    calls.need(args, "channel")
    channel = calls.channel(args)
    user = calls.user(str(calls.need(args, "user")))
    _writable(calls, channel)
    if user.id not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks = _content(args, MAX_TEXT)
    message = Message(
        workspace.new_ts(),
        channel.id,
        BOT_USER_ID,
        text,
        blocks,
        thread_ts=str(args["thread_ts"]) if args.get("thread_ts") else None,
        ephemeral_to=user.id,
        is_bot=True,
    )
    workspace.post(message)
    return {"message_ts": message.ts}


def update(calls: Calls, args: JSON) -> JSON:
    calls.need(args, "channel")
    channel = calls.channel(args)
    message = calls.message(channel, calls.need(args, "ts"))
    if message.user != BOT_USER_ID:
        raise ApiError("cant_update_message")
    if channel.archived:
        raise ApiError("is_archived")
    # Blocks left out stay as they are; an empty list takes them away.
    kept = {"blocks": message.blocks} if args.get("blocks") is None else {}
    text, blocks = _content(args | kept, MAX_UPDATE_TEXT)
    message.text, message.blocks, message.edited = text or message.text, blocks, True
    message.metadata = _metadata(args) or message.metadata
    if truthy(args.get("reply_broadcast")) and message.thread_ts:
        message.broadcast = True
    calls.workspace.changed(message)
    shown = payloads.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(calls: Calls, args: JSON) -> JSON:
    calls.need(args, "channel")
    channel = calls.channel(args)
    message = calls.message(channel, calls.need(args, "ts"))
    if message.user != BOT_USER_ID:
        raise ApiError("cant_delete_message")
    calls.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(calls: Calls, args: JSON) -> JSON:
    calls.need(args, "channel")
    channel = calls.channel(args)
    message = calls.message(channel, calls.need(args, "message_ts"))
    link = f"{calls.workspace.settings.base_url}/archives/{channel.id}/"
    link += "p" + message.ts.replace(".", "")
    if message.thread_ts:
        link += f"?thread_ts={quote(message.thread_ts)}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def unfurl(calls: Calls, args: JSON) -> JSON:
    """Shows cards of links under a message, or changes them. The bot need not be in the channel."""
    workspace = calls.workspace
    channel = workspace.channels.get(str(calls.need(args, "channel")))
    if channel is None:
        raise ApiError("cannot_find_channel")
    message = calls.message(channel, calls.need(args, "ts"), "cannot_find_message")
    unfurls = calls.need(args, "unfurls")
    if not isinstance(unfurls, dict):
        raise ApiError("invalid_unfurls_format")
    links = {one["url"] for one in payloads.links_in(message.text, workspace.unfurl_domains)}
    cards: JSON = {}
    for url, shown in unfurls.items():
        if url not in links:
            raise ApiError("cannot_unfurl_url")
        blocks = shown.get("blocks") if isinstance(shown, dict) else None
        problems = blockkit.message_problems(blocks or [])
        if blocks is None or problems or set(shown) - {"blocks", "preview"}:
            raise ApiError("cannot_unfurl_message", response_metadata={"messages": problems})
        cards[url] = shown | {"blocks": blockkit.with_ids(blocks)}
    message.unfurls |= cards
    workspace.changed(message)
    return {}


def history(calls: Calls, args: JSON) -> JSON:
    channel = _member_of(calls.reading(args, "history"))
    shown = [
        message
        for message in calls.workspace.messages[channel.id]
        if (message.thread_ts is None or message.broadcast) and _visible(message)
    ]
    return _listed(list(reversed(shown)), args)


def replies(calls: Calls, args: JSON) -> JSON:
    channel = _member_of(calls.reading(args, "history"))
    parent = calls.message(channel, calls.need(args, "ts"), "thread_not_found")
    root = parent.thread_ts or parent.ts
    shown = [
        message
        for message in calls.workspace.messages[channel.id]
        if root in (message.ts, message.thread_ts) and _visible(message)
    ]
    return _listed(shown, args)


def reactions_add(calls: Calls, args: JSON) -> JSON:
    message = calls.message(calls.channel(args), calls.need(args, "timestamp"))
    name = str(calls.need(args, "name")).strip(":")
    if name in message.reactions:
        raise ApiError("already_reacted")
    message.reactions.append(name)
    calls.workspace.changed(message)
    return {}


def get_upload_url(calls: Calls, args: JSON) -> JSON:
    file_id = calls.workspace.new_id("F")
    size = int(calls.need(args, "length"))
    calls.uploads[file_id] = {"id": file_id, "name": calls.need(args, "filename"), "size": size}
    return {
        "upload_url": f"{calls.workspace.settings.base_url}/upload/{file_id}",
        "file_id": file_id,
    }


def complete_upload(calls: Calls, args: JSON) -> JSON:
    given = calls.need(args, "files")
    files = []
    for item in given if isinstance(given, list) else []:
        known = calls.uploads.get(str(item.get("id")))
        if known is None or "content" not in known:
            raise ApiError("file_not_found")
        kept = {key: known[key] for key in ("id", "name", "size")}
        files.append(kept | {"title": item.get("title") or known["name"]})
    if args.get("channel_id"):
        channel = calls.channel({"channel": args["channel_id"]})
        _writable(calls, channel)
        workspace = calls.workspace
        thread_ts = str(args["thread_ts"]) if args.get("thread_ts") else None
        text = str(args.get("initial_comment") or "")
        ts = workspace.new_ts()
        workspace.post(
            Message(
                ts, channel.id, BOT_USER_ID, text, thread_ts=thread_ts, is_bot=True, files=files
            )
        )
    return {"files": files}


def _writable(calls: Calls, channel: Channel) -> None:
    if channel.archived:
        raise ApiError("is_archived")
    if BOT_USER_ID not in channel.members and "chat:write.public" not in calls.workspace.scopes:
        raise ApiError("not_in_channel")


def _member_of(channel: Channel) -> Channel:
    if BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _content(args: JSON, most: int) -> tuple[str, list[JSON]]:
    """Text and blocks, or the refusal Slack gives them."""
    text, blocks = args.get("text") or "", args.get("blocks")
    if blocks is not None and not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    blocks = blocks or []
    if not text and not blocks and not args.get("attachments"):
        raise ApiError("no_text")
    if not isinstance(text, str) or len(text) > most:
        raise ApiError("msg_too_long")
    problems = blockkit.message_problems(blocks)
    if problems:
        raise ApiError("invalid_blocks", response_metadata={"messages": problems})
    if blockkit.characters(blocks) > blockkit.MAX_BLOCKS_CHARACTERS:
        raise ApiError("msg_blocks_too_long")
    return text, blockkit.with_ids(blocks)


def _thread(calls: Calls, channel: Channel, args: JSON) -> str | None:
    if not args.get("thread_ts"):
        return None
    # A thread that is gone does not stop Slack: it posts, and nobody finds the reply.
    parent = calls.workspace.find(channel.id, str(args["thread_ts"]))
    return (parent.thread_ts if parent else None) or str(args["thread_ts"])


def _metadata(args: JSON) -> JSON | None:
    given = args.get("metadata")
    if given is None:
        return None
    right = isinstance(given, dict) and isinstance(given.get("event_payload"), dict)
    if not right or not given.get("event_type"):
        raise ApiError("invalid_metadata_format")
    return dict(given)


def _visible(message: Message) -> bool:
    return not message.deleted and message.ephemeral_to is None


def _listed(messages: list[Message], args: JSON) -> JSON:
    oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9" * 12)
    inclusive = truthy(args.get("inclusive"))
    start, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
    try:
        low, high = float(oldest), float(latest)
    except ValueError:
        raise ApiError("invalid_ts_oldest") from None
    fits = [
        message
        for message in messages
        if low < float(message.ts) < high or (inclusive and float(message.ts) in (low, high))
    ]
    with_metadata = truthy(args.get("include_all_metadata"))
    end = start + limit
    return {
        "messages": [payloads.message_json(m, with_metadata) for m in fits[start:end]],
        "has_more": end < len(fits),
        "response_metadata": {"next_cursor": str(end) if end < len(fits) else ""},
    }
