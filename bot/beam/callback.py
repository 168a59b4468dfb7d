"""Beam's task callbacks: whether Beam signed one, and about which task it speaks.

Beam posts to a task's ``callback_url`` when the task has ended, with
``X-Task-Signature`` = hex HMAC-SHA256(signing key, base64(body) + ":" + timestamp)
(docs.beam.cloud, task callbacks; beam-cloud/beta9, ``pkg/auth/sign.go``). The headers with the id
and the status are *not* signed, so a callback proves nothing: it is a hint to look at that task.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.tasks import TaskId, parse_task_id

TOLERANCE = timedelta(hours=24)
"""How old a callback may be. Retries repeat the first attempt's timestamp, and Beam's documentation
and source disagree on whether it is the time of the signature or of the task's creation."""

_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Forged(Exception):
    """Not signed by Beam with our key, or too old."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that somebody with the key has signed."""

    task_id: TaskId
    signature: str
    """Lower case; the same for a repetition."""


def read_callback(headers: Mapping[str, str], body: bytes, *, key: str, now: datetime) -> Callback:
    """Check a callback's signature and age; return what it is about.

    Args:
        headers: the request's headers, in any case.
        body: the request's body as received.
        key: the Beam workspace's signing key, verbatim (``BEAM_CALLBACK_KEY``).
        now: the current time.

    Raises:
        Forged: the signature does not fit, or the callback is older than a day.
        ValueError: it is signed, but names no task.
    """
    signature = headers.get("x-task-signature", "")
    timestamp = headers.get("x-task-timestamp", "")
    if not _SIGNATURE.fullmatch(signature) or not _TIMESTAMP.fullmatch(timestamp):
        raise Forged("not signed")
    signed = base64.b64encode(body) + b":" + timestamp.encode()
    expected = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature.lower()):
        raise Forged("wrong signature")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > TOLERANCE:
        raise Forged("too old")
    task_id = parse_task_id(headers.get("x-task-id", "").strip())
    if task_id is None:
        raise ValueError("no task id")
    return Callback(task_id, signature.lower())
