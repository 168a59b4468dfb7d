"""What people do, as the bot hears it, and what the workspace does with the bot's answer."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.workspace import modals, payloads, responses
from demo.workspace.elements import find_element, state_of
from demo.workspace.model import JSON, TEAM_ID, Channel, Event, Message, User, View
from demo.workspace.transport import Ack, DeliveryKind, Retry

if TYPE_CHECKING:
    from demo.workspace.state import Workspace


@dataclass
class Trigger:
    """The right to open one modal for a person, for three seconds."""

    user: str
    expires: float
    used: bool = False


@dataclass
class ResponseUrl:
    """The right to answer an interaction; `message_ts` is the message that was clicked."""

    channel: str
    user: str
    expires: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


def new_trigger(workspace: Workspace, user_id: str) -> str:
    trigger_id = f"{workspace.new_id('9')}.{secrets.token_hex(6)}.{secrets.token_hex(16)}"
    expires = workspace.now() + workspace.settings.trigger_seconds
    workspace.triggers[trigger_id] = Trigger(user_id, expires)
    return trigger_id


def new_response_url(
    workspace: Workspace,
    user_id: str,
    channel_id: str,
    message_ts: str | None = None,
    thread_ts: str | None = None,
) -> str:
    key = secrets.token_urlsafe(18)
    expires = workspace.now() + workspace.settings.response_seconds
    workspace.responses[key] = ResponseUrl(channel_id, user_id, expires, message_ts, thread_ts)
    return f"{workspace.settings.base_url}/response/{key}"


async def deliver(
    workspace: Workspace,
    kind: DeliveryKind,
    payload: JSON,
    name: str,
    user_id: str,
    retry: Retry | None = None,
) -> Ack:
    """Sends one payload and writes down how the bot answered."""
    workspace.publish(Event("busy", data={"busy": True}), user_id)
    try:
        ack = await workspace.transport.deliver(
            kind, payload, workspace.settings.ack_seconds, retry
        )
    finally:
        workspace.publish(Event("busy", data={"busy": False}), user_id)
    workspace.log.append(
        {
            "at": workspace.now(),
            "dispatch": kind,
            "name": name,
            "user": user_id,
            "status": ack.status,
            "ack_ms": ack.ms,
            "error": ack.error,
            "retry": retry.number if retry else 0,
        }
    )
    return ack


async def send_event(workspace: Workspace, event: JSON, user_id: str, shared: bool = False) -> Ack:
    """Sends an event the app asked for, and again up to three times if it was not taken."""
    kind = "message.im" if event["type"] == "message" else event["type"]
    if kind not in workspace.bot_events:
        return Ack(None, error="not_subscribed")
    payload = payloads.event_callback(event, int(workspace.now()), shared)
    name = str(event["type"])
    ack = await deliver(workspace, "events_api", payload, name, user_id)
    if not ack.ok:
        workspace.later(_repeat_event(workspace, payload, name, user_id, ack))
    return ack


async def _repeat_event(
    workspace: Workspace, payload: JSON, name: str, user_id: str, ack: Ack
) -> None:
    for number, delay in enumerate(workspace.settings.retry_delays, start=1):
        await asyncio.sleep(delay)
        retry = Retry(number, ack.error or "http_error")
        ack = await deliver(workspace, "events_api", payload, name, user_id, retry)
        if ack.ok:
            return


async def command(workspace: Workspace, user_id: str, channel_id: str, name: str, text: str) -> Ack:
    """Sends a slash command; what Slack itself has to say appears as a notice."""
    user, channel = workspace.users[user_id], workspace.channels[channel_id]
    if name not in {str(known["command"]) for known in workspace.commands}:
        workspace.notice(user_id, channel_id, f"`{name}` is not a valid command.")
        return Ack(None, error="unknown_command")
    payload = payloads.slash_command(
        user,
        channel,
        name,
        text,
        new_trigger(workspace, user_id),
        new_response_url(workspace, user_id, channel_id),
    )
    ack = await deliver(workspace, "slash_commands", payload, name, user_id)
    if not ack.ok:
        timed_out = ack.error in ("timeout", "http_timeout")
        reason = "operation_timeout" if timed_out else "dispatch_failed"
        workspace.notice(user_id, channel_id, f"{name} failed with the error “{reason}”")
    elif ack.body:
        body = {"text": ack.body} if isinstance(ack.body, str) else ack.body
        error = responses.answer(workspace, ResponseUrl(channel_id, user_id, 0.0), body)
        if error:
            workspace.notice(user_id, channel_id, f"{name} failed with the error “{error}”")
    return ack


async def act(
    workspace: Workspace,
    user_id: str,
    channel_id: str,
    message_ts: str,
    action: JSON,
    view_id: str | None,
    unfurl: str | None = None,
) -> Ack:
    """Sends block_actions for an element that is really there, as Slack fills it in."""
    user = workspace.users[user_id]
    payload = payloads.interaction("block_actions", user, new_trigger(workspace, user_id))
    view = _view(workspace, user_id, view_id) if view_id else None
    message = workspace.find(channel_id, message_ts) if not view_id else None
    blocks = view.view["blocks"] if view else message.blocks if message else []
    if message and unfurl:
        blocks = message.unfurls[unfurl]["blocks"]
    element = find_element(blocks, str(action.get("action_id")), action.get("block_id"))
    if element is None or (message and message.ephemeral_to not in (None, user_id)):
        return Ack(None, error="element_not_found")
    sent = element.described() | action | {"action_ts": workspace.new_ts()}
    sent["block_id"] = element.block_id
    if view:
        if sent["type"] != "button":
            chosen = state_of(element.element, action)
            view.values.setdefault(element.block_id, {})[element.action_id] = chosen
        payload["container"] = {"type": "view", "view_id": view.id}
        payload["view"] = payloads.view_json(view)
    elif message:
        payload |= _message_part(workspace, workspace.channels[channel_id], message, user)
        if unfurl:
            payload |= _unfurl_part(payload, message, unfurl)
            # A person's message is answered by chat.unfurl; not every click brings an address.
            del payload["response_url"]
        payload["state"] = {"values": {}}
        if sent["type"] != "button":
            state = {element.block_id: {element.action_id: state_of(element.element, action)}}
            payload["state"] = {"values": state}
    payload["actions"] = [sent]
    ack = await deliver(workspace, "interactive", payload, "block_actions", user_id)
    _warn(workspace, user_id, channel_id, message_ts, ack)
    return ack


def _message_part(workspace: Workspace, channel: Channel, message: Message, user: User) -> JSON:
    hidden = message.ephemeral_to is not None
    container: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": hidden,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    part: JSON = {
        "container": container,
        "channel": {"id": channel.id, "name": payloads.channel_name(channel)},
        "response_url": new_response_url(
            workspace, user.id, channel.id, message.ts, message.thread_ts
        ),
    }
    if not hidden:
        # Slack sends no `message` for ephemeral ones: an app must not rely on it.
        part["message"] = payloads.message_json(message)
    return part


def _unfurl_part(payload: JSON, message: Message, url: str) -> JSON:
    """How Slack tells that an element of what a link shows was used."""
    shown = {one["app_unfurl_url"]: one for one in payloads.unfurl_attachments(message)}[url]
    container = payload["container"] | {
        "type": "message_attachment",
        "attachment_id": shown["id"],
        "is_app_unfurl": True,
        "app_unfurl_url": url,
    }
    return {"container": container, "app_unfurl": shown}


def _warn(workspace: Workspace, user_id: str, channel_id: str, ts: str, ack: Ack) -> None:
    if not ack.ok:
        text = (
            "This app is not responding."
            if ack.status is None
            else f"This app responded with Status Code {ack.status}."
        )
        workspace.publish(Event("notice", channel_id, ts, {"text": text}), user_id)


def _view(workspace: Workspace, user_id: str, view_id: str) -> View | None:
    home = workspace.homes.get(user_id)
    if home and home["id"] == view_id:
        return View(view_id, str(home["hash"]), user_id, home)
    view = workspace.views.get(view_id)
    return view if view and view.user == user_id else None


async def submit_view(
    workspace: Workspace, user_id: str, view_id: str, values: JSON
) -> tuple[JSON | None, Ack | None]:
    """Submits a modal; the ack is None where Slack itself finds a field missing."""
    view = workspace.views[view_id]
    view.values, errors = modals.filled(view, values)
    if errors:
        return {"response_action": "errors", "errors": errors}, None
    user = workspace.users[user_id]
    payload = payloads.interaction("view_submission", user, new_trigger(workspace, user_id))
    payload |= {"view": payloads.view_json(view), "response_urls": []}
    ack = await deliver(workspace, "interactive", payload, "view_submission", user_id)
    if not ack.ok:
        text = "We had some trouble connecting. Try again?"
        workspace.publish(Event("view_update", data={"view_id": view_id, "text": text}), user_id)
        return {"response_action": "trouble", "text": text}, ack
    body = ack.body if isinstance(ack.body, dict) else None
    return modals.respond(workspace, view, body), ack


async def close_view(workspace: Workspace, user_id: str, view_id: str) -> Ack | None:
    """Closes a modal; the bot hears of it only if it asked to."""
    view = workspace.views.get(view_id)
    if view is None:
        return None
    modals.close(workspace, view)
    if not view.view.get("notify_on_close"):
        return None
    payload = payloads.interaction(
        "view_closed", workspace.users[user_id], new_trigger(workspace, user_id)
    )
    del payload["trigger_id"]
    payload |= {"view": payloads.view_json(view), "is_cleared": False}
    return await deliver(workspace, "interactive", payload, "view_closed", user_id)


async def shortcut(
    workspace: Workspace,
    user_id: str,
    callback_id: str,
    channel_id: str | None,
    message_ts: str | None,
) -> Ack:
    """Sends a global shortcut, or a message's where a message is given."""
    kind = "message" if message_ts else "global"
    if (kind, callback_id) not in {(s["type"], s["callback_id"]) for s in workspace.shortcuts}:
        return Ack(None, error="unknown_shortcut")
    user = workspace.users[user_id]
    name = "message_action" if message_ts else "shortcut"
    payload = payloads.interaction(name, user, new_trigger(workspace, user_id))
    payload |= {"callback_id": callback_id, "action_ts": workspace.new_ts()}
    if message_ts and channel_id:
        message = workspace.find(channel_id, message_ts)
        if message is None:
            return Ack(None, error="message_not_found")
        channel = workspace.channels[channel_id]
        payload |= {
            "channel": {"id": channel_id, "name": payloads.channel_name(channel)},
            "message_ts": message_ts,
            "message": payloads.message_json(message),
            # Bound to no message: a message shortcut may not replace somebody's message.
            "response_url": new_response_url(workspace, user_id, channel_id),
        }
    ack = await deliver(workspace, "interactive", payload, name, user_id)
    _warn(workspace, user_id, channel_id or "", message_ts or "", ack)
    return ack


async def open_home(workspace: Workspace, user_id: str) -> Ack:
    """Opens the Home tab, which opens the direct message too."""
    channel = workspace.open_dm(user_id)
    event: JSON = {
        "type": "app_home_opened",
        "user": user_id,
        "channel": channel.id,
        "tab": "home",
        "event_ts": workspace.new_ts(),
    }
    home = workspace.homes.get(user_id)
    if home:
        event["view"] = home | {"team_id": TEAM_ID}
    return await send_event(workspace, event, user_id)
