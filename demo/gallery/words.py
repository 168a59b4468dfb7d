"""The page of words: the rules of the voice, and everything that Beambot says, from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.slack.blocks.message import JSON, Message
from demo.gallery.errors import sentences
from demo.gallery.sample import EXTREME, Sample
from demo.gallery.samples import SAMPLES

VOICE = Path(__file__).parent / "voice.md"
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_SEEN_ONLY = re.compile(r":[a-z_]+: ?|[▓░]+ ?")


def words_page(samples: tuple[Sample, ...] = SAMPLES) -> str:
    """Return ``docs/words.md``."""
    lines = [VOICE.read_text().rstrip(), "", "## Errors", ""]
    lines += [
        "What stands in brackets is filled in.",
        "",
        "| from | text |",
        "| --- | --- |",
        *(f"| `bot/{one.where.replace('.', '/')}.py` | {_cell(one.text)} |" for one in sentences()),
    ]
    for sample in samples:
        if sample.name == "errors.error_message":
            continue
        lines += ["", f"## {sample.when}", "", f"`bot/slack/blocks/{_path(sample)}`"]
        for case, seen in sample.seen():
            if not case.startswith(EXTREME):
                lines += ["", f"**{case.capitalize()}**", "", *_quoted(seen)]
    return "\n".join(lines) + "\n"


def spoken(seen: Message | JSON) -> Iterator[str]:
    """Yield every text that a person may read or hear: fallback, blocks, labels, dialogs."""
    if isinstance(seen, Message):
        yield seen.text
        yield from texts_in(seen.blocks)
    else:
        yield from texts_in(seen)


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in blocks or in a view, in the order in which they are read."""
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        for key in ("text", "accessibility_label", "alt_text"):
            if isinstance(value.get(key), str):
                yield value[key]
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and key != "initial_options":
                yield from texts_in(inner)


def _quoted(seen: Message | JSON) -> list[str]:
    if isinstance(seen, Message):
        shown = seen.text
        labels = dict.fromkeys(_buttons(seen.blocks))
    else:
        shown = "\n".join(dict.fromkeys(texts_in({**seen, "blocks": _bare(seen["blocks"])})))
        labels = dict.fromkeys(_buttons(seen["blocks"]))
    lines = [f"> {_clean(line)}  " for line in shown.split("\n") if line.strip()]
    if labels:
        lines += [">", f"> Buttons: {' '.join(f'[{label}]' for label in labels)}"]
    return lines


def _bare(blocks: list[JSON]) -> list[JSON]:
    """Return the blocks without buttons, which are listed apart."""
    kept = [{**block} for block in blocks if block["type"] != "actions"]
    for block in kept:
        if (block.get("accessory") or {}).get("type") == "button":
            block["accessory"] = {}
    return kept


def _buttons(blocks: list[JSON]) -> Iterator[str]:
    for block in blocks:
        for element in [*block.get("elements", ()), block.get("accessory") or {}]:
            if element.get("type") == "button":
                yield element["text"]["text"]


def _clean(text: str) -> str:
    # Read by people in any time zone, and on a page: dates as they fall back.
    text = _SEEN_ONLY.sub("", _DATE.sub(r"\1", text))
    return re.sub(r"<([@#!][\w.]+)>", r"\1", text).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _path(sample: Sample) -> str:
    module, name = sample.name.split(".")
    return f"{module}.py: {name}"
