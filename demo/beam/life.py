"""What happens to a simulated task and when: scripts of steps, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset({"COMPLETE", "FAILED", "ERROR", "CANCELLED", "TIMEOUT", "EXPIRED"})
IN_FLIGHT = frozenset({"PENDING", "RUNNING", "RETRY"})


@dataclass(frozen=True, slots=True)
class Step:
    """One change: `after` seconds from the start of the script the task turns into `status`."""

    after: float
    status: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Life = tuple[Step, ...]

# What a cancel does, as a script that replaces the task's own. The API says `200 {}` to each.
CANCELS: Mapping[str, Life | None] = {
    "works": (Step(0, "CANCELLED"),),
    "ignored": None,
    "slow": (Step(8, "CANCELLED"),),
    "overwritten": (Step(0, "CANCELLED"), Step(12, "COMPLETE")),
}


def life(*steps: tuple[float, str] | tuple[float, str, Mapping[str, Any]]) -> Life:
    """Write a script briefly: `life((0, "PENDING"), (3, "RUNNING"), (60, "COMPLETE"))`."""
    return tuple(Step(*step) for step in steps)


def parse_life(raw: object) -> Life:
    """Read a script from JSON: `[[0, "PENDING"], [3, "RUNNING", {"container_id": "…"}]]`.

    Raises:
        ValueError: if it is not a list of such steps.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise ValueError("life must be a list of [after seconds, status] steps")
    steps = []
    for item in raw:
        match item:
            case [int() | float() as after, str() as status]:
                steps.append(Step(float(after), status))
            case [int() | float() as after, str() as status, dict() as fields]:
                steps.append(Step(float(after), status, fields))
            case _:
                raise ValueError(f"not a step of a life: {item!r}")
    return tuple(sorted(steps, key=lambda step: step.after))
