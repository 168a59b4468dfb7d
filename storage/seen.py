"""Requests that were taken already, so that a repetition does nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from storage.database import Database, upsert
from storage.tables import requests_seen

KEPT = timedelta(hours=1)
"""Longer than a signature holds (5 minutes) and than Slack repeats an event."""

KEY_MAX = 128
"""Longest key that is kept as it is, in characters; Slack's own are far shorter."""

ASKED_MOST = 500
"""Keys in one query: databases take only so many values."""


class SeenStore:
    """Queries over ``requests_seen``.

    Every request is looked for and noted before anything is done for it, and requests come in
    bursts: all that wait while another transaction is under way share the next one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reads = _Together(database.read, _known)
        self._writes = _Together(
            database.write, lambda tx, all_: [_insert(tx, one) for one in all_]
        )

    async def known(self, team_id: str, key: str) -> bool:
        """Tell whether a request was noted, without waiting for anybody who writes.

        Raises:
            StorageUnavailable: the database does not say.
        """
        return await self._reads.ask(_Note(team_id, _short(key)))

    async def first(self, team_id: str, key: str, now: datetime) -> bool:
        """Note a request; tell whether it is the first time.

        Raises:
            StorageUnavailable: it could not be noted.
        """
        return await self._writes.ask(_Note(team_id, _short(key), now))

    async def purge(self, now: datetime) -> None:
        """Forget requests that cannot come again."""
        old = delete(requests_seen).where(requests_seen.c.seen_at < now - KEPT)
        await self._database.write(lambda tx: tx.execute(old))


@dataclass(frozen=True, slots=True)
class _Note:
    """A request to be looked for, or to be noted."""

    team_id: str
    key: str
    now: datetime | None = None


class _Together:
    """Answers many questions in one transaction.

    Args:
        transact: runs work in a transaction.
        work: answers questions, in their order.
    """

    def __init__(
        self,
        transact: Callable[[Callable[[Connection], list[bool]]], Awaitable[list[bool]]],
        work: Callable[[Connection, Sequence[_Note]], list[bool]],
    ) -> None:
        self._transact = transact
        self._work = work
        self._waiting: list[tuple[_Note, asyncio.Future[bool]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, note: _Note) -> bool:
        """Return the answer to a question.

        Raises:
            StorageUnavailable: the transaction did not come about.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((note, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._answer()
        finally:
            self._running = None

    async def _answer(self) -> None:
        asked: list[tuple[_Note, asyncio.Future[bool]]] = []

        def work(tx: Connection) -> list[bool]:
            # Taken only now, when it is our turn; a second attempt takes more.
            asked.extend(self._waiting)
            self._waiting.clear()
            return self._work(tx, [note for note, _ in asked])

        try:
            answers = await self._transact(work)
        except Exception as error:  # noqa: BLE001  # handed to everybody who waits for it
            # Also to those whose turn did not come.
            asked.extend(self._waiting)
            self._waiting.clear()
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), said in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(said)


def _short(key: str) -> str:
    if len(key) <= KEY_MAX:
        return key
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _known(tx: Connection, asked: Sequence[_Note]) -> list[bool]:
    found: set[tuple[str, str]] = set()
    for first in range(0, len(asked), ASKED_MOST):
        part = asked[first : first + ASKED_MOST]
        noted = select(requests_seen.c.team_id, requests_seen.c.key).where(
            requests_seen.c.team_id.in_({one.team_id for one in part}),
            requests_seen.c.key.in_({one.key for one in part}),
        )
        found |= {(row.team_id, row.key) for row in tx.execute(noted)}
    return [(one.team_id, one.key) in found for one in asked]


def _noted(tx: Connection, asked: Sequence[_Note]) -> list[bool]:
    return [_insert(tx, one) for one in asked]


def _insert(tx: Connection, one: _Note) -> bool:
    result = tx.execute(
        upsert(tx, requests_seen)
        .values(team_id=one.team_id, key=one.key, seen_at=one.now)
        .on_conflict_do_nothing()
        # What was written, not how much: PostgreSQL's driver does not count rows of an insert.
        .returning(requests_seen.c.key)
    )
    return result.first() is not None
