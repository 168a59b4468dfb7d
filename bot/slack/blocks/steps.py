"""Changes of status in words: from where to where, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.slack.blocks.message import code, duration
from bot.tasks.records import Step

STEPS_SHOWN = 12


def path(steps: Sequence[Step]) -> str:
    """Return all statuses on the way, the first before the first step."""
    passed = [steps[0].old, *(step.new for step in steps)]
    if len(passed) > STEPS_SHOWN:
        # A task that retries for hours would fill the thread; its start and its end matter.
        start = " → ".join(code(status, 40) for status in passed[:3])
        end = " → ".join(code(status, 40) for status in passed[-(STEPS_SHOWN - 4) :])
        return f"{start} → … → {end}"
    return " → ".join(code(status, 40) for status in passed)


def spent(step: Step) -> str:
    """Return how long a step took, to go on a sentence; empty if that is not known."""
    if step.new.in_flight:
        time: timedelta | None = step.waited
        if step.new == "RUNNING" and time is not None:
            return f" after waiting {duration(time)}"
        if step.new == "RETRY" and step.ran is not None:
            return f" after running {duration(step.ran)}"
        return ""
    told = []
    if step.ran is not None:
        told.append(f"running {duration(step.ran)}")
    if step.waited is not None:
        told.append(f"waiting {duration(step.waited)}")
    return f" after {' and '.join(told)}" if told else ""
