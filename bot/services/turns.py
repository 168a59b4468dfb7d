"""How many things are in hand of each workspace, so that none takes all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

AT_ONCE = 64
"""Channels that one copy serves side by side. A turn is a call to Slack and a few short
transactions; a Slack that answers nothing holds it for 15 s."""

OF_ONE = 16
"""Channels of one workspace among them: 16 messages a second are more than Slack takes of a
workspace for long, and a workspace whose calls all hang leaves three quarters to the others."""


class Turns:
    """Shares turns between workspaces.

    A workspace that wants many may have as many as are left free beside them, up to its own
    bound (dynamic thresholds, Choudhury and Hahne 1998). So few may have many each, many have
    few each, and something is left for who comes next.

    Args:
        at_once: turns in all.
        of_one: turns of one workspace.
    """

    def __init__(self, at_once: int = AT_ONCE, of_one: int = OF_ONE) -> None:
        self._at_once, self._of_one = at_once, of_one
        self._held: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """How many are left; a probe of a closed workspace may come on top of all."""
        return max(0, self._at_once - self._held.total())

    def full(self) -> frozenset[str]:
        """Return the workspaces that may have no more now."""
        return frozenset(one for one in self._held if not self._room(self._held[one], self.free))

    def share(self, waiting: Sequence[str]) -> dict[str, int]:
        """Return how many turns each of the workspaces that wait gets in this round."""
        free, wanted = self.free, dict[str, int]()
        # One part is for whoever comes next.
        each = max(1, free // (len(waiting) + 1))
        for one in waiting:
            if most := min(each, self._room(self._held[one], free)):
                wanted[one] = most
                free -= most
        return wanted

    def begin(self, team_id: str) -> None:
        """Note that a turn has begun."""
        self._held[team_id] += 1

    def end(self, team_id: str) -> None:
        """Note that a turn is over."""
        self._held[team_id] -= 1
        if not self._held[team_id]:
            del self._held[team_id]

    def _room(self, held: int, free: int) -> int:
        # After so many more it has as many as are left free, and one more rather than none.
        return max(0, min(self._of_one - held, (free - held + 1) // 2))
