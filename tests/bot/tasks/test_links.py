"""Links to Beam's dashboard, and the task that they lead to."""

from __future__ import annotations

import pytest

from bot.tasks.links import task_in_link

A = "07ce4078-bccc-4a42-b530-5f2653484a6a"
B = "8b747792-5303-4a42-b530-07ce40786a5f"
BEAM = "https://platform.beam.cloud"


@pytest.mark.parametrize(
    ("url", "task"),
    [
        (f"{BEAM}/tasks/{A}", A),
        (f"{BEAM}/tasks/{A.upper()}?tab=logs#end", A),
        (f"http://PLATFORM.beam.cloud/task/{A}", A),
        (f"{BEAM}/{B}/tasks/{A}", A),
        (f"{BEAM}/deployments/{B}?task={A}", A),
        (f"{BEAM}/apps/{B}/{A}", A),
        (f"{BEAM}/tasks", None),
        (f"{BEAM}:bad/tasks/{A}", A),
        (f"https://{B}.app.beam.cloud/{A}", None),
        (f"https://docs.beam.cloud/{A}", None),
        (f"https://platform.beam.cloud.evil.example/tasks/{A}", None),
        (f"https://evil.example/?{BEAM}/tasks/{A}", None),
        (f"https://platform.beam.cloud@evil.example/tasks/{A}", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_the_task_of_a_link(url: str, task: str | None) -> None:
    assert task_in_link(url) == task
