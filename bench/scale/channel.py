"""A channel of the simulation: what it is owed is sent as a turn of ``Deliverer`` sends it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bench.scale.lives import moment
from bench.scale.load import Load
from bot.services.deliver import EDIT_PACE, POST_PACE
from bot.services.fold import next_message
from storage.outbox import Delivery, Outbox

_NEVER = float("-inf")


@dataclass(slots=True)
class Channel:
    """What a channel is owed, and when it takes the next message and the next edit."""

    name: str
    owed: list[Delivery] = field(default_factory=list)
    stale: set[int] = field(default_factory=set)
    """Cards whose message lags behind."""
    due: float | None = None
    """When something may be sent next; ``None`` if nothing is owed."""
    posts: Counter[int] = field(default_factory=Counter)
    """Messages, by minute."""
    edits: Counter[int] = field(default_factory=Counter)
    _posted: set[int] = field(default_factory=set)
    _next_post: float = _NEVER
    _next_edit: float = _NEVER

    def serve(self, now: float, load: Load) -> None:
        """Send what may be sent now, a message and a card's edit before it, and plan the next."""
        batch = next_message(tuple(self.owed[: Outbox.BATCH]))
        about = batch[0].card.id if batch and batch[0].card else None
        for card_id in sorted(self.stale & self._posted, key=lambda one: (one != about, one)):
            if self._next_edit > now:
                break
            self.stale.remove(card_id)
            self._next_edit = now + EDIT_PACE.total_seconds()
            self.edits[int(now // 60)] += 1
            load.count("edits", now)
            if about is not None:
                break
        if batch and self._next_post <= now:
            self._post(batch, now, load)
        times = [self._next_post] if self.owed else []
        if self.stale & self._posted:
            times.append(self._next_edit)
        self.due = max(now, min(times)) if times else None

    def _post(self, batch: list[Delivery], now: float, load: Load) -> None:
        sent = {one.id for one in batch}
        self.owed = [one for one in self.owed if one.id not in sent]
        self._posted.update(one.card.id for one in batch if one.card)
        self._next_post = now + POST_PACE.total_seconds()
        self.posts[int(now // 60)] += 1
        load.count("posts", now)
        load.note("late", (moment(now) - batch[0].created_at).total_seconds())
