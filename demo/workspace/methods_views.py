"""Web API methods for modals and the Home tab."""

from __future__ import annotations

import secrets

from demo.workspace import blockkit, modals, payloads
from demo.workspace.calls import ApiError, Calls
from demo.workspace.model import JSON, Event, View


def open_view(calls: Calls, args: JSON) -> JSON:
    user_id = _exchange(calls, args)
    given = _given(args, "modal")
    return {"view": payloads.view_json(modals.open_view(calls.workspace, user_id, given))}


def push(calls: Calls, args: JSON) -> JSON:
    user_id = _exchange(calls, args)
    given = _given(args, "modal")
    top = calls.workspace.modal_of(user_id)
    if top and len(modals.stack_of(calls.workspace, top)) >= modals.MAX_STACK:
        raise ApiError("push_limit_reached")
    return {"view": payloads.view_json(modals.open_view(calls.workspace, user_id, given, top))}


def update(calls: Calls, args: JSON) -> JSON:
    given = _given(args, "modal", "home")
    view = _found(calls, args)
    if args.get("hash") and args["hash"] != view.hash:
        raise ApiError("hash_conflict")
    return {"view": payloads.view_json(modals.update(calls.workspace, view, given))}


def publish(calls: Calls, args: JSON) -> JSON:
    workspace = calls.workspace
    user = calls.user(str(calls.need(args, "user_id")))
    given = _given(args, "home")
    if args.get("hash") and args["hash"] != workspace.home_hashes.get(user.id):
        raise ApiError("hash_conflict")
    old = workspace.homes.get(user.id)
    view_id = str(old["id"]) if old else workspace.new_id("V")
    new_hash = f"{int(workspace.now())}.{secrets.token_hex(4)}"
    body = given | {"blocks": blockkit.with_ids(given["blocks"])}
    shown = payloads.view_json(View(view_id, new_hash, user.id, body, modals.initial_values(body)))
    workspace.homes[user.id] = shown
    workspace.home_hashes[user.id] = new_hash
    workspace.publish(Event("home", data={"view_id": view_id}), user.id)
    return {"view": shown}


def _exchange(calls: Calls, args: JSON) -> str:
    """Uses up a trigger; returns whose it is."""
    trigger = calls.workspace.triggers.get(str(calls.need(args, "trigger_id")))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.expires < calls.workspace.now():
        raise ApiError("expired_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    trigger.used = True
    return trigger.user


def _given(args: JSON, *kinds: str) -> JSON:
    given = args.get("view")
    problems = blockkit.view_problems(given, *kinds)
    if problems or not isinstance(given, dict):
        raise ApiError("invalid_arguments", response_metadata={"messages": problems})
    return given


def _found(calls: Calls, args: JSON) -> View:
    views = calls.workspace.views
    view = views.get(str(args.get("view_id") or ""))
    external_id = args.get("external_id")
    if view is None and external_id:
        named = [v for v in views.values() if v.view.get("external_id") == external_id]
        view = named[0] if named else None
    if view is None:
        raise ApiError("not_found")
    return view
