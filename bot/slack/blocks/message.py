"""A Slack message as its builders return it, its limits, and text that is safe to put in it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

JSON = dict[str, Any]

MAX_BLOCKS = 50
MAX_CHARACTERS = 13_000
"""Slack refuses about 13,000 characters over all blocks; counted with their JSON, to be safe."""
PACKED = MAX_CHARACTERS - 500
"""What builders fill at most: the numbers that make action ids unique come on top of it."""
MAX_TEXT = 4_000
"""Slack's advice for ``text`` (chat.postMessage, truncating content)."""
MAX_SECTION = 3_000
MAX_FIELD = 2_000

CHART = "data_visualization"
"""The type of Slack's own charts, which not every workspace takes yet."""
MAX_CHARTS, MAX_CHART_TITLE, MAX_CHART_LABEL = 2, 50, 20
MAX_CHART_SERIES, MAX_CHART_POINTS = 6, 20

NAME_MAX = 80
"""Longest name that is shown in a line; the rest says nothing that the id does not."""

_ZERO_WIDTH = "\u200b"
# Formatting is switched on only at the edge of a word: `train_model` stays as it can be copied.
_ACTIVE = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])|:(?=[\w+'-]+:)|^&gt;")
_SPACE = re.compile(r"\s+")
_BIDI = {"R", "AL", "AN"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its plain fallback, and its blocks.

    Buttons that do the same to several tasks get a number behind their ``action_id``: it must be
    unique in a message. :func:`action_name` takes it off again.
    """

    text: str
    blocks: list[JSON]

    def __post_init__(self) -> None:
        _number(self.blocks)


def without_charts(blocks: list[JSON]) -> list[JSON]:
    """Return blocks without Slack's own charts; what they show is said elsewhere too."""
    return [block for block in blocks if block["type"] != CHART]


_NUMBER = re.compile(r"\.\d+$")


def action_name(action_id: str) -> str:
    """Return what a button does, without the number that makes it unique."""
    return _NUMBER.sub("", action_id)


def _number(blocks: list[JSON]) -> None:
    """Make every ``action_id`` unique in a message; numbers given before are given anew."""
    times: Counter[str] = Counter()
    for item in _inside(blocks):
        if "action_id" in item:
            name = action_name(item["action_id"])
            times[name] += 1
            item["action_id"] = name if times[name] == 1 else f"{name}.{times[name]}"


class LimitBroken(ValueError):
    """Slack would refuse the message."""


def cut(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` characters, with … where something is missing."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    # Half an emoji or a letter without its accent would be another text.
    while kept and (unicodedata.combining(text[len(kept)]) or text[len(kept)] in "\u200d\ufe0f"):
        kept = kept[:-1]
    return kept.rstrip("\u200d ") + "…"


def escape(text: str) -> str:
    """Escape what would start a mention, a link or a date (Slack, formatting text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str) -> str:
    """Return ``text`` in one line, without characters that turn the direction of what follows."""
    kept = "".join(
        " " if c.isspace() else c
        for c in text
        if c.isspace() or c == "\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )
    return _SPACE.sub(" ", kept).strip()


def plain(text: str, limit: int = NAME_MAX) -> str:
    """Return somebody else's text for ``plain_text``: one line, cut."""
    return cut(one_line(text), limit)


def safe(text: str, limit: int = NAME_MAX) -> str:
    """Return somebody else's text for mrkdwn: one line, cut, escaped, formatting switched off."""
    line = plain(text, limit)
    shown = _ACTIVE.sub(lambda match: _neutral(match[0]), escape(line))
    if any(unicodedata.bidirectional(c) in _BIDI for c in line):
        # Isolated, or a right-to-left name would swap "PENDING → RUNNING" beside it.
        return f"\u2068{shown}\u2069"
    return shown


def _neutral(mark: str) -> str:
    return f"{_ZERO_WIDTH}{mark}" if mark == "&gt;" else f"{mark}{_ZERO_WIDTH}"


def code(text: str, limit: int = NAME_MAX) -> str:
    """Return somebody else's text as a code span, in which nothing is formatted."""
    line = plain(text, limit).replace("`", "\u02cb")
    return f"`{escape(line)}`" if line else "`…`"


def date(when: datetime) -> str:
    """Return a moment that Slack shows in the reader's own time zone."""
    when = when.astimezone(UTC)
    fallback = when.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(when.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def duration(time: timedelta) -> str:
    """Return a time in its two largest units: ``850 ms``, ``3 min 5 s``, ``3 d 4 h``."""
    milliseconds = max(0, time // timedelta(milliseconds=1))
    if 0 < milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds // 1000
    for size, unit, part, smaller in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


def roughly(time: timedelta) -> str:
    """Return a time as an estimate deserves: ``about 4 min``, ``less than a minute``."""
    minutes = time / timedelta(minutes=1)
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"about {round(minutes)} min"
    hours = minutes / 60
    return f"about {round(hours)} h" if hours < 36 else f"about {round(hours / 24)} d"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 task`` or ``2 tasks``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def size(blocks: list[JSON]) -> int:
    """Return how many characters blocks take."""
    return len(json.dumps(blocks, ensure_ascii=False))


def check(message: Message) -> None:
    """Raise :class:`LimitBroken` if Slack would refuse a message (Block Kit reference)."""
    _within("text", message.text, MAX_TEXT)
    _check_blocks(message.blocks, MAX_BLOCKS)
    if size(message.blocks) > MAX_CHARACTERS:
        raise LimitBroken(f"{size(message.blocks)} characters in all")


def check_view(view: JSON) -> None:
    """Raise :class:`LimitBroken` if Slack would refuse a modal."""
    for key in ("title", "submit", "close"):
        if key in view:
            _within(key, view[key]["text"], 24)
    _within("private_metadata", view.get("private_metadata") or "-", 3_000)
    _within("callback_id", view.get("callback_id") or "-", 255)
    _check_blocks(view["blocks"], 100)


def _within(what: str, text: str, most: int) -> None:
    if not 0 < len(text) <= most:
        raise LimitBroken(f"{what} has {len(text)} characters, not 1 to {most}")


_TEXT_LIMITS = {"section": MAX_SECTION, "header": 150, "button": 75}


def _check_blocks(blocks: list[JSON], most: int) -> None:
    if not 0 < len(blocks) <= most:
        raise LimitBroken(f"{len(blocks)} blocks")
    block_ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(block_ids)) != len(block_ids):
        raise LimitBroken("a block_id twice")
    charts = [block for block in blocks if block["type"] == CHART]
    if len(charts) > MAX_CHARTS:
        raise LimitBroken(f"{len(charts)} charts")
    for block in charts:
        _check_chart(block)
    for block in blocks:
        for field in block.get("fields", ()):
            _within("field", field["text"], MAX_FIELD)
        for name, most_items in (("fields", 10), ("elements", 25)):
            if name in block and not 0 < len(block[name]) <= most_items:
                raise LimitBroken(f"{len(block[name])} {name}")
        if block["type"] == "context":
            if len(block["elements"]) > 10:
                raise LimitBroken("more than 10 elements in a context")
            for item in block["elements"]:
                _within("context", item["text"], MAX_FIELD)
        actions = [item["action_id"] for item in _inside(block) if "action_id" in item]
        if len(set(actions)) != len(actions):
            raise LimitBroken("an action_id twice in a block")
        for item in _inside(block):
            _check_item(item)


def _check_chart(block: JSON) -> None:
    _within("chart title", block["title"], MAX_CHART_TITLE)
    series, axes = block["chart"]["series"], block["chart"]["axis_config"]
    names = [one["name"] for one in series]
    labels = axes["categories"]
    if not 0 < len(set(names)) == len(names) <= MAX_CHART_SERIES:
        raise LimitBroken(f"{len(names)} series of a chart, or a name twice")
    if not 0 < len(set(labels)) == len(labels) <= MAX_CHART_POINTS:
        raise LimitBroken(f"{len(labels)} categories of a chart, or one twice")
    for text in (*names, *labels):
        _within("chart label", text, MAX_CHART_LABEL)
    for one in series:
        if [point["label"] for point in one["data"]] != labels:
            raise LimitBroken("a series without a value for each category")


def _check_item(item: JSON) -> None:
    kind = item.get("type", "")
    if kind in _TEXT_LIMITS and "text" in item:
        _within(kind, item["text"]["text"], _TEXT_LIMITS[kind])
    for key, most in (("action_id", 255), ("block_id", 255), ("url", 3_000)):
        if key in item:
            _within(key, item[key], most)
    if kind == "button" and "value" in item:
        _within("value", item["value"], 2_000)
    for key in ("options", "option_groups"):
        if key in item and not 0 < len(item[key]) <= (10 if kind != "static_select" else 100):
            raise LimitBroken(f"{len(item[key])} {key}")
    for option in item.get("options", ()):
        _within("option", option["text"]["text"], 75)
        _within("option value", option["value"], 150)
    if "confirm" in item:
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _within(f"confirm {key}", item["confirm"][key]["text"], most)


def _inside(item: Any) -> Iterator[JSON]:
    if isinstance(item, list):
        for inner in item:
            yield from _inside(inner)
    elif isinstance(item, dict):
        yield item
        for key, inner in item.items():
            if key != "confirm":
                yield from _inside(inner)
