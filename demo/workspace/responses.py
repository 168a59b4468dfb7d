"""Response URLs: five answers within half an hour to one interaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from demo.workspace import blockkit
from demo.workspace.model import BOT_USER_ID, JSON, Message

if TYPE_CHECKING:
    from demo.workspace.interactions import ResponseUrl
    from demo.workspace.state import Workspace

MAX_USES = 5


async def receive(workspace: Workspace, request: Request) -> Response:
    """POST /response/<key>."""
    response_url = workspace.responses.get(request.path_params["key"])
    error: str | None = None
    status = 404
    if response_url is None or response_url.expires < workspace.now():
        error = "expired_url"
    elif response_url.uses >= MAX_USES:
        error = "used_url"
    else:
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            error, status = "invalid_payload", 400
        else:
            error = answer(workspace, response_url, body)
            status = 404 if error == "message_not_found" else 400
    if error is None and response_url is not None:
        response_url.uses += 1
    workspace.log.append(
        {"at": workspace.now(), "method": "response_url", "ok": error is None, "error": error}
    )
    if error is None:
        return PlainTextResponse("ok")
    return JSONResponse({"ok": False, "error": error}, status_code=status)


def answer(workspace: Workspace, to: ResponseUrl, body: JSON) -> str | None:
    """Posts, replaces or deletes as the body says; returns Slack's error, if any."""
    original = workspace.find(to.channel, to.message_ts) if to.message_ts else None
    if body.get("delete_original"):
        if original is None:
            return "message_not_found"
        workspace.delete(original)
        return None
    text, blocks = body.get("text") or "", body.get("blocks") or []
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            return "invalid_blocks"
    if not text and not blocks and not body.get("attachments"):
        return "no_text"
    if not isinstance(text, str) or blockkit.message_problems(blocks):
        return "invalid_blocks"
    blocks = blockkit.with_ids(blocks)
    if body.get("replace_original") and to.message_ts:
        if original is None:
            return "message_not_found"
        original.text, original.blocks = text, blocks
        original.edited = original.ephemeral_to is None
        workspace.changed(original)
        return None
    in_channel = body.get("response_type") == "in_channel"
    thread_ts = body.get("thread_ts") or None
    workspace.post(
        Message(
            workspace.new_ts(),
            to.channel,
            BOT_USER_ID,
            text,
            blocks,
            thread_ts=thread_ts,
            broadcast=bool(body.get("reply_broadcast")) and thread_ts is not None,
            ephemeral_to=None if in_channel else to.user,
            is_bot=True,
        )
    )
    return None
