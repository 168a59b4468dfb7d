"""Modals: opening, stacking, filling in, and what a bot's answer to a submission does."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from demo.workspace import blockkit
from demo.workspace.elements import is_empty, state_of
from demo.workspace.model import JSON, Event, View

if TYPE_CHECKING:
    from demo.workspace.state import Workspace

MAX_STACK = 3
REQUIRED = "Please complete this required field."


def initial_values(view: JSON) -> JSON:
    """The state a view starts in: its input elements' initial values."""
    return {
        block["block_id"]: {
            block["element"]["action_id"]: state_of(block["element"], None),
        }
        for block in view["blocks"]
        if block["type"] == "input"
    }


def open_view(
    workspace: Workspace, user_id: str, given: JSON, previous: View | None = None
) -> View:
    """Shows a modal, on top of `previous` if there is one."""
    view_id = workspace.new_id("V")
    body = given | {"blocks": blockkit.with_ids(given["blocks"])}
    view = View(
        view_id,
        _new_hash(workspace),
        user_id,
        body,
        initial_values(body),
        previous.root_id if previous else view_id,
        previous.id if previous else None,
    )
    workspace.views[view_id] = view
    workspace.publish(Event("view_open", data={"view_id": view_id}), user_id)
    return view


def stack_of(workspace: Workspace, view: View) -> list[View]:
    return [other for other in workspace.views.values() if other.root_id == view.root_id]


def update(workspace: Workspace, view: View, given: JSON) -> View:
    """Replaces what a modal shows; what was typed stays where block and action ids do."""
    body = given | {"blocks": blockkit.with_ids(given["blocks"])}
    fresh = initial_values(body)
    for block_id, actions in fresh.items():
        for action_id in actions:
            kept = view.values.get(block_id, {}).get(action_id)
            if kept is not None:
                actions[action_id] = kept
    view.view, view.values, view.hash = body, fresh, _new_hash(workspace)
    workspace.publish(Event("view_update", data={"view_id": view.id}), view.user)
    return view


def close(workspace: Workspace, view: View, everything: bool = False) -> None:
    """Closes a modal, and those above it; with `everything` the whole stack."""
    stack = stack_of(workspace, view)
    for other in stack if everything else stack[stack.index(view) :]:
        del workspace.views[other.id]
    workspace.publish(Event("view_close", data={"view_id": view.id}), view.user)


def filled(view: View, values: JSON) -> tuple[JSON, dict[str, str]]:
    """The state from what was typed, and what Slack itself refuses to send, by block_id."""
    state: JSON = {block_id: dict(actions) for block_id, actions in view.values.items()}
    errors: dict[str, str] = {}
    for block in view.view["blocks"]:
        if block["type"] != "input":
            continue
        element, block_id = block["element"], block["block_id"]
        given = values.get(block_id, {})
        action_id = element["action_id"]
        if isinstance(given, dict) and action_id in given:
            value = given[action_id]
            state[block_id] = {action_id: state_of(element, "" if value is None else value)}
        chosen = state[block_id][action_id]
        if chosen.get("value") == "":
            chosen["value"] = None
        if is_empty(chosen):
            if not block.get("optional"):
                errors[block_id] = REQUIRED
            continue
        typed = chosen.get("value")
        if isinstance(typed, str):
            if len(typed) < int(element.get("min_length", 0)):
                errors[block_id] = f"Enter at least {element['min_length']} characters."
            elif len(typed) > int(element.get("max_length", 3000)):
                errors[block_id] = f"Enter at most {element.get('max_length', 3000)} characters."
    return state, errors


def respond(workspace: Workspace, view: View, body: JSON | None) -> JSON | None:
    """Carries out a bot's answer to a submission; without one the modal closes."""
    action = body.get("response_action") if body else None
    if view.id not in workspace.views:
        return body
    if body is None or action is None:
        close(workspace, view)
        return None
    if action == "clear":
        close(workspace, view, everything=True)
    elif action == "errors":
        data = {"view_id": view.id, "errors": body.get("errors", {})}
        workspace.publish(Event("view_update", data=data), view.user)
    elif action in ("update", "push"):
        given = body.get("view")
        problems = blockkit.view_problems(given, "modal")
        if problems or not isinstance(given, dict):
            workspace.log.append(
                {"at": workspace.now(), "response_action": action, "problems": problems}
            )
            return {"response_action": "trouble", "text": "; ".join(problems)}
        if action == "update":
            update(workspace, view, given)
        else:
            open_view(workspace, view.user, given, view)
    return body


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.now())}.{secrets.token_hex(4)}"
