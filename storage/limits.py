"""How many tasks a workspace and a channel may watch, asked in the transaction that adds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from bot.tasks.records import Place
from storage.tables import watches

IN_WORKSPACE = 100_000
"""Active watches of one workspace. With 50 requests a second to Beam each is looked at about every
half hour then: more would be news of yesterday."""

IN_CHANNEL = 10_000
"""Active watches of one channel and Beam account. Slack takes a message a second in a channel:
the ends alone of so many are three hours of messages, which nobody reads."""

COUNTED_FOR = timedelta(seconds=10)
"""How long it is remembered how many a workspace has: counting 100,000 takes milliseconds, in
SQLite with all other writers waiting."""

NEARLY = 2_000
"""With so little room left it is counted anew each time."""

_REMEMBERED = 10_000


class TooMany(Exception):
    """More would be watched than may be; nothing was written.

    Args:
        most: how many may be.
        room: how many more could be added.
        in_channel: whether it is the channel that has too many, not the workspace.
    """

    def __init__(self, most: int, room: int, *, in_channel: bool) -> None:
        super().__init__(f"{most} at most, room for {room}")
        self.most = most
        self.room = room
        self.in_channel = in_channel


@dataclass(slots=True)
class _Counted:
    at: datetime
    watches: int


class WatchLimits:
    """Lets watches be added as long as there is room.

    Several copies that add at the same moment may together exceed a limit by what each of them
    adds: it is there to keep a mistake from growing, not to be exact.

    Args:
        in_workspace: how many a workspace may have.
        in_channel: how many a channel may have of one account.
    """

    def __init__(self, in_workspace: int = IN_WORKSPACE, in_channel: int = IN_CHANNEL) -> None:
        self._in_workspace = in_workspace
        self._in_channel = in_channel
        self._counted: dict[str, _Counted] = {}

    def require(self, tx: Connection, place: Place, more: int, now: datetime) -> None:
        """Return if a channel may watch ``more`` tasks.

        Raises:
            TooMany: it may not.
        """
        if more == 0:
            return
        here = self._in_channel - _count(tx, place.team_id, place.account, place.channel_id)
        if more > here:
            raise TooMany(self._in_channel, max(0, here), in_channel=True)
        known = self._counted.get(place.team_id)
        if known is None or self._is_old(known, more, now):
            known = _Counted(now, _count(tx, place.team_id))
        room = self._in_workspace - known.watches
        if more > room:
            raise TooMany(self._in_workspace, max(0, room), in_channel=False)
        # If the transaction fails after all, it is only counted anew the sooner.
        known.watches += more
        self._remember(place.team_id, known)

    def _is_old(self, known: _Counted, more: int, now: datetime) -> bool:
        near = known.watches + more > self._in_workspace - NEARLY
        return near or abs(now - known.at) > COUNTED_FOR

    def _remember(self, team_id: str, known: _Counted) -> None:
        # Those that have added nothing for longest go first.
        self._counted.pop(team_id, None)
        self._counted[team_id] = known
        if len(self._counted) > _REMEMBERED:
            del self._counted[next(iter(self._counted))]


def _count(tx: Connection, team_id: str, account: str = "", channel_id: str = "") -> int:
    active = select(func.count()).where(watches.c.team_id == team_id, watches.c.ended_at.is_(None))
    if channel_id:
        active = active.where(watches.c.account == account, watches.c.channel_id == channel_id)
    return int(tx.execute(active).scalar_one())
