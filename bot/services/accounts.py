"""Which Beam account is meant where, and the way to it."""

from __future__ import annotations

from bot.services.ports import Beam
from bot.tasks.records import DEFAULT_ACCOUNT


class OneAccount:
    """The account of the environment's token, wherever it is asked from.

    Args:
        beam: the way to it.
    """

    def __init__(self, beam: Beam) -> None:
        self._beam = beam

    async def of(self, team_id: str, channel_id: str) -> str:
        """Return the name of the account that a channel uses."""
        return DEFAULT_ACCOUNT

    async def client(self, team_id: str, account: str) -> Beam:
        """Return the way to an account."""
        return self._beam
