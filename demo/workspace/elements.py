"""Finding an interactive element in blocks, and the state Slack reports for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from demo.workspace.model import JSON


@dataclass(frozen=True)
class Found:
    """An element, and the block it stands in."""

    element: JSON
    block: JSON

    @property
    def block_id(self) -> str:
        return str(self.block.get("block_id", ""))

    @property
    def action_id(self) -> str:
        return str(self.element.get("action_id", ""))

    def described(self) -> JSON:
        """What Slack repeats of an element in `actions`."""
        kept = {"type", "action_id", "placeholder"}
        if self.element["type"] == "button":
            kept |= {"text", "value", "style", "url"}
        return {key: value for key, value in self.element.items() if key in kept}


def elements_of(blocks: list[JSON]) -> Iterator[Found]:
    """Every element with an action_id, in reading order."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block.get("type") in ("actions", "context_actions", "card"):
            candidates += block.get("elements") or block.get("actions") or []
        for element in candidates:
            if isinstance(element, dict) and element.get("action_id"):
                yield Found(element, block)


def find_element(blocks: list[JSON], action_id: str, block_id: object = None) -> Found | None:
    for found in elements_of(blocks):
        if found.action_id == action_id and block_id in (None, "", found.block_id):
            return found
    return None


def options_of(element: JSON) -> list[JSON]:
    """All options of a menu, groups opened."""
    options: list[JSON] = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    return options


# The key under which an element's choice is reported, and whether it is a list.
_CHOICES = {
    "static_select": ("selected_option", False),
    "external_select": ("selected_option", False),
    "radio_buttons": ("selected_option", False),
    "overflow": ("selected_option", False),
    "checkboxes": ("selected_options", True),
    "multi_static_select": ("selected_options", True),
    "multi_external_select": ("selected_options", True),
    "users_select": ("selected_user", False),
    "multi_users_select": ("selected_users", True),
    "conversations_select": ("selected_conversation", False),
    "multi_conversations_select": ("selected_conversations", True),
    "channels_select": ("selected_channel", False),
    "multi_channels_select": ("selected_channels", True),
    "datepicker": ("selected_date", False),
    "timepicker": ("selected_time", False),
    "datetimepicker": ("selected_date_time", False),
}
_INITIAL = {
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
}


def state_of(element: JSON, given: object) -> JSON:
    """An element's state: `given` as a Slack state object, a plain value, or None for initial."""
    kind = str(element["type"])
    key, many = _CHOICES.get(kind, ("value", False))
    if isinstance(given, dict) and key in given:
        return {"type": kind, key: given[key]}
    if given is None or isinstance(given, dict):
        empty: object = [] if many else None
        return {"type": kind, key: element.get(_INITIAL.get(key, "initial_value"), empty)}
    if not key.startswith("selected_option"):
        return {"type": kind, key: given if many or kind == "datetimepicker" else str(given)}
    by_value = {str(option.get("value")): option for option in options_of(element)}
    if many:
        wanted = given if isinstance(given, list) else [given]
        chosen = [_chosen(by_value[str(value)]) for value in wanted if str(value) in by_value]
        return {"type": kind, key: chosen}
    option = by_value.get(str(given))
    return {"type": kind, key: _chosen(option) if option else None}


def _chosen(option: JSON) -> JSON:
    return {key: option[key] for key in ("text", "value", "description") if key in option}


def is_empty(state: JSON) -> bool:
    return all(not value for key, value in state.items() if key != "type")
