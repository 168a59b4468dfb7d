"""Parts of payloads, checked before they are used or stored.

A payload that is not as documented is told and logged by the guard, like all that fails; what
gets past here is safe to store. No message quotes the payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

ID_MAX = 255
"""Longest id that is taken, in characters; Slack's have about 12, its triggers 60."""


def part(body: Body, name: str, default: Body | None = None) -> Body:
    """Return an object inside a payload; ``default`` if there is none."""
    part = body.get(name)
    if part is None and default is not None:
        return default
    if not isinstance(part, Mapping):
        raise ValueError(f"no usable {name} in the payload")
    return part


def first(body: Body, name: str) -> Body:
    """Return the first of a list of objects."""
    items = body.get(name)
    if not isinstance(items, list) or not items or not isinstance(items[0], Mapping):
        raise ValueError(f"no usable {name} in the payload")
    return items[0]


def an_id(body: Body, name: str, longest: int = ID_MAX) -> str:
    """Return an id, a timestamp or an address: something short in ASCII."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError(f"no usable {name} in the payload")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError(f"no usable {name} in the payload")
    return value


def maybe_id(body: Body, name: str) -> str | None:
    """Return an id if there is one."""
    return None if body.get(name) in (None, "") else an_id(body, name)


def text(body: Body, name: str) -> str:
    """Return what somebody wrote, empty if nothing."""
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise ValueError(f"no usable {name} in the payload")
    return value


def trigger(body: Body) -> str:
    """Return what makes an interaction one of its kind."""
    return f"trigger:{an_id(body, 'trigger_id')}"
