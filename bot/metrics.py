"""What Beambot counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

# What is counted by name is there from the start: of a counter that appears as 1, Prometheus cannot
# tell that it went up. https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
_POLLS = ("ok", "held back", "unreachable", "unauthorized", "gone")
_FAILED = ("TryLater", "OutcomeUnknown", "ChannelClosed", "WorkspaceClosed", "NeverDeliverable")
_DELIVERIES = {
    "card": ("sent", "found"),
    "news": ("sent", "found"),
    "edit": ("sent", "gone", "dead", *_FAILED),
    "post": _FAILED,
}
_ERRORS = ("poll", "record", "deliver", "request")
_LOOPS = ("poll", "deliver")


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
        self._budget = Gauge(
            "beambot_beam_budget",
            "Requests a second that Beam may be sent now; 429s shrink it.",
            registry=self._registry,
        )
        self._wanted = Gauge(
            "beambot_beam_wanted",
            "Requests a second that all watched tasks ask for; above the budget all wait longer.",
            registry=self._registry,
        )
        self._short = Gauge(
            "beambot_beam_accounts_short",
            "Beam accounts whose tasks ask for more than their budget.",
            registry=self._registry,
        )
        self._used = Counter(
            "beambot_beam_requests", "Requests that were sent to Beam.", registry=self._registry
        )
        self._used_before = 0
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
        self._overdue = Gauge(
            "beambot_most_overdue_poll_seconds",
            "How late the most overdue check is.",
            registry=self._registry,
        )
        self._tick_age = Gauge(
            "beambot_last_tick_seconds",
            "Seconds since a loop last looked for due work; -1 before the first time.",
            # Not "job": that label is Prometheus' own.
            ["loop"],
            registry=self._registry,
        )
        self._database = Gauge(
            "beambot_database_up", "Whether the database can be written.", registry=self._registry
        )
        self._ready = Gauge(
            "beambot_ready", "Whether each part is ready.", ["part"], registry=self._registry
        )
        self._acks = Histogram(
            "beambot_ack_seconds",
            "From the arrival of a request from Slack to its acknowledgement.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
            registry=self._registry,
        )
        self._requests = Counter(
            "beambot_requests",
            "What people asked for, by way and result.",
            ["via", "result"],
            registry=self._registry,
        )
        self._refused = Counter(
            "beambot_refused_requests",
            "HTTP requests refused in front of Bolt, by status.",
            ["status"],
            registry=self._registry,
        )
        self._errors = Counter(
            "beambot_errors",
            "Failures that nobody foresaw, by where they happened.",
            ["where"],
            registry=self._registry,
        )
        self._owed_since = Gauge(
            "beambot_oldest_owed_seconds",
            "Age of the oldest message that is owed; 0 if none is.",
            registry=self._registry,
        )
        for result in _POLLS:
            self._polls.labels(result)
        for kind, results in _DELIVERIES.items():
            for result in results:
                self._deliveries.labels(kind, result)
        for where in _ERRORS:
            self._errors.labels(where)
        for loop in _LOOPS:
            self._tick_age.labels(loop).set(-1)

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

    def acknowledged(self, seconds: float) -> None:
        """Note how long an acknowledgement took."""
        self._acks.observe(seconds)

    def requested(self, via: str, result: str) -> None:
        """Count something a person asked for."""
        self._requests.labels(via, result).inc()

    def refused(self, status: int) -> None:
        """Count a request that was refused."""
        self._refused.labels(str(status)).inc()

    def failed(self, where: str) -> None:
        """Count a failure that nobody foresaw."""
        self._errors.labels(where).inc()

    def database(self, *, up: bool) -> None:
        """Note whether the database can be used."""
        self._database.set(up)

    def stored(self, *, watched: int, overdue: float, oldest_owed: float) -> None:
        """Note what the database says: tasks polled, and the worst delays in seconds."""
        self._watched.set(watched)
        self._overdue.set(overdue)
        self._owed_since.set(oldest_owed)

    def budget(self, *, rate: float, wanted: float, short: int, used: int) -> None:
        """Note the budgets of requests to Beam, of all accounts together.

        Args:
            rate: requests a second that may be sent.
            wanted: requests a second that are asked for.
            short: accounts that ask for more than they may send.
            used: requests since the start.
        """
        self._budget.set(rate)
        self._wanted.set(wanted)
        self._short.set(short)
        self._used.inc(used - self._used_before)
        self._used_before = used

    def part(self, name: str, *, ready: bool) -> None:
        """Note whether a part is ready."""
        self._ready.labels(name).set(ready)

    def tick_age(self, loop: str, seconds: float) -> None:
        """Note how long ago a loop last looked for due work."""
        self._tick_age.labels(loop).set(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
