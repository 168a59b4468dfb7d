"""Block Kit composition objects and interactive elements: Slack's limits, as problems found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from demo.workspace.model import JSON


class Problems:
    """What is wrong, in Slack's words, each with the path it was found at."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.action_ids: set[tuple[str, str]] = set()
        self.block_ids: set[str] = set()
        # The block that is looked at now.
        self.block_id = ""

    def add(self, path: str, text: str) -> None:
        self.found.append(f"[ERROR] {text} [json-pointer:{path}]")

    def keys(self, given: object, path: str, required: str, optional: str = "") -> TypeGuard[JSON]:
        """Whether `given` is an object with all required keys; unknown keys are reported."""
        if not isinstance(given, dict):
            self.add(path, "must provide an object")
            return False
        known = {"type", *required.split(), *optional.split()}
        for key in given.keys() - known:
            self.add(f"{path}/{key}", f"unsupported field: {key}")
        missing = [key for key in required.split() if given.get(key) is None]
        for key in missing:
            self.add(path, f"missing required field: {key}")
        return not missing

    def string(self, path: str, given: object, most: int, least: int = 1) -> bool:
        if not isinstance(given, str):
            self.add(path, "must be a string")
        elif len(given) < least:
            self.add(path, f"must be more than {least - 1} characters")
        elif len(given) > most:
            self.add(path, f"must be less than {most + 1} characters")
        else:
            return True
        return False

    def count(self, path: str, given: object, most: int, least: int = 1) -> list[JSON]:
        """The items of a list of a right length; none if it is not one."""
        if not isinstance(given, list):
            self.add(path, "must be an array")
            return []
        if len(given) > most:
            self.add(path, f"no more than {most} items allowed")
        elif len(given) < least:
            self.add(path, f"no fewer than {least} items allowed")
        return given

    def one_of(self, path: str, given: object, allowed: str) -> None:
        if given not in allowed.split():
            self.add(path, f"must be a valid enum value: {allowed}")

    def flag(self, path: str, given: JSON, *names: str) -> None:
        for name in names:
            if name in given and not isinstance(given[name], bool):
                self.add(f"{path}/{name}", "must be a boolean")


def text(problems: Problems, path: str, given: object, most: int, plain: bool = False) -> None:
    """A text object; `plain` where Slack takes plain_text only."""
    if not problems.keys(given, path, "type text", "emoji verbatim"):
        return
    problems.one_of(f"{path}/type", given["type"], "plain_text" if plain else "plain_text mrkdwn")
    problems.string(f"{path}/text", given["text"], most)
    problems.flag(path, given, "emoji", "verbatim")
    if given["type"] == "mrkdwn" and "emoji" in given:
        problems.add(f"{path}/emoji", "unsupported field: emoji")
    if given["type"] == "plain_text" and "verbatim" in given:
        problems.add(f"{path}/verbatim", "unsupported field: verbatim")


def confirm(problems: Problems, path: str, given: object) -> None:
    if not problems.keys(given, path, "title text confirm deny", "style"):
        return
    text(problems, f"{path}/title", given["title"], 100, plain=True)
    text(problems, f"{path}/text", given["text"], 300)
    text(problems, f"{path}/confirm", given["confirm"], 30, plain=True)
    text(problems, f"{path}/deny", given["deny"], 30, plain=True)
    if "style" in given:
        problems.one_of(f"{path}/style", given["style"], "primary danger")


def option(problems: Problems, path: str, given: object, mrkdwn: bool, link: bool = False) -> None:
    optional = "description url" if link else "description"
    if not problems.keys(given, path, "text value", optional):
        return
    text(problems, f"{path}/text", given["text"], 75, plain=not mrkdwn)
    problems.string(f"{path}/value", given["value"], 150)
    if "description" in given:
        text(problems, f"{path}/description", given["description"], 75, plain=not mrkdwn)
    if "url" in given:
        problems.string(f"{path}/url", given["url"], 3000)


def options(problems: Problems, path: str, given: JSON, most: int, mrkdwn: bool = False) -> None:
    """`options` or `option_groups`, exactly one of them, and the initial choice among them."""
    values: list[JSON] = []
    if ("options" in given) == ("option_groups" in given):
        problems.add(path, "must provide either options or option_groups")
        return
    if "options" in given:
        values = problems.count(f"{path}/options", given["options"], most)
        for index, item in enumerate(values):
            where = f"{path}/options/{index}"
            option(problems, where, item, mrkdwn, link=given["type"] == "overflow")
    else:
        groups = problems.count(f"{path}/option_groups", given["option_groups"], 100)
        for index, group in enumerate(groups):
            where = f"{path}/option_groups/{index}"
            if problems.keys(group, where, "label options"):
                text(problems, f"{where}/label", group["label"], 75, plain=True)
                for inner, item in enumerate(problems.count(where, group["options"], most)):
                    option(problems, f"{where}/options/{inner}", item, mrkdwn)
                    values.append(item)
    initial = given.get("initial_options") or []
    if given.get("initial_option"):
        initial = [given["initial_option"]]
    for item in initial:
        if item not in values:
            problems.add(path, "initial option must match one of the options")


# Element type -> required keys, optional keys; action_id, confirm and focus_on_load are common.
_SELECT = "placeholder"
_HERE = "default_to_current_conversation filter"
_CHOSEN = "options option_groups"
_ELEMENTS: dict[str, tuple[str, str]] = {
    "button": ("text", "url value style accessibility_label"),
    "overflow": ("options", ""),
    "static_select": ("", f"{_SELECT} {_CHOSEN} initial_option"),
    "external_select": ("", f"{_SELECT} initial_option min_query_length"),
    "users_select": ("", f"{_SELECT} initial_user"),
    "conversations_select": (
        "",
        f"{_SELECT} {_HERE} initial_conversation response_url_enabled",
    ),
    "channels_select": ("", f"{_SELECT} initial_channel response_url_enabled"),
    "multi_static_select": ("", f"{_SELECT} {_CHOSEN} initial_options max_selected_items"),
    "multi_external_select": (
        "",
        f"{_SELECT} initial_options min_query_length max_selected_items",
    ),
    "multi_users_select": ("", f"{_SELECT} initial_users max_selected_items"),
    "multi_conversations_select": (
        "",
        f"{_SELECT} {_HERE} initial_conversations max_selected_items",
    ),
    "multi_channels_select": ("", f"{_SELECT} initial_channels max_selected_items"),
    "radio_buttons": ("options", "initial_option"),
    "checkboxes": ("options", "initial_options"),
    "datepicker": ("", f"{_SELECT} initial_date"),
    "timepicker": ("", f"{_SELECT} initial_time timezone"),
    "datetimepicker": ("", "initial_date_time"),
    "plain_text_input": (
        "",
        f"{_SELECT} initial_value multiline min_length max_length dispatch_action_config",
    ),
    "number_input": (
        "is_decimal_allowed",
        f"{_SELECT} initial_value min_value max_value dispatch_action_config",
    ),
    "email_text_input": ("", f"{_SELECT} initial_value dispatch_action_config"),
    "url_text_input": ("", f"{_SELECT} initial_value dispatch_action_config"),
}
_TYPED = {"plain_text_input", "number_input", "email_text_input", "url_text_input"}
INPUT_ELEMENTS = set(_ELEMENTS) - {"button", "overflow"}
ACTION_ELEMENTS = set(_ELEMENTS) - _TYPED
SECTION_ELEMENTS = set(ACTION_ELEMENTS)
_MOST_OPTIONS = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}


def image(problems: Problems, path: str, given: JSON, optional: str = "") -> None:
    """An image element or block: an alternative text, and an address or an uploaded file."""
    if not problems.keys(given, path, "alt_text", f"image_url slack_file {optional}"):
        return
    problems.string(f"{path}/alt_text", given["alt_text"], 2000)
    if ("image_url" in given) == ("slack_file" in given):
        problems.add(path, "must provide either image_url or slack_file")
    elif "image_url" in given:
        url = given["image_url"]
        right = problems.string(f"{path}/image_url", url, 3000)
        if right and not url.startswith(("http://", "https://")):
            problems.add(f"{path}/image_url", "must be a valid URL")


def element(problems: Problems, path: str, given: object, allowed: set[str]) -> None:
    """An interactive element where one of `allowed` types may stand."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in allowed:
        problems.add(path, f"unsupported type: {kind}")
        return
    required, optional = _ELEMENTS[kind]
    common = "action_id confirm" if kind not in _TYPED else "action_id"
    focus = "" if kind in ("button", "overflow") else "focus_on_load"
    if not problems.keys(given, path, required, f"{optional} {common} {focus}"):
        return
    if "action_id" in given and problems.string(f"{path}/action_id", given["action_id"], 255):
        # Unique within a block, and so within the message by (block_id, action_id).
        key = (problems.block_id, given["action_id"])
        if key in problems.action_ids:
            problems.add(f"{path}/action_id", "`action_id` already exists in this block")
        problems.action_ids.add(key)
    if "placeholder" in given:
        text(problems, f"{path}/placeholder", given["placeholder"], 150, plain=True)
    if "confirm" in given:
        confirm(problems, f"{path}/confirm", given["confirm"])
    check = _CHECKS.get(kind)
    if check:
        check(problems, path, given)
    if "options" in optional.split() or "options" in required.split():
        mrkdwn = kind in ("radio_buttons", "checkboxes")
        options(problems, path, given, _MOST_OPTIONS.get(kind, 100), mrkdwn)


def _button(problems: Problems, path: str, given: JSON) -> None:
    text(problems, f"{path}/text", given["text"], 75, plain=True)
    if "value" in given:
        problems.string(f"{path}/value", given["value"], 2000)
    if "style" in given:
        problems.one_of(f"{path}/style", given["style"], "primary danger")
    if "url" in given:
        problems.string(f"{path}/url", given["url"], 3000)
    if "accessibility_label" in given:
        problems.string(f"{path}/accessibility_label", given["accessibility_label"], 75)


def _plain_text_input(problems: Problems, path: str, given: JSON) -> None:
    problems.flag(path, given, "multiline", "focus_on_load")
    low, high = given.get("min_length", 0), given.get("max_length", 3000)
    if not (isinstance(low, int) and 0 <= low <= 3000):
        problems.add(f"{path}/min_length", "must be between 0 and 3000")
    elif not (isinstance(high, int) and max(1, low) <= high <= 3000):
        problems.add(f"{path}/max_length", "must be between min_length and 3000")
    if "initial_value" in given:
        problems.string(f"{path}/initial_value", given["initial_value"], 3000, least=0)


def _number_input(problems: Problems, path: str, given: JSON) -> None:
    problems.flag(path, given, "is_decimal_allowed")
    for key in ("initial_value", "min_value", "max_value"):
        if key in given:
            problems.string(f"{path}/{key}", given[key], 100)


def _conversations(problems: Problems, path: str, given: JSON) -> None:
    if "filter" in given:
        where = f"{path}/filter"
        rest = "include exclude_external_shared_channels exclude_bot_users"
        if problems.keys(given["filter"], where, "", rest):
            for index, kind in enumerate(given["filter"].get("include", [])):
                problems.one_of(f"{where}/include/{index}", kind, "im mpim private public")


_CHECKS: dict[str, Callable[[Problems, str, JSON], None]] = {
    "button": _button,
    "plain_text_input": _plain_text_input,
    "number_input": _number_input,
    "conversations_select": _conversations,
    "multi_conversations_select": _conversations,
}
