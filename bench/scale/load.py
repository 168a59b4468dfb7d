"""What a day asks for, minute by minute, and the worst of one channel, workspace and account."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MINUTES = 1_440
NAMES = ("checks", "found", "beam", "posts", "edits", "requests", "watches", "watched")
"""What is counted: looks of the poller; those that found something new; all requests to Beam;
messages; edits; what people asked for; of that, requests to watch; tasks polled at once."""


@dataclass(slots=True)
class Load:
    """A day; it is a circle: what runs on after midnight stands for yesterday's."""

    minutes: dict[str, list[float]] = field(
        default_factory=lambda: {name: [0.0] * MINUTES for name in NAMES}
    )
    worst: dict[str, float] = field(default_factory=dict)
    """The most in one place, by what."""
    rows: Counter[str] = field(default_factory=Counter)
    """Rows that are added in the day, by table."""

    def count(self, name: str, seconds: float) -> None:
        """Note that something happened."""
        self.minutes[name][int(seconds // 60) % MINUTES] += 1

    def lasted(self, since: float, until: float) -> None:
        """Note that a task was polled from one moment to another."""
        first, last = int(since // 60), int(until // 60)
        for minute in range(first, min(last, first + MINUTES - 1) + 1):
            self.minutes["watched"][minute % MINUTES] += 1

    def note(self, name: str, value: float) -> None:
        """Keep the largest value."""
        self.worst[name] = max(self.worst.get(name, 0.0), value)

    def add(self, other: Load, weight: float) -> None:
        """Add the day of a workspace that stands for ``weight`` of its like.

        Their hours are alike, their minutes do not coincide: what stands for several is spread
        over the hour around it.
        """
        for name, values in other.minutes.items():
            mine = self.minutes[name]
            for minute, value in enumerate(_spread(values) if weight > 1 else values):
                if value:
                    mine[minute] += weight * value
        for name, value in other.worst.items():
            self.note(name, value)
        for table, number in other.rows.items():
            self.rows[table] += number * weight  # type: ignore[assignment]  # of a sample

    def total(self, name: str) -> float:
        """Return how often something happened in the day."""
        return sum(self.minutes[name])

    def mean(self, name: str) -> float:
        """Return how often something happened, a second; of ``watched``, how many there are."""
        return self.total(name) / (MINUTES if name == "watched" else MINUTES * 60)

    def peak(self, name: str) -> float:
        """Return the same of the busiest minute."""
        return max(self.minutes[name]) / (1 if name == "watched" else 60)


def _spread(values: list[float]) -> list[float]:
    """Return the mean of the hour around each minute."""
    half = 30
    window = sum(values[-half:]) + sum(values[: half + 1])
    spread = []
    for minute in range(MINUTES):
        spread.append(window / (2 * half + 1))
        window += values[(minute + half + 1) % MINUTES] - values[minute - half]
    return spread


@dataclass(frozen=True, slots=True)
class Days:
    """One day or several of the same workspaces: the mean of the means, the worst of the rest."""

    loads: tuple[Load, ...]

    def mean(self, name: str) -> float:
        """Return how often something happens, a second; of ``watched``, how many there are."""
        return sum(one.mean(name) for one in self.loads) / len(self.loads)

    def peak(self, name: str) -> float:
        """Return the same of the busiest minute of all days."""
        return max(one.peak(name) for one in self.loads)

    def worst(self, name: str) -> float:
        """Return the most in one place of all days."""
        return max(one.worst.get(name, 0.0) for one in self.loads)

    def rows(self, table: str) -> float:
        """Return how many rows a day adds to a table."""
        return sum(one.rows[table] for one in self.loads) / len(self.loads)
