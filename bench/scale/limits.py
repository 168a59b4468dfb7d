"""Which limits there are, how near so many workspaces are to each, and what happens there."""

from __future__ import annotations

from dataclasses import dataclass

from bench.scale.model import Model
from bench.scale.needs import Needs
from bot.services.accounts import CLIENTS_MOST
from bot.services.deliver import EDIT_PACE, POST_PACE
from bot.services.habits import KEPT_MOST
from bot.services.poll import IN_HAND_MOST, WORKERS
from bot.services.turns import AT_ONCE
from storage.database import CONNECTIONS

EVENTS_MOST = 30_000
"""Events an hour from one workspace: https://docs.slack.dev/reference/events/app_rate_limited"""
EDITS_MOST = 50
"""Edits a minute in one workspace, as documented for tier 3 methods such as chat.update:
https://docs.slack.dev/apis/web-api/rate-limits"""
SOCKETS_MOST = 10
"""Socket Mode connections of one app: https://github.com/slackapi/node-slack-sdk/issues/1654"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and the load on it."""

    what: str
    most: float
    loads: tuple[float, ...]
    """One for each number of workspaces."""
    whose: str
    """``place``: of one channel, workspace or account, however many there are; ``copy``: of one
    process, moved by more of them; ``all``: of everything together."""
    then: str
    """What the product does there, and what the operator may do."""

    def share(self, place: int) -> float:
        """Return how much of the limit is used."""
        return self.loads[place] / self.most

    def reached(self, counts: list[int]) -> str:
        """Return with about how many workspaces it is reached, if their number matters."""
        if self.whose == "place":
            return "any number with one like that"
        return f"about {float(f'{counts[-1] / self.share(-1):.1g}'):,.0f}"


def limits(model: Model, found: list[Needs]) -> list[Limit]:
    """Return all limits with their loads at the peak."""

    def worst(name: str, per: float = 1.0) -> tuple[float, ...]:
        return tuple(one.days.worst(name) / per for one in found)

    paced = "news of one card is folded into one message, the rest wait their turn"
    return [
        Limit(
            "messages a minute in the busiest channel",
            60 / POST_PACE.total_seconds(),
            worst("channel posts"),
            "place",
            f"{paced}; watch in groups, or in more channels",
        ),
        Limit(
            "messages a minute in the busiest workspace",
            model.posts_workspace,
            worst("workspace posts"),
            "place",
            "Slack answers 429: that channel waits as long as it asks; nothing is lost",
        ),
        Limit(
            "edits a minute in the busiest workspace",
            EDITS_MOST,
            worst("workspace edits"),
            "place",
            "Slack may answer 429: cards lag, replies do not; only the last state is shown",
        ),
        Limit(
            "edits a minute in the busiest channel",
            60 / EDIT_PACE.total_seconds(),
            worst("channel edits"),
            "place",
            "versions in between are skipped",
        ),
        Limit(
            "requests a second to the busiest Beam account",
            model.beam_limit,
            worst("account", 60),
            "place",
            "intervals are stretched alike; raise BEAM_RATE_LIMIT if Beam allows it",
        ),
        Limit(
            "requests an hour from the busiest workspace",
            EVENTS_MOST,
            worst("workspace hour"),
            "place",
            "Slack drops events; the rest goes on",
        ),
        Limit(
            "processor of one copy, cores",
            model.use,
            tuple(one.cores for one in found),
            "copy",
            "looks and messages come late; start more copies",
        ),
        Limit(
            "looks at once of the busiest Beam account, one copy",
            WORKERS,
            worst("account", 60 / model.beam_seconds),
            "place",
            "its looks wait, nobody else's; start more copies",
        ),
        Limit(
            "looks at once in one copy",
            IN_HAND_MOST,
            tuple(one.peak.beam * model.beam_seconds for one in found),
            "copy",
            "looks wait, in turns; start more copies",
        ),
        Limit(
            "channels at once in one copy",
            AT_ONCE,
            tuple((one.peak.posts + one.peak.edits) * model.slack_seconds for one in found),
            "copy",
            "messages wait; start more copies",
        ),
        Limit(
            "SQLite's one writer, share of the time",
            1.0,
            tuple(one.writer for one in found),
            "all",
            "everything waits; use PostgreSQL",
        ),
        Limit(
            f"connections to PostgreSQL, {CONNECTIONS} a copy",
            model.connections,
            tuple(float(CONNECTIONS * (one.copies + one.spare)) for one in found),
            "all",
            "a copy that gets none is not ready; raise max_connections",
        ),
        Limit(
            "Socket Mode connections, one a copy",
            SOCKETS_MOST,
            tuple(float(one.copies + one.spare) for one in found),
            "all",
            "further copies get no requests; use HTTP",
        ),
        Limit(
            "workspaces that a copy keeps at hand",
            CLIENTS_MOST,
            tuple(float(one.count) for one in found),
            "all",
            "the least used are read again when they are needed",
        ),
        Limit(
            "functions whose runs a copy keeps at hand",
            KEPT_MOST,
            tuple(one.functions for one in found),
            "all",
            "the least used are read again when they are needed, a query for each",
        ),
    ]


def first(all_of: list[Limit], place: int) -> Limit:
    """Return the limit of which most is used."""
    return max(all_of, key=lambda one: one.share(place))
