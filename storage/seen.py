"""Requests that were taken already, so that a repetition does nothing."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from storage.database import Database, upsert
from storage.tables import requests_seen

KEPT = timedelta(hours=1)
"""Longer than a signature holds (5 minutes) and than Slack repeats an event."""

KEY_MAX = 128
"""Longest key that is kept as it is, in characters; Slack's own are far shorter."""


class SeenStore:
    """Queries over ``requests_seen``.

    Every request waits for its note before anything is done for it, and requests come in bursts:
    all that wait while another transaction is under way are noted together.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Note] = []
        self._writing: asyncio.Task[None] | None = None

    async def known(self, team_id: str, key: str) -> bool:
        """Tell whether a request was noted, without waiting for anybody who writes.

        Raises:
            StorageUnavailable: the database does not say.
        """
        noted = select(requests_seen.c.key).where(
            requests_seen.c.team_id == team_id, requests_seen.c.key == _short(key)
        )
        return await self._database.read(lambda tx: tx.execute(noted).first() is not None)

    async def first(self, team_id: str, key: str, now: datetime) -> bool:
        """Note a request; tell whether it is the first time.

        Raises:
            StorageUnavailable: it could not be noted.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Note(team_id, _short(key), now, answer))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_together()
        finally:
            self._writing = None

    async def _write_together(self) -> None:
        notes: list[_Note] = []

        def work(tx: Connection) -> list[bool]:
            # Taken only now, when it is our turn to write; a second attempt takes more.
            notes.extend(self._waiting)
            self._waiting.clear()
            return [_insert(tx, one) for one in notes]

        try:
            answers = await self._database.write(work)
        except Exception as error:  # noqa: BLE001  # handed to everybody who waits for it
            # Also to those whose turn to write did not come.
            notes.extend(self._waiting)
            self._waiting.clear()
            for one in notes:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, first in zip(notes, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(first)

    async def purge(self, now: datetime) -> None:
        """Forget requests that cannot come again."""
        old = delete(requests_seen).where(requests_seen.c.seen_at < now - KEPT)
        await self._database.write(lambda tx: tx.execute(old))


@dataclass(frozen=True, slots=True)
class _Note:
    """A request to be noted, and who waits for the answer."""

    team_id: str
    key: str
    now: datetime
    answer: asyncio.Future[bool]


def _short(key: str) -> str:
    if len(key) <= KEY_MAX:
        return key
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _insert(tx: Connection, one: _Note) -> bool:
    result = tx.execute(
        upsert(tx, requests_seen)
        .values(team_id=one.team_id, key=one.key, seen_at=one.now)
        .on_conflict_do_nothing()
        # What was written, not how much: PostgreSQL's driver does not count rows of an insert.
        .returning(requests_seen.c.key)
    )
    return result.first() is not None
