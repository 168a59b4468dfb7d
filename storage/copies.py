"""Which copies of the bot are alive, by the database's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select

from storage.batches import CLOCK_SLACK
from storage.database import Database, database_time, upsert
from storage.tables import copies

LIVE_FOR = timedelta(seconds=15)
"""How long after its last beat a copy counts as alive: two beats may be missed."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a copy learns when it says that it is alive."""

    at: datetime
    """The database's time …"""
    between: tuple[float, float]
    """… and between which seconds of this copy's it was told."""
    alive: int
    """How many copies are alive, this one too."""


class CopyStore:
    """Queries over ``copies``.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(
        self, copy_id: str, elapsed: Callable[[], float] = time.monotonic, *, instead_of: str = ""
    ) -> Beat:
        """Say that a copy is alive; forget those that are not.

        Args:
            copy_id: the copy.
            elapsed: this copy's seconds.
            instead_of: how the ids begin of copies that this one takes the place of.
        """

        def work(tx: Connection) -> Beat:
            began = elapsed()
            now = database_time(tx)
            between = (began, elapsed())
            if instead_of:
                tx.execute(delete(copies).where(copies.c.id.startswith(instead_of)))
            row = upsert(tx, copies).values(id=copy_id, beat_at=now)
            tx.execute(row.on_conflict_do_update(index_elements=["id"], set_={"beat_at": now}))
            # A time ahead was written before the clock was set back.
            silent = or_(copies.c.beat_at < now - LIVE_FOR, copies.c.beat_at > now + CLOCK_SLACK)
            tx.execute(delete(copies).where(silent))
            alive = tx.execute(select(func.count()).select_from(copies)).scalar_one()
            return Beat(now, between, alive)

        return await self._database.write(work)

    async def leave(self, copy_id: str) -> None:
        """Say that a copy ends, so that the others need not wait for its silence."""
        mine = delete(copies).where(copies.c.id == copy_id)
        await self._database.write(lambda tx: tx.execute(mine))
