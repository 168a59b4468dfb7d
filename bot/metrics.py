"""What Beambot counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """The meter of the services, in a registry of its own.

    Args:
        registry: where the metrics live; a fresh one if not given.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry or CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._polls = Counter(
            "beambot_polls",
            "Checks of watched tasks, by what Beam answered.",
            ["result"],
            registry=self._registry,
        )
        self._lag = Histogram(
            "beambot_poll_lag_seconds",
            "How late a check came after it was due.",
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self._registry,
        )
        self._transitions = Counter(
            "beambot_transitions", "Changes of status that were recorded.", registry=self._registry
        )
        self._deliveries = Counter(
            "beambot_deliveries",
            "Attempts to send to Slack, by kind and result.",
            ["kind", "result"],
            registry=self._registry,
        )
        self._watched = Gauge(
            "beambot_watched_tasks", "Tasks that are polled.", registry=self._registry
        )
        self._owed_since = Gauge(
            "beambot_oldest_owed_seconds",
            "Age of the oldest message that is owed; 0 if none is.",
            registry=self._registry,
        )

    def polled(self, result: str) -> None:
        """Count a look at a task by its result."""
        self._polls.labels(result).inc()

    def behind(self, seconds: float) -> None:
        """Note how late a look came."""
        self._lag.observe(seconds)

    def transitions(self, count: int) -> None:
        """Count recorded changes of status."""
        self._transitions.inc(count)

    def delivered(self, kind: str, result: str) -> None:
        """Count an attempt to deliver by kind and result."""
        self._deliveries.labels(kind, result).inc()

    def stored(self, *, watched: int, oldest_owed: float) -> None:
        """Note what the database says: tasks polled, and the age of the oldest debt in seconds."""
        self._watched.set(watched)
        self._owed_since.set(oldest_owed)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
