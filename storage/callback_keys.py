"""The keys that Beam signs the callbacks of connected accounts with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from storage.audit import note
from storage.database import Database
from storage.tables import beam_accounts


class CallbackKeyStore:
    """Queries over the keys in ``beam_accounts``; they leave it only as they are kept, encrypted.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[tuple[str, str], str]:
        """Return the encrypted key of every account that has one, by workspace and account."""
        keys = select(
            beam_accounts.c.team_id, beam_accounts.c.name, beam_accounts.c.callback_key
        ).where(beam_accounts.c.callback_key.is_not(None))
        rows = await self._database.read(lambda tx: tx.execute(keys).all())
        return {(row.team_id, row.name): row.callback_key for row in rows}

    async def remove(self, team_id: str, name: str, actor_id: str, now: datetime) -> bool:
        """Forget an account's key; tell whether there was one."""

        def work(tx: Connection) -> bool:
            there = (
                beam_accounts.c.team_id == team_id,
                beam_accounts.c.name == name,
                beam_accounts.c.callback_key.is_not(None),
            )
            found = select(beam_accounts.c.name).where(*there).with_for_update()
            if tx.scalar(found) is None:
                return False
            tx.execute(update(beam_accounts).where(*there).values(callback_key=None))
            note(tx, team_id, actor_id, "account.remove_key", {"account": name}, now)
            return True

        return await self._database.write(work)
