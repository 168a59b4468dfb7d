"""The engine and its transactions, and what is peculiar to SQLite, in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

T = TypeVar("T")

BUSY_TIMEOUT = 10.0
"""Seconds that SQLite waits for another process's transaction to end."""

_READ_ONLY = {"beambot_read": True}


class StorageUnavailable(Exception):
    """The database cannot be read or written now: locked, full, read-only, broken or gone.

    Args:
        reason: the database's own words, without the statement and its values.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Database:
    """Short, shielded transactions over one engine.

    Every use is one call of :meth:`read` or :meth:`write` with a plain function over a
    connection. There is nothing to await inside it, so no network call can end up in a
    transaction.

    Args:
        url: an async SQLAlchemy URL, such as ``sqlite+aiosqlite:///beambot.db``.
    """

    def __init__(self, url: str) -> None:
        self.engine = _new_engine(url)
        # SQLite has one writer. Waiting here is fair and costs nothing; waiting in SQLite's
        # busy handler sleeps in growing steps and may starve somebody.
        self._writer = asyncio.Lock()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that only reads, and return what it returns.

        Raises:
            StorageUnavailable: it could not be read.
        """
        return await _shielded(self._run(work, write=False))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction, commit it, and return what ``work`` returned.

        A cancelled caller does not cancel the transaction: it runs to its end first. A
        connection whose coroutine is cancelled half-way can keep the file locked.

        Raises:
            StorageUnavailable: nothing of it was written.
        """
        return await _shielded(self._run(work, write=True))

    async def _run(self, work: Callable[[Connection], T], *, write: bool) -> T:
        try:
            return await self._transact(work, write=write)
        except IntegrityError:
            # Not the database's fault but ours: two rows where one may be.
            raise
        except DBAPIError as error:
            raise StorageUnavailable(str(error.orig)) from error
        except PoolTimeout as error:
            raise StorageUnavailable("every connection is in use") from error

    async def _transact(self, work: Callable[[Connection], T], *, write: bool) -> T:
        if not write:
            async with self.engine.connect() as connection:
                await connection.execution_options(**_READ_ONLY)
                async with connection.begin():
                    return await connection.run_sync(work)
        async with self._writer, self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


async def _shielded(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            # Wait for the transaction's end whatever else happens; its own error, if any, is
            # of no use to a caller that has gone.
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
        raise


def _new_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": BUSY_TIMEOUT})

    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: SQLAlchemy's defaults lose updates
        # silently (docs.sqlalchemy.org, "SQLite: serializable isolation / savepoints").
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"busy_timeout={int(BUSY_TIMEOUT * 1000)}",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("beambot_read", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine
