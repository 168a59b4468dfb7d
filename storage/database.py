"""The engine and its transactions, and how SQLite and PostgreSQL differ, in one place."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, case, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

T = TypeVar("T")

BUSY_TIMEOUT = 10.0
"""Seconds that a transaction waits for another process's transaction to end."""

CONNECTIONS = 10
"""Connections that one copy keeps to PostgreSQL at most."""

ATTEMPTS = 8
"""How often a transaction that met another one in PostgreSQL is tried in all."""

# serialization_failure, deadlock_detected, and unique_violation: two copies wrote the same row
# at once, and the second attempt finds what the first copy wrote.
_MET_ANOTHER = {"40001", "40P01", "23505"}
_LOCKED = "database is locked"
_ADDRESS = re.compile(r' (?:at|on socket) "[^"]*"(?: \([^)]*\))?(?:, port \d+)?')
_LOCK_NOT_AVAILABLE = "55P03"
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

    SQLite runs writers one after another. In PostgreSQL they run side by side (READ COMMITTED):
    ``work`` locks the rows that it decides by (``with_for_update``, which SQLite leaves out), and
    is run again if it met another transaction all the same. So it must do nothing outside of its
    connection that must not be done twice.

    Args:
        url: an async SQLAlchemy URL, such as ``sqlite+aiosqlite:///beambot.db`` or
            ``postgresql+psycopg://host/beambot``.
    """

    def __init__(self, url: str) -> None:
        self.engine = _new_engine(url)
        # SQLite has one writer. Waiting here is fair and costs nothing; waiting in SQLite's
        # busy handler sleeps in growing steps and may starve somebody.
        self._writer = asyncio.Lock() if self.is_sqlite else None
        self._locked_out = 0
        self._file = _file_of(url) if self.is_sqlite else None
        self._opened: tuple[int, int] | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file with one writer."""
        return self.engine.dialect.name == "sqlite"

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
        for attempt in range(1, ATTEMPTS + 1):
            self._check_file()
            try:
                return await self._transact(work, write=write)
            except DBAPIError as error:
                if attempt < ATTEMPTS and _sqlstate(error) in _MET_ANOTHER:
                    # Apart from each other the next time.
                    await asyncio.sleep(0.01 * 2**attempt * random.random())  # noqa: S311
                    continue
                if isinstance(error, IntegrityError):
                    # Not the database's fault but ours: two rows where one may be.
                    raise
                raise StorageUnavailable(_reason(error)) from error
            except PoolTimeout as error:
                raise StorageUnavailable("every connection is in use") from error
            except OSError as error:
                raise StorageUnavailable("it is not reachable") from error
        raise AssertionError("the last attempt returns or raises")

    async def _transact(self, work: Callable[[Connection], T], *, write: bool) -> T:
        if not write:
            async with self.engine.connect() as connection:
                await connection.execution_options(**_READ_ONLY)
                async with connection.begin():
                    return await connection.run_sync(work)
        if self._writer is None:
            async with self.engine.begin() as connection:
                return await connection.run_sync(work)
        locked_out = self._locked_out
        async with self._writer:
            # While another process keeps the file locked, a turn lasts as long as SQLite waits.
            # Those behind it have waited with it, and would only make each other wait in turn.
            if self._locked_out != locked_out:
                raise StorageUnavailable(_LOCKED)
            try:
                async with self.engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if _LOCKED in str(error.orig):
                    self._locked_out += 1
                raise

    def _check_file(self) -> None:
        # An open file that was moved or deleted goes on taking writes, which are lost with it,
        # and a new connection would begin an empty database in its place.
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except OSError as error:
            if self._opened is not None:
                raise StorageUnavailable("its file is gone") from error
            if not self._file.parent.exists():
                raise StorageUnavailable(f"there is no folder {self._file.parent}") from error
            return
        if self._opened is None:
            self._opened = (found.st_dev, found.st_ino)
        elif self._opened != (found.st_dev, found.st_ino):
            raise StorageUnavailable("its file was replaced; start the bot again to use that one")

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


def upsert(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that can say what happens to a row that is there already."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def database_time(tx: Connection) -> datetime:
    """Return the time that all copies agree on: the database's, in SQLite this machine's."""
    if tx.dialect.name == "sqlite":
        return datetime.now(UTC)
    # Not now(): that is when the transaction began, perhaps before it waited for a lock.
    said: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return said.astimezone(UTC)


def earlier(one: ColumnElement[T], other: ColumnElement[T]) -> ColumnElement[T]:
    """Return the lesser of two values, as no function does in both databases."""
    return case((one < other, one), else_=other)


def is_locked(error: StorageUnavailable) -> bool:
    """Tell whether somebody else's lock was in the way, and for too long."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError) and _sqlstate(cause) == _LOCK_NOT_AVAILABLE:
        return True
    return _LOCKED in error.reason


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _reason(error: DBAPIError) -> str:
    # Of PostgreSQL's words the first line says what is wrong; those after it may quote values.
    # Where the server is belongs to its operator, and everybody may ask ``/readyz``.
    lines = str(error.orig).strip().splitlines()
    return _ADDRESS.sub("", lines[0]) if lines else "unknown"


def _file_of(url: str) -> Path | None:
    name = make_url(url).database
    # SQLite has its own reading of "file:" and of no name at all.
    return Path(name) if name and name != ":memory:" and not name.startswith("file:") else None


def _new_engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() == "sqlite":
        return _new_sqlite(url)
    return _new_postgresql(url)


def _new_postgresql(url: str) -> AsyncEngine:
    milliseconds = int(BUSY_TIMEOUT * 1000)
    limits = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        # A copy that is paused amid a transaction must not hold its rows for ever.
        "idle_in_transaction_session_timeout": milliseconds,
        "timezone": "UTC",
    }
    return create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": int(BUSY_TIMEOUT),
            "application_name": "beambot",
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            # A server that vanished without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            # Nor is it asked after while it owes an answer: that alone would take a quarter hour.
            "tcp_user_timeout": 25_000,
        },
    )


def _new_sqlite(url: str) -> AsyncEngine:
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
