"""Block Kit's parts as functions, so that builders read as what they show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.slack.blocks.message import (
    JSON,
    MAX_BLOCKS,
    MAX_FIELD,
    MAX_SECTION,
    MAX_TEXT,
    PACKED,
    Message,
    cut,
    size,
)

_SIGN = re.compile(r"^:[a-z_]+: ")
# Half of "&amp;" or of a link would show as it is written.
_TORN = re.compile(r"(?:<[^<>]*|&[a-z]{0,3})…$")


def plain_text(text: str) -> JSON:
    """Return text in which nothing is formatted but emoji names."""
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str, limit: int = MAX_SECTION) -> JSON:
    """Return formatted text. Slack must not make links of what merely looks like one."""
    shown = cut(text, limit)
    if shown is not text:
        shown = _TORN.sub("…", shown)
    return {"type": "mrkdwn", "text": shown, "verbatim": True}


def section(
    text: str | None = None, *, fields: Sequence[str] = (), accessory: JSON | None = None
) -> JSON:
    """Return a paragraph, with up to ten fields in two columns and one element beside it."""
    block: JSON = {"type": "section"}
    if text is not None:
        block["text"] = mrkdwn(text)
    if fields:
        block["fields"] = [mrkdwn(field, MAX_FIELD) for field in fields[:10]]
    if accessory is not None:
        block["accessory"] = accessory
    return block


def context(*texts: str) -> JSON:
    """Return small print."""
    return {"type": "context", "elements": [mrkdwn(text, MAX_FIELD) for text in texts[:10]]}


def divider() -> JSON:
    """Return a line between two cards."""
    return {"type": "divider"}


def preformatted(text: str) -> JSON:
    """Return somebody else's text exactly as it is, lines and all, with nothing formatted."""
    part = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [part]}


def actions(*elements: JSON | None) -> list[JSON]:
    """Return a row of those elements that are there; nothing if none is."""
    there = [element for element in elements if element is not None]
    return [{"type": "actions", "elements": there}] if there else []


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: str | None = None,
    confirm: JSON | None = None,
    spoken: str | None = None,
) -> JSON:
    """Return a button.

    Args:
        label: what is written on it.
        action_id: what it does.
        value: what it does it to.
        style: ``primary`` or ``danger``.
        confirm: a dialog that asks first.
        spoken: what a screen reader says where the label alone says too little.
    """
    made: JSON = {
        "type": "button",
        "text": plain_text(cut(label, 75)),
        "action_id": action_id,
        "value": value,
    }
    if style is not None:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = confirm
    if spoken is not None:
        made["accessibility_label"] = cut(spoken, 75)
    return made


def unmute_button() -> JSON:
    """Return the button that ends a channel's mute."""
    return button("Unmute", "settings.unmute", "unmute", spoken="Unmute this channel")


def link_button(label: str, action_id: str, url: str, *, spoken: str) -> JSON:
    """Return a button that opens a link; a click on it is told to us too, which means nothing.

    Args:
        label: what is written on it, somebody else's text.
        action_id: under which the click is told.
        url: what it opens.
        spoken: what a screen reader says.
    """
    return {
        "type": "button",
        # Without emoji: the name of a file may hold anything.
        "text": {"type": "plain_text", "text": cut(label, 75), "emoji": False},
        "action_id": action_id,
        "url": url,
        "accessibility_label": cut(spoken, 75),
    }


def input_block(
    block_id: str, label: str, element: JSON, *, hint: str = "", optional: bool = False
) -> JSON:
    """Return a labelled field of a modal, with a hint below it if there is one."""
    block: JSON = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = plain_text(hint)
    return block


def dialog(title: str, text: str, *, confirm: str, deny: str) -> JSON:
    """Return a dialog that asks before something that cannot be undone."""
    return {
        "title": plain_text(cut(title, 100)),
        # Plain and without emoji: a name in it may hold anything.
        "text": {"type": "plain_text", "text": cut(text, 300), "emoji": False},
        "confirm": plain_text(cut(confirm, 30)),
        "deny": plain_text(cut(deny, 30)),
        "style": "danger",
    }


def said(text: str, *more: JSON) -> Message:
    """Return a message that says one thing, the same with and without blocks.

    Args:
        text: what is said. An emoji at its start is for eyes alone: it is not read out.
        more: further blocks.
    """
    return Message(cut(_SIGN.sub("", text), MAX_TEXT), [section(text), *more])


def listed(title: str, lines: Iterable[str], total: int, most: int, room: int = 2_600) -> str:
    """Return a titled list that fits in a section, and says how many it leaves out.

    Args:
        title: what the lines are, in mrkdwn; none where it is empty.
        lines: one line an item.
        total: how many items there are.
        most: how many are shown at most.
        room: how many characters the lines may take.
    """
    shown: list[str] = []
    for line in lines:
        if len(shown) == most or sum(map(len, shown)) + len(line) > room:
            break
        shown.append(line)
    if total > len(shown):
        shown.append(f"and {total - len(shown)} more")
    return "\n".join([title, *shown] if title else shown)


def pack(
    parts: Sequence[tuple[str, list[JSON]]], *, most: int = MAX_BLOCKS, between: bool = False
) -> list[Message]:
    """Return as few messages as hold all parts, none of which is torn.

    Args:
        parts: the fallback and the blocks of each part.
        most: how many parts a message holds at most.
        between: whether a line goes between two parts.
    """
    messages: list[Message] = []
    texts: list[str] = []
    blocks: list[JSON] = []
    for text, own in parts:
        longer = [*blocks, divider(), *own] if between and blocks else [*blocks, *own]
        full = (
            len(longer) > MAX_BLOCKS
            or size(longer) > PACKED
            or len(texts) >= most
            or sum(map(len, texts)) + len(text) + len(texts) > MAX_TEXT
        )
        if blocks and full:
            messages.append(Message("\n".join(texts), blocks))
            texts, longer = [], own
        texts.append(text)
        blocks = longer
    if blocks:
        messages.append(Message("\n".join(texts), blocks))
    return messages
