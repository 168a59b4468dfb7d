"""The documented example of Beam's API, byte for byte, rendered completely."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from bot.beam.models import parse_task
from bot.slack.blocks.message import check
from bot.slack.blocks.task_card import CardButtons, task_card
from bot.tasks import TaskId
from bot.tasks.records import KnownTask

PAYLOAD = Path(__file__).parents[2] / "payloads" / "documented_task.json"


def test_every_field_of_the_documented_task_is_on_its_card() -> None:
    body = PAYLOAD.read_bytes()
    task = parse_task(body, expected=TaskId(json.loads(body)["id"]))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    buttons = CardButtons.looked_up(watched=False)
    message = task_card(KnownTask(task, now), now=now, buttons=buttons)
    check(message)
    shown = str(message.blocks)
    assert task.id in shown
    assert task.label in shown
    assert str(task.status) in shown
    assert task.container_id is not None
    assert task.container_id in shown
    for name in ("Waited", "Ran", "Created", "Started", "Ended", "Resources", "Limits"):
        assert f"*{name}*" in shown, name
