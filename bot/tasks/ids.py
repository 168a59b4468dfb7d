"""Task ids, found in and parsed strictly from what people type and paste."""

from __future__ import annotations

import re
from typing import NewType

#: A task id in its canonical form: a lower-case UUID with hyphens.
TaskId = NewType("TaskId", str)

PREFIX_MIN = 8
"""Shortest prefix of an id that is looked up among a channel's watches."""

# ASCII only: \d and \w would take other scripts' digits. A UUID must not be part of a longer
# run of the same characters, or the middle of some other identifier would become a "task". The
# exception is a hyphenated name in front: container ids read "endpoint-<uuid>-8b747792".
_UUID = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z-])",
    re.ASCII,
)
_PREFIX = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}", re.ASCII | re.IGNORECASE)


def parse_task_id(text: str) -> TaskId | None:
    """Return the id if ``text`` is exactly one UUID in any case, else ``None``."""
    return TaskId(text.lower()) if _UUID.fullmatch(text) else None


def find_task_ids(text: str) -> list[TaskId]:
    """Return every task id in ``text`` (a word, a link, a pasted log), first seen first, once."""
    return list(dict.fromkeys(TaskId(match.lower()) for match in _UUID.findall(text)))


def is_id_prefix(text: str) -> bool:
    """Tell whether ``text`` could be the start of a task id (8 or more of its characters)."""
    if not _PREFIX.fullmatch(text) or len(text) >= 36:
        return False
    shape = "00000000-0000-0000-0000-000000000000"[: len(text)]
    return all((have == "-") == (want == "-") for have, want in zip(text, shape, strict=True))
