"""Check that a message is within Slack's limits and that nothing in it acts but what we wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bot.slack.blocks.message import Message, check
from demo.workspace.blockkit import message_problems

# Everything that Slack would act on starts like this; escaped, it would be "&lt;".
_ACTIVE = re.compile(r"<([^<>]*)>")
_OUR_LINKS = ("https://slack/", "https://slack.example/", "https://o.example/")


def formatted(value: Any) -> Iterator[str]:
    """Yield all texts in which mentions and links act, and none of those in which they do not."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from formatted(item)


def shown_only(message: Message, *people: str) -> None:
    """Check a message.

    Args:
        message: what Slack would get.
        people: those who may be mentioned in it.
    """
    check(message)
    assert message_problems(message.blocks) == []
    for text in [message.text, *formatted(message.blocks)]:
        text.encode()  # half a surrogate pair cannot be sent
        for inside in _ACTIVE.findall(text):
            assert allowed(inside, people), (inside, text)
        # What is left is ours alone: whoever wrote it escaped the rest.
        left = _ACTIVE.sub("", text)
        assert "<" not in left, text
        assert ">" not in re.sub(r"(?m)^> ", "", left), text


def allowed(inside: str, people: tuple[str, ...]) -> bool:
    """Tell whether we would write that between angle brackets ourselves."""
    if inside.startswith("@"):
        return inside[1:] in people
    if inside.startswith("!date^"):
        return re.fullmatch(r"!date\^\d+\^[^|^]*\|[\d :UTC-]+", inside) is not None
    return inside.startswith(_OUR_LINKS)
