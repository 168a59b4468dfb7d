"""Callbacks: signed with our key and recent, or nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from bot.beam.callback import TOLERANCE, Forged, read_callback

TASK = "07ce4078-bccc-4a42-b530-5f2653484a6a"
KEY = "sk_test"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BODY = b'{"data": null}'


def signed(body: bytes = BODY, at: datetime = NOW, key: str = KEY) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    message = base64.b64encode(body) + b":" + timestamp.encode()
    return {
        "x-task-id": TASK.upper(),
        "x-task-status": "COMPLETE",
        "x-task-timestamp": timestamp,
        "x-task-signature": hmac.new(key.encode(), message, hashlib.sha256).hexdigest(),
    }


def test_a_signed_callback_is_about_the_task_that_it_names() -> None:
    callback = read_callback(signed(), BODY, key=KEY, now=NOW)
    assert callback.task_id == TASK
    upper = signed() | {"x-task-signature": signed()["x-task-signature"].upper()}
    assert read_callback(upper, BODY, key=KEY, now=NOW) == callback


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, b'{"data": 1}'),
        ({"x-task-timestamp": "1767268801"}, BODY),
        ({"x-task-timestamp": "soon"}, BODY),
        ({"x-task-timestamp": "9" * 20}, BODY),
        ({"x-task-signature": ""}, BODY),
        ({"x-task-signature": "é" * 64}, BODY),
        ({"x-task-signature": "0" * 64}, BODY),
    ],
)
def test_what_was_changed_is_forged(changes: dict[str, str], body: bytes) -> None:
    with pytest.raises(Forged):
        read_callback(signed() | changes, body, key=KEY, now=NOW)


def test_another_key_and_another_day_are_forged() -> None:
    with pytest.raises(Forged):
        read_callback(signed(key="sk_other"), BODY, key=KEY, now=NOW)
    late = NOW + TOLERANCE + timedelta(seconds=1)
    with pytest.raises(Forged, match="too old"):
        read_callback(signed(), BODY, key=KEY, now=late)


def test_a_signed_callback_without_a_task_is_no_callback() -> None:
    with pytest.raises(ValueError, match="no task id"):
        read_callback(signed() | {"x-task-id": "../../x"}, BODY, key=KEY, now=NOW)
