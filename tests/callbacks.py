"""Callbacks as Beam sends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time


def signed(task: str, key: str, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a callback.

    Args:
        task: the id of the task that has ended.
        key: the signing key.
        at: when it was signed, in seconds since 1970; now if not given.
    """
    body = json.dumps({"data": {"ok": True}}).encode()
    timestamp = str(int(at or time.time()))
    message = base64.b64encode(body) + b":" + timestamp.encode()
    headers = {
        "X-Task-ID": task,
        "X-Task-Status": "COMPLETE",
        "X-Task-Timestamp": timestamp,
        "X-Task-Signature": hmac.new(key.encode(), message, hashlib.sha256).hexdigest(),
    }
    return body, headers
