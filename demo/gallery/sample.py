"""A sample: one builder of what people see, and what it makes of ordinary, extreme and no data."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bot.slack.blocks as blocks
from bot.slack.blocks.message import JSON, Message

Seen = Message | list[Message] | JSON
EXTREME = "extreme"
"""How the cases begin that hold hostile or endless data: not for the page of words."""

_PARTS = ("chart", "elements", "message", "words")
"""Modules whose functions make parts of messages, not messages."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one builder makes, in several cases."""

    builder: Callable[..., Any]
    when: str
    """When people see it, as a heading."""
    cases: dict[str, Callable[[], Seen]]

    @property
    def name(self) -> str:
        """The builder, as it is called in the code."""
        return f"{self.builder.__module__.rsplit('.', 1)[-1]}.{self.builder.__name__}"

    def seen(self) -> Iterator[tuple[str, Message | JSON]]:
        """Yield each case's name with each message or view that it makes."""
        for name, make in self.cases.items():
            made = make()
            for one in made if isinstance(made, list) else [made]:
                yield name.replace("_", " "), one


def shows(builder: Callable[..., Any], when: str, **cases: Callable[[], Seen]) -> Sample:
    """Return a sample; at least a ``normal`` case, and ``extreme…`` ones for the worst data."""
    return Sample(builder, when, cases)


def builders() -> dict[str, Callable[..., Any]]:
    """Return every public function in ``bot/slack/blocks`` that makes a message or a view."""
    found: dict[str, Callable[..., Any]] = {}
    for module_info in pkgutil.iter_modules(blocks.__path__):
        if module_info.name in _PARTS:
            continue
        module = importlib.import_module(f"{blocks.__name__}.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__ and not name.startswith("_")
            if own and _makes(name, str(function.__annotations__.get("return"))):
                found[f"{module_info.name}.{name}"] = function
    return found


def _makes(name: str, what: str) -> bool:
    whole = {part.strip() for part in what.split("|")} & {"Message", "list[Message]", "JSON"}
    # A button is JSON too: it is seen in the cards that have it.
    return bool(whole) and not name.endswith("_button")
