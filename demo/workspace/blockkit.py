"""Block Kit, validated as strictly as Slack does: every problem is named with its path."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from demo.workspace.model import JSON
from demo.workspace.objects import (
    ACTION_ELEMENTS,
    INPUT_ELEMENTS,
    SECTION_ELEMENTS,
    Problems,
    element,
    image,
    text,
)

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
# Over all blocks of a message; Slack answers msg_blocks_too_long past it.
MAX_BLOCKS_CHARACTERS = 13_200


def message_problems(blocks: object) -> list[str]:
    """What keeps these from being a message's blocks; empty if nothing does."""
    problems = Problems()
    _blocks(problems, blocks, MAX_MESSAGE_BLOCKS, in_message=True)
    return problems.found


def view_problems(view: object, *kinds: str) -> list[str]:
    """What keeps this from being a view of one of the kinds ("modal", "home")."""
    problems = Problems()
    optional = "private_metadata callback_id external_id"
    if isinstance(view, dict) and view.get("type") == "modal":
        modal = "clear_on_close notify_on_close close submit submit_disabled title"
        optional = f"{optional} {modal}"
    if not problems.keys(view, "/view", "type blocks", optional):
        return problems.found
    problems.one_of("/view/type", view["type"], " ".join(kinds))
    for key, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if view.get(key) is not None:
            problems.string(f"/view/{key}", view[key], most, least=0)
    _blocks(problems, view["blocks"], MAX_VIEW_BLOCKS, in_message=False)
    if view["type"] == "modal":
        if view.get("title") is None:
            problems.add("/view", "missing required field: title")
        for key in ("title", "submit", "close"):
            if view.get(key) is not None:
                text(problems, f"/view/{key}", view[key], 24, plain=True)
        blocks = view["blocks"] if isinstance(view["blocks"], list) else []
        inputs = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
        if inputs and not view.get("submit"):
            problems.add("/view", "missing required field: submit")
    return problems.found


def characters(value: object) -> int:
    """The characters a person reads in blocks: all strings under `text`, `alt_text`, `value`."""
    if isinstance(value, list):
        return sum(characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    total = 0
    for key, inner in value.items():
        if isinstance(inner, str) and key in ("text", "alt_text", "value", "url"):
            total += len(inner)
        elif isinstance(inner, (dict, list)):
            total += characters(inner)
    return total


def with_ids(blocks: list[JSON]) -> list[JSON]:
    """The blocks with the ids Slack makes up where the app gave none."""
    completed = []
    for block in blocks:
        block = {"block_id": secrets.token_hex(3), **block}
        for key in ("accessory", "element"):
            if isinstance(block.get(key), dict):
                block[key] = _with_action_id(block[key])
        if block["type"] == "actions":
            block["elements"] = [_with_action_id(item) for item in block["elements"]]
        completed.append(block)
    return completed


def _with_action_id(item: JSON) -> JSON:
    if item["type"] == "image":
        return item
    return {"action_id": secrets.token_hex(3), **item}


def _blocks(problems: Problems, blocks: object, most: int, in_message: bool) -> None:
    tables = charts = 0
    for index, block in enumerate(problems.count("/blocks", blocks, most, least=0)):
        path = f"/blocks/{index}"
        kind = block.get("type") if isinstance(block, dict) else None
        check = _BLOCKS.get(str(kind))
        if not isinstance(block, dict) or check is None:
            problems.add(path, f"unsupported type: {kind}")
            continue
        if not in_message and kind in ("table", "file", "data_visualization"):
            problems.add(path, f"unsupported type: {kind}")
            continue
        block_id = block.get("block_id")
        if block_id is not None and problems.string(f"{path}/block_id", block_id, 255):
            if block_id in problems.block_ids:
                problems.add(f"{path}/block_id", "`block_id` already exists in this view")
            problems.block_ids.add(block_id)
        problems.block_id = str(block_id or index)
        check(problems, path, block)
        tables += kind == "table"
        charts += kind == "data_visualization"
    if tables > 1:
        problems.add("/blocks", "only_one_table_allowed")
    if charts > 2:
        problems.add("/blocks", "no more than 2 data_visualization blocks allowed")


def _section(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "", "block_id text fields accessory expand"):
        return
    if block.get("text") is None and block.get("fields") is None:
        problems.add(path, "must provide either text or fields")
    if block.get("text") is not None:
        text(problems, f"{path}/text", block["text"], 3000)
    if block.get("fields") is not None:
        for index, field in enumerate(problems.count(f"{path}/fields", block["fields"], 10)):
            text(problems, f"{path}/fields/{index}", field, 2000)
    accessory = block.get("accessory")
    if isinstance(accessory, dict) and accessory.get("type") == "image":
        image(problems, f"{path}/accessory", accessory)
    elif accessory is not None:
        element(problems, f"{path}/accessory", accessory, SECTION_ELEMENTS)


def _header(problems: Problems, path: str, block: JSON) -> None:
    if problems.keys(block, path, "text", "block_id level"):
        text(problems, f"{path}/text", block["text"], 150, plain=True)


def _divider(problems: Problems, path: str, block: JSON) -> None:
    problems.keys(block, path, "", "block_id")


def _context(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "elements", "block_id"):
        return
    for index, item in enumerate(problems.count(f"{path}/elements", block["elements"], 10)):
        where = f"{path}/elements/{index}"
        if isinstance(item, dict) and item.get("type") == "image":
            image(problems, where, item)
        else:
            text(problems, where, item, 2000)


def _actions(problems: Problems, path: str, block: JSON) -> None:
    if problems.keys(block, path, "elements", "block_id"):
        for index, item in enumerate(problems.count(f"{path}/elements", block["elements"], 25)):
            element(problems, f"{path}/elements/{index}", item, ACTION_ELEMENTS)


def _input(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "label element", "block_id hint optional dispatch_action"):
        return
    text(problems, f"{path}/label", block["label"], 2000, plain=True)
    if block.get("hint") is not None:
        text(problems, f"{path}/hint", block["hint"], 2000, plain=True)
    problems.flag(path, block, "optional", "dispatch_action")
    element(problems, f"{path}/element", block["element"], INPUT_ELEMENTS)


def _image(problems: Problems, path: str, block: JSON) -> None:
    image(problems, path, block, "title block_id")
    if block.get("title") is not None:
        text(problems, f"{path}/title", block["title"], 2000, plain=True)


def _markdown(problems: Problems, path: str, block: JSON) -> None:
    if problems.keys(block, path, "text", "block_id"):
        problems.string(f"{path}/text", block["text"], 12_000)


_RICH_PARTS = "rich_text_section rich_text_list rich_text_preformatted rich_text_quote"
_RICH_LEAVES: dict[str, tuple[str, str]] = {
    "text": ("text", "style"),
    "link": ("url", "text style unsafe"),
    "emoji": ("name", "unicode skin_tone style"),
    "user": ("user_id", "style"),
    "channel": ("channel_id", "style"),
    "usergroup": ("usergroup_id", "style"),
    "broadcast": ("range", "style"),
    "date": ("timestamp format", "url fallback style"),
    "color": ("value", "style"),
}


def _rich_text(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "elements", "block_id"):
        return
    for index, part in enumerate(problems.count(f"{path}/elements", block["elements"], 100)):
        _rich_part(problems, f"{path}/elements/{index}", part, _RICH_PARTS)


def _rich_part(problems: Problems, path: str, part: object, allowed: str) -> None:
    optional = "border"
    if isinstance(part, dict) and part.get("type") == "rich_text_list":
        optional = "style indent offset border"
    elif isinstance(part, dict) and part.get("type") == "rich_text_preformatted":
        optional = "border language"
    if not problems.keys(part, path, "type elements", optional):
        return
    problems.one_of(f"{path}/type", part["type"], allowed)
    is_list = part["type"] == "rich_text_list"
    if is_list:
        problems.one_of(f"{path}/style", part.get("style"), "bullet ordered")
    for index, item in enumerate(problems.count(f"{path}/elements", part["elements"], 1000, 0)):
        where = f"{path}/elements/{index}"
        if is_list:
            _rich_part(problems, where, item, "rich_text_section")
            continue
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in _RICH_LEAVES:
            problems.add(where, f"unsupported type: {kind}")
            continue
        required, others = _RICH_LEAVES[kind]
        if problems.keys(item, where, required, others) and kind == "text":
            problems.string(f"{where}/text", item["text"], 3000)


def _table(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "rows", "block_id column_settings"):
        return
    problems.count(f"{path}/column_settings", block.get("column_settings", []), 20, least=0)
    for index, row in enumerate(problems.count(f"{path}/rows", block["rows"], 100)):
        for column, cell in enumerate(problems.count(f"{path}/rows/{index}", row, 20)):
            where = f"{path}/rows/{index}/{column}"
            kind = cell.get("type") if isinstance(cell, dict) else None
            if kind == "rich_text":
                _rich_text(problems, where, cell)
            elif kind == "raw_text":
                if problems.keys(cell, where, "text"):
                    problems.string(f"{where}/text", cell["text"], 3000)
            else:
                problems.add(where, f"unsupported type: {kind}")


def _chart(problems: Problems, path: str, block: JSON) -> None:
    if not problems.keys(block, path, "title chart", "block_id"):
        return
    problems.string(f"{path}/title", block["title"], 50)
    chart, where = block["chart"], f"{path}/chart"
    if isinstance(chart, dict) and chart.get("type") == "pie":
        if problems.keys(chart, where, "segments"):
            for index, one in enumerate(problems.count(f"{where}/segments", chart["segments"], 6)):
                _point(problems, f"{where}/segments/{index}", one, least=0)
        return
    if not problems.keys(chart, where, "type series axis_config"):
        return
    problems.one_of(f"{where}/type", chart["type"], "bar area line")
    axes, labels = chart["axis_config"], []
    if problems.keys(axes, f"{where}/axis_config", "categories", "x_label y_label"):
        labels = problems.count(f"{where}/axis_config/categories", axes["categories"], 20)
        for index, label in enumerate(labels):
            problems.string(f"{where}/axis_config/categories/{index}", label, 20)
        for key in ("x_label", "y_label"):
            if axes.get(key) is not None:
                problems.string(f"{where}/axis_config/{key}", axes[key], 50)
    names = []
    for index, one in enumerate(problems.count(f"{where}/series", chart["series"], 6)):
        inside = f"{where}/series/{index}"
        if problems.keys(one, inside, "name data"):
            problems.string(f"{inside}/name", one["name"], 20)
            names.append(one["name"])
            points = problems.count(f"{inside}/data", one["data"], 20)
            for number, point in enumerate(points):
                _point(problems, f"{inside}/data/{number}", point)
            if [point.get("label") for point in points if isinstance(point, dict)] != labels:
                problems.add(inside, "data labels must match axis_config.categories")
    if len({str(name) for name in names}) != len(names):
        problems.add(f"{where}/series", "series names must be unique")


def _point(problems: Problems, path: str, point: object, least: int | None = None) -> None:
    if not problems.keys(point, path, "label value"):
        return
    problems.string(f"{path}/label", point["label"], 20)
    value = point["value"]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.add(f"{path}/value", "must be a number")
    elif least is not None and value <= least:
        problems.add(f"{path}/value", f"must be greater than {least}")


_BLOCKS: dict[str, Callable[[Problems, str, JSON], None]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
    "data_visualization": _chart,
}
